#include "simulation/invariants.h"

#include <fmt/format.h>

#include <map>

namespace keelson::simulation {
namespace {

using Broken = std::optional<std::string>;

Broken Traffic(const World& world) {
  for (const Routed& each : world.live.routed) {
    if (!each.ready) {
      return fmt::format("traffic: a request of version {} went to '{}', which is not ready", each.version,
                         each.replica);
    }
  }
  return std::nullopt;
}

Broken Jobs(const World& world, const std::set<std::string>& submitted) {
  for (const std::string& id : submitted) {
    if (!world.stored.jobs.contains(id)) return fmt::format("lost job: '{}' was submitted and is nowhere", id);
  }
  for (const auto& [id, job] : world.stored.jobs) {
    if (job.completions > 1) return fmt::format("run twice: '{}' was completed {} times", id, job.completions);
    if (job.done != (job.completions == 1)) return fmt::format("lost job: '{}' is done and was never completed", id);
  }
  return std::nullopt;
}

Broken Limits(const World& world) {
  scheduling::Resources all;
  std::map<std::string, scheduling::Resources> by_queue;
  std::map<std::string, int> by_group, replicas;
  std::map<std::string, int> group_limits;
  for (const auto& [id, attempt] : world.live.running) {
    const auto job = world.stored.jobs.find(id);
    if (job == world.stored.jobs.end()) continue;
    const scheduling::PendingJob& ask = job->second.ask;
    all += ask.request;
    by_queue[ask.queue] += ask.request;
    if (ask.group_parallel_limit > 0 && ++by_group[ask.group] > ask.group_parallel_limit) {
      return fmt::format("limits: more than {} of group '{}' run", ask.group_parallel_limit, ask.group);
    }
    const bool kept = job->second.replica_of != 0 && !attempt.stops;
    if (kept && ++replicas[std::to_string(job->second.replica_of)] > world.replicas.max) {
      return fmt::format("limits: version {} has more than {} replicas", job->second.replica_of, world.replicas.max);
    }
  }
  if (!all.FitsIn(world.capacity)) return "limits: more runs than the machine has";
  for (const auto& queue : world.queues) {
    if (!by_queue[queue.name].FitsIn(queue.quota))
      return fmt::format("limits: queue '{}' is over its quota", queue.name);
  }
  return std::nullopt;
}

Broken Rollouts(const World& world) {
  const Stored& stored = world.stored;
  int sum = 0, carrying = 0;
  for (const auto& [version, percent] : stored.weights) {
    if (percent < 0 || percent > 100) return fmt::format("weights: version {} has {} %", version, percent);
    sum += percent;
    if (percent > 0) ++carrying;
    const bool known = version == stored.champion || version == stored.challenger;
    if (percent > 0 && !known)
      return fmt::format("one rollout: version {} has traffic beside champion and challenger", version);
  }
  if (sum != 100 && sum != 0) return fmt::format("weights: they add up to {}", sum);
  if (carrying > 2) return fmt::format("one rollout: {} versions have traffic", carrying);
  if (stored.champion != 0) {
    const Version* champion = world.Find(stored.champion);
    if (champion == nullptr || !champion->stored)
      return fmt::format("rollback: the champion {} is gone", stored.champion);
    if (stored.challenger == stored.champion) return "rollback: the challenger is the champion";
    const Version* previous = world.Find(stored.previous_champion);
    if (stored.previous_champion != 0 && (previous == nullptr || !previous->stored)) {
      return fmt::format("rollback: the champion before, {}, is gone", stored.previous_champion);
    }
  }
  return std::nullopt;
}

}  // namespace

Broken Invariants::Check(const World& world) {
  if (auto broken = Traffic(world)) return broken;
  if (auto broken = Jobs(world, submitted_)) return broken;
  if (auto broken = Limits(world)) return broken;
  for (std::size_t i = 0; i < world.stored.versions.size(); ++i) {
    if (world.stored.versions[i].number != static_cast<int>(i) + 1) {
      return fmt::format("versions: number {} stands at place {}", world.stored.versions[i].number, i + 1);
    }
  }
  if (world.stored.versions.size() < versions_) return "versions: one has vanished";
  versions_ = world.stored.versions.size();
  return Rollouts(world);
}

Broken Invariants::CheckEnd(const World& world, const std::set<std::string>& submitted_early) const {
  for (const std::string& id : submitted_early) {
    const auto job = world.stored.jobs.find(id);
    if (submitted_.contains(id) && job != world.stored.jobs.end() && job->second.replica_of == 0 && !job->second.done) {
      return fmt::format("starved: '{}' has not ended", id);
    }
  }
  return std::nullopt;
}

}  // namespace keelson::simulation
