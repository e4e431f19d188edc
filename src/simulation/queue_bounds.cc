#include "simulation/queue_bounds.h"

#include <algorithm>

namespace keelson::simulation {
namespace {

using scheduling::kResourceCount;

double Seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

AmountsByRoot NominalQuotas(const scheduling::QuotaTree& tree) {
  AmountsByRoot quotas;
  for (int node = 0; node < static_cast<int>(tree.size()); ++node) {
    for (std::size_t f = 0; f < tree.flavors(); ++f) {
      for (std::size_t r = 0; r < kResourceCount; ++r) {
        quotas[tree.root(node)][r] +=
            static_cast<double>(tree.Nominal(node, static_cast<int>(f), static_cast<scheduling::Resource>(r)));
      }
    }
  }
  return quotas;
}

QueueBounds BoundsOf(const QueuedLoad& load, const scheduling::QuotaTree& tree,
                     const std::function<bool(const QueuedLoad::Arrival&)>& counts) {
  QueueBounds bounds;
  if (load.arrivals.empty()) return bounds;
  const Instant first = load.arrivals.front().workload.submitted;
  const AmountsByRoot quotas = NominalQuotas(tree);
  AmountsByRoot work;
  std::map<int, std::map<Instant, std::array<double, kResourceCount>>> slopes;  // by root: how demand changes
  for (const QueuedLoad::Arrival& arrival : load.arrivals) {
    if (!counts(arrival)) continue;
    const int root = tree.root(tree.FindQueue(arrival.workload.queue));
    const scheduling::Amounts amounts = arrival.workload.all(arrival.workload.pods);
    for (std::size_t r = 0; r < kResourceCount; ++r) {
      const auto amount = static_cast<double>(amounts.of[r]);
      slopes[root][arrival.workload.submitted][r] += amount;
      slopes[root][arrival.workload.submitted + arrival.run_time][r] -= amount;
      work[root][r] += amount * Seconds(arrival.run_time);
    }
  }
  for (const auto& [root, of] : work) {
    for (std::size_t r = 0; r < kResourceCount; ++r) {
      const double quota = quotas.at(root)[r];
      if (quota > 0) bounds.of_work = std::max(bounds.of_work, of[r] / quota);
    }
  }
  bounds.of_arrivals = bounds.of_work;
  AmountsByRoot left = std::move(work);
  for (const auto& [root, changes] : slopes) {
    std::array<double, kResourceCount> demand{};
    Instant before = first;
    for (const auto& [at, change] : changes) {
      for (std::size_t r = 0; r < kResourceCount; ++r) {
        left[root][r] -= demand[r] * Seconds(at - before);
        demand[r] += change[r];
        const double quota = quotas.at(root)[r];
        if (quota > 0) bounds.of_arrivals = std::max(bounds.of_arrivals, Seconds(at - first) + left[root][r] / quota);
      }
      before = at;
    }
  }
  return bounds;
}

}  // namespace keelson::simulation
