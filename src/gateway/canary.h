#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace keelson::gateway {

struct CanaryPolicy {
  std::vector<int> steps = {5, 25, 100};   // percent of the traffic, rising, ending with 100
  Duration interval{};                     // of the project's clock, between steps
  std::optional<double> guard_error_rate;  // over this: roll back
  std::optional<Duration> guard_p99;       // wall time; over this, and over twice the champion's: roll back
  std::uint64_t guard_min_requests = 50;   // fewer say nothing about p99; the error rate is taken over at least so many
};

struct CanarySnapshot {
  std::string champion;           // version in service; "" for a first version
  std::string challenger;         // version that is rolled out
  int step = -1;                  // index of the present step; -1: not begun
  Instant step_since;             // project clock
  bool challenger_ready = false;  // a replica of it is ready
  std::uint64_t requests = 0;     // of the challenger in this step
  std::uint64_t errors = 0;
  std::optional<Duration> p99;
  std::optional<Duration> champion_p99;
};

struct CanaryAction {
  enum class Kind { kWait, kSetWeight, kPromote, kRollBack } kind = Kind::kWait;
  int step = -1;       // of kSetWeight
  int percent = 0;     // of kSetWeight: the challenger's share
  std::string reason;  // for people
  bool operator==(const CanaryAction&) const = default;
};

// Pure. First step as soon as the challenger is ready; the next one, never skipping, after each interval with the
// guards kept; promotion when the last step (100 %) has lasted an interval; roll-back at once when a guard breaks, at
// any step and whether or not the challenger is ready. While no replica of the challenger is ready nothing moves
// forward. A first version goes to 100 % at once and is promoted at the next look: there is nothing to roll back to, so
// no guard holds it.
CanaryAction PlanCanary(const CanarySnapshot& snapshot, Instant now, const CanaryPolicy& policy);

}  // namespace keelson::gateway
