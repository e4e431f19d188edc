#include "simulation/outages.h"

#include <fmt/format.h>

#include <cmath>
#include <map>

#include "base/hash.h"

namespace keelson::simulation {
namespace {

constexpr double kMillion = 1e6;
constexpr double kLongestHours = 24.0 * 365 * 10'000;  // what comes later does not come

double Hours(Duration duration) {
  return std::chrono::duration<double, std::ratio<3600>>(duration).count();
}

}  // namespace

Outages::Outages(const Fleet& fleet, const Failures& failures) : failures_(failures) {
  std::map<std::string, int> zones;
  hourly_.resize(fleet.pools.size());
  there_.resize(fleet.pools.size());
  paid_.resize(fleet.pools.size());
  for (std::size_t p = 0; p < fleet.pools.size(); ++p) {
    const Fleet::Pool& pool = fleet.pools[p];
    const int zone = zones.try_emplace(pool.zone, static_cast<int>(zones.size())).first->second;
    zones_.resize(zones.size());
    for (int i = 0; i < pool.nodes; ++i) {
      const int node = static_cast<int>(nodes_.size());
      nodes_.push_back({static_cast<int>(p), zone, pool.PriceOf(i), true, {}});
      Count(nodes_.back(), 1);
      zones_[static_cast<std::size_t>(zone)].push_back(node);
      const std::string name = fmt::format("{}/{}", pool.name, i);
      const double rate = i < pool.spot_nodes() ? failures.interruptions.value_or(pool.interruptions) : 0;
      AddStream(Due::kInterruption, node, rate, failures.seed, "spot " + name);
      AddStream(Due::kNodeLoss, node, failures.node_loss, failures.seed, "node " + name);
    }
  }
  for (const auto& [name, zone] : zones) {
    AddStream(Due::kZoneLoss, zone, failures.zone_loss, failures.seed, "zone " + name);
  }
}

void Outages::AddStream(Due kind, int about, double rate, std::uint64_t seed, const std::string& name) {
  if (rate <= 0) return;
  streams_.push_back({Random(StableHash(fmt::format("{} {}", seed, name))), rate, about, kind});
  DrawNext(streams_.size() - 1, Instant{});
}

void Outages::DrawNext(std::size_t stream, Instant from) {
  Stream& of = streams_[stream];
  const double hours = -std::log(1 - of.random.Uniform()) / of.rate;
  if (hours > kLongestHours) return;
  const auto gap = std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::ratio<3600>>(hours));
  due_.emplace(from + gap, of.kind, static_cast<int>(stream));
}

std::optional<Instant> Outages::Next() const {
  if (due_.empty()) return std::nullopt;
  return std::get<Instant>(*due_.begin());
}

bool Outages::IsThere(int node) const {
  return node < 0 || static_cast<std::size_t>(node) >= nodes_.size() || nodes_[static_cast<std::size_t>(node)].there;
}

Result<std::vector<Outages::Change>> Outages::Take(Instant now) {
  std::vector<Change> changes;
  while (!due_.empty() && std::get<Instant>(*due_.begin()) <= now) {
    const auto [at, kind, index] = *due_.begin();
    due_.erase(due_.begin());
    if (kind == Due::kBack) {
      NodeIs& node = nodes_[static_cast<std::size_t>(index)];
      node.there = true;
      --away_;
      Count(node, 1);
      changes.push_back({Change::Kind::kBack, index, {}});
    } else if (kind == Due::kGone) {
      ++interrupted_;
      Lose(index, at, changes);
    } else {
      if (++failed_ > kMostFailures) {
        return Fail(ErrorCode::kResourceExhausted,
                    fmt::format("more than {} failures: the rates are too high for so long a time", kMostFailures));
      }
      Strike(static_cast<std::size_t>(index), at, changes);
    }
  }
  return changes;
}

void Outages::Strike(std::size_t stream, Instant now, std::vector<Change>& changes) {
  const Due kind = streams_[stream].kind;
  const int about = streams_[stream].about;
  DrawNext(stream, now);
  if (kind == Due::kInterruption) {
    NodeIs& node = nodes_[static_cast<std::size_t>(about)];
    if (!node.there || node.gone_at) return;
    node.gone_at = now + failures_.notice;
    ++noticed_;
    due_.emplace(*node.gone_at, Due::kGone, about);
    changes.push_back({Change::Kind::kNotice, about, *node.gone_at});
    return;
  }
  const std::vector<int> one = {about};
  for (const int node : kind == Due::kZoneLoss ? zones_[static_cast<std::size_t>(about)] : one) {
    if (!nodes_[static_cast<std::size_t>(node)].there) continue;
    ++lost_;
    Lose(node, now, changes);
  }
}

void Outages::Lose(int node, Instant now, std::vector<Change>& changes) {
  NodeIs& is = nodes_[static_cast<std::size_t>(node)];
  if (is.gone_at) {
    due_.erase({*is.gone_at, Due::kGone, node});
    is.gone_at.reset();
    --noticed_;
  }
  is.there = false;
  ++away_;
  Count(is, -1);
  due_.emplace(now + failures_.back, Due::kBack, node);
  changes.push_back({Change::Kind::kGone, node, {}});
}

void Outages::Count(const NodeIs& node, int step) {
  hourly_[static_cast<std::size_t>(node.pool)] += step * node.price;
  there_[static_cast<std::size_t>(node.pool)] += step;
}

void Outages::Pay(Instant now) {
  const double hours = Hours(now - paid_until_);
  for (std::size_t p = 0; p < paid_.size(); ++p) {
    paid_[p].node_hours += there_[p] * hours;
    paid_[p].cost += static_cast<double>(hourly_[p]) / kMillion * hours;
  }
  paid_until_ = now;
}

std::vector<double> Outages::CostOfPools() const {
  std::vector<double> costs;
  for (const Paid& each : paid_) costs.push_back(each.cost);
  return costs;
}

double Outages::cost() const {
  double cost = 0;
  for (const Paid& each : paid_) cost += each.cost;
  return cost;
}

}  // namespace keelson::simulation
