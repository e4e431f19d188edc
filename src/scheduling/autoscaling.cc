#include "scheduling/autoscaling.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace keelson::scheduling {

ReplicaPlan PlanReplicas(const ReplicaSnapshot& snapshot, const ReplicaPolicy& policy) {
  const int most = std::max(policy.max, 0);
  const int least = std::clamp(policy.min, 0, most);
  const int there = std::max(snapshot.ready, 0) + std::max(snapshot.starting, 0);
  const int present = std::min(there, most);
  const int load = std::max(snapshot.in_flight, 0) + std::max(snapshot.held, 0);
  const double target = policy.target_concurrency > 0 ? policy.target_concurrency : 1;
  const double needed = std::ceil(static_cast<double>(load) / target);
  const int wanted = std::clamp(needed < most ? static_cast<int>(needed) : most, least, most);

  if (present < least && wanted == least) return {least, fmt::format("at least {} are kept", least)};
  if (wanted > present) return {wanted, fmt::format("{} requests at {:g} each", load, target)};
  if (wanted == present && there > most) return {most, fmt::format("at most {} are allowed", most)};
  if (wanted == present) return {present, "as many as the requests need"};

  if (wanted == 0 && snapshot.idle_for >= policy.idle) {
    return {0, fmt::format("no request for {}", FormatDuration(policy.idle))};
  }
  const int floor = std::max(wanted, 1);  // the last one goes only after the idle time
  if (floor < present && snapshot.below_for >= policy.stabilization) {
    return {floor, fmt::format("{} requests at {:g} each need {} since {}", load, target, floor,
                               FormatDuration(policy.stabilization))};
  }
  if (floor == present)
    return {present, fmt::format("kept for {} after the last request", FormatDuration(policy.idle))};
  return {present, fmt::format("fewer would do; goes down after {}", FormatDuration(policy.stabilization))};
}

}  // namespace keelson::scheduling
