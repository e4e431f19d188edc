#include "gateway/canary.h"

#include <fmt/core.h>

#include <algorithm>

namespace keelson::gateway {
namespace {

using Kind = CanaryAction::Kind;

// Why the challenger must go; "" while every guard is kept.
std::string BrokenGuard(const CanarySnapshot& snapshot, const CanaryPolicy& policy) {
  if (policy.guard_error_rate && snapshot.errors > 0) {
    // Over at least guard_min_requests, as if the missing ones were good: one early error of few requests is not yet a
    // rate, but errors that no number of good requests could still make up for break the guard at once.
    const auto base = static_cast<double>(std::max(snapshot.requests, policy.guard_min_requests));
    const double rate = static_cast<double>(snapshot.errors) / base;
    if (rate > *policy.guard_error_rate) {
      return fmt::format("{} of {} requests failed; the guard allows {:g}%", snapshot.errors, snapshot.requests,
                         *policy.guard_error_rate * 100);
    }
  }
  if (policy.guard_p99 && snapshot.p99 && snapshot.requests >= policy.guard_min_requests &&
      *snapshot.p99 > *policy.guard_p99 && (!snapshot.champion_p99 || *snapshot.p99 > 2 * *snapshot.champion_p99)) {
    return fmt::format("p99 is {}; the guard allows {}", FormatDuration(*snapshot.p99),
                       FormatDuration(*policy.guard_p99));
  }
  return "";
}

}  // namespace

CanaryAction PlanCanary(const CanarySnapshot& snapshot, Instant now, const CanaryPolicy& policy) {
  if (snapshot.challenger.empty()) return {Kind::kWait, -1, 0, "nothing is rolled out"};
  const int last = std::max(static_cast<int>(policy.steps.size()) - 1, 0);
  const bool begun = snapshot.step >= 0;
  const bool first_version = snapshot.champion.empty();

  if (begun && !first_version) {
    if (std::string reason = BrokenGuard(snapshot, policy); !reason.empty())
      return {Kind::kRollBack, -1, 0, std::move(reason)};
  }
  if (!snapshot.challenger_ready) {
    return {Kind::kWait, -1, 0, fmt::format("no replica of version {} is ready", snapshot.challenger)};
  }
  if (first_version) {
    if (snapshot.step < last) return {Kind::kSetWeight, last, 100, "the first version takes all traffic"};
    return {Kind::kPromote, -1, 0, "the first version is in service"};
  }
  const Duration lasted = now - snapshot.step_since;
  if (begun && lasted < policy.interval) {
    return {Kind::kWait, -1, 0,
            fmt::format("step {} of {}: {} to go", std::min(snapshot.step, last) + 1, last + 1,
                        FormatDuration(policy.interval - lasted))};
  }
  if (snapshot.step >= last) return {Kind::kPromote, -1, 0, "the last step has passed with the guards kept"};
  const int next = begun ? snapshot.step + 1 : 0;
  const int percent = policy.steps.empty() ? 100 : policy.steps[static_cast<std::size_t>(next)];
  return {Kind::kSetWeight, next, percent,
          fmt::format("step {} of {}: {}% of the traffic", next + 1, last + 1, percent)};
}

}  // namespace keelson::gateway
