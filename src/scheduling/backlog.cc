#include "scheduling/backlog.h"

#include <limits>

namespace keelson::scheduling {

Amounts WaitingKind::all(int pods) const {
  Amounts amounts = each;
  for (std::int64_t& amount : amounts.of) amount *= pods;
  return amounts;
}

Backlog::Asked Backlog::AskedBy(const Key& key) {
  const auto& [queue, workload_class, priority, shape, pods, least, level, required, run_time, high, search, parallel,
               rung] = key;
  return {queue, shape, pods, least, level, required, search};
}

void Backlog::Add(Workload workload, int queue, std::size_t shape, const std::vector<int>& flavors) {
  Key key{queue,
          workload.workload_class,
          -workload.priority,
          shape,
          workload.pods,
          workload.least(),
          workload.topology.level,
          workload.topology.required,
          workload.run_time ? workload.run_time->count() : -1,
          workload.run_time_high ? workload.run_time_high->count() : -1,
          workload.search,
          workload.parallel,
          workload.rung};
  WaitingKind& kind = kinds_[key];
  if (kind.waiting.empty()) {
    kind.queue = queue;
    kind.shape = shape;
    kind.each = workload.each();
    kind.flavors = flavors;
    kind.cause = {};
    Alike& alike = alikes_[AskedBy(key)];
    if (alike.kinds++ == 0) alike.number = next_alike_++;
    kind.alike = alike.number;
  }
  places_.emplace(workload.id, std::pair(std::move(key), workload.submitted));
  std::pair<Instant, std::string> place{workload.submitted, workload.id};
  kind.waiting.emplace(std::move(place), std::move(workload));
}

std::optional<Workload> Backlog::Take(const std::string& id) {
  const auto place = places_.find(id);
  if (place == places_.end()) return std::nullopt;
  const auto kind = kinds_.find(place->second.first);
  auto taken = kind->second.waiting.extract({place->second.second, id});
  if (kind->second.waiting.empty()) {
    const auto alike = alikes_.find(AskedBy(kind->first));
    if (--alike->second.kinds == 0) alikes_.erase(alike);
    kinds_.erase(kind);
  }
  places_.erase(place);
  return std::move(taken.mapped());
}

std::ranges::subrange<std::map<Backlog::Key, WaitingKind>::iterator> Backlog::KindsOf(int begin, int end) {
  const auto from = [this](int queue) {
    constexpr int kLeast = std::numeric_limits<int>::min();
    return kinds_.lower_bound({queue, WorkloadClass{}, kLeast, 0, kLeast, kLeast, "", false,
                               std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::min(), "",
                               kLeast, kLeast});
  };
  return {from(begin), from(end)};
}

const WaitingKind* Backlog::Find(const std::string& id) const {
  const auto place = places_.find(id);
  return place == places_.end() ? nullptr : &kinds_.at(place->second.first);
}

const Workload* Backlog::FindWorkload(const std::string& id) const {
  const auto place = places_.find(id);
  if (place == places_.end()) return nullptr;
  return &kinds_.at(place->second.first).waiting.at({place->second.second, id});
}

}  // namespace keelson::scheduling
