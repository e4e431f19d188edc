#include "control/decisions.h"

#include <fmt/format.h>

#include <algorithm>

#include "training/evaluation.h"

namespace keelson::control {

std::string GateRefusal(const project::PromoteSpec& promote, const Json& candidate, const Json& champion) {
  for (const auto& requirement : promote.require) {
    if (!candidate.contains(requirement.metric) || candidate.at(requirement.metric).is_null()) {
      return fmt::format("its {} could not be measured", requirement.metric);
    }
    const double value = candidate.at(requirement.metric);
    const bool holds = requirement.op == ">="   ? value >= requirement.value
                       : requirement.op == ">"  ? value > requirement.value
                       : requirement.op == "<=" ? value <= requirement.value
                                                : value < requirement.value;
    if (!holds)
      return fmt::format("{} is {:.4f}, required is {} {}", requirement.metric, value, requirement.op,
                         requirement.value);
  }
  if (!promote.not_worse_than || champion.is_null()) return "";
  const std::string metric = promote.require.empty() ? "auc" : promote.require.front().metric;
  if (!champion.contains(metric) || champion.at(metric).is_null()) return "";
  if (!candidate.contains(metric) || candidate.at(metric).is_null()) {
    return fmt::format("its {} could not be measured", metric);
  }
  const double mine = candidate.at(metric);
  const double theirs = champion.at(metric);
  const double worse_by = training::HigherIsBetter(metric) ? theirs - mine : mine - theirs;
  if (worse_by > promote.tolerance) {
    return fmt::format("{} is {:.4f}, the {}'s is {:.4f} on the same rows", metric, mine, *promote.not_worse_than,
                       theirs);
  }
  return "";
}

gateway::CanaryPolicy CanaryPolicyOf(const project::CanarySpec& canary) {
  return {.steps = canary.steps,
          .interval = canary.interval,
          .guard_error_rate = canary.guard_error_rate,
          .guard_p99 = canary.guard_p99};
}

void BeginRollout(Rollout& rollout, int version, Instant at) {
  rollout.challenger = version;
  rollout.step = -1;
  rollout.step_since = at;
}

void TakeStep(Rollout& rollout, int step, Instant at) {
  rollout.step = step;
  rollout.step_since = at;
}

void PutInService(Rollout& rollout, int version, Instant at) {
  rollout.previous = rollout.champion;
  rollout.champion = version;
  rollout.champion_since = at;
  EndRollout(rollout);
}

void EndRollout(Rollout& rollout) {
  rollout.challenger.reset();
  rollout.step = -1;
}

std::optional<Instant> CanaryDue(const Rollout& rollout, const project::CanarySpec& canary) {
  if (!rollout.challenger) return std::nullopt;
  return rollout.step < 0 ? rollout.step_since : rollout.step_since + canary.interval;
}

int ShareOf(const Rollout& rollout, const project::CanarySpec& canary) {
  if (!rollout.challenger || rollout.step < 0) return 0;
  // A revision may have fewer steps than the one that the rollout began with.
  return canary.steps[std::min(static_cast<std::size_t>(rollout.step), canary.steps.size() - 1)];
}

std::vector<std::pair<int, int>> TrafficOf(const Rollout& rollout, const project::CanarySpec& canary) {
  std::vector<std::pair<int, int>> traffic;
  const int share = ShareOf(rollout, canary);
  if (rollout.champion) traffic.emplace_back(*rollout.champion, 100 - share);
  // A first version has nobody to share with.
  if (rollout.challenger) traffic.emplace_back(*rollout.challenger, rollout.champion ? share : 100);
  return traffic;
}

Instant NextEvaluation(Instant due, Instant at, Duration interval) {
  Instant next = due + interval;
  while (next <= at) next += interval;
  return next;
}

Instant FirstEvaluation(const Calendar& calendar, Instant in_service_since, Duration interval) {
  return NextEvaluation(calendar.StartOfDay(in_service_since), in_service_since, interval);
}

WatchDecision PlanWatch(const project::MonitorSpec& monitor, monitoring::WindowReport report,
                        const monitoring::TriggerState& trigger, Instant champion_since, bool busy, Instant at) {
  if (monitor.drift && at - champion_since < monitor.drift->window) report.drift.clear();
  monitoring::TriggerPolicy policy;
  if (monitor.drift) {
    policy.drift_threshold = monitor.drift->threshold;
    policy.drift_columns = monitor.drift->columns;
  }
  if (monitor.performance) policy.performance_floor = monitor.performance->floor;
  policy.consecutive = monitor.consecutive;
  policy.cool_down = monitor.cool_down;
  monitoring::TriggerDecision decision = monitoring::PlanTrigger(report, trigger, policy, at);
  WatchDecision watch{.report = std::move(report),
                      .trigger = decision.state,
                      .breaches = std::move(decision.breaches),
                      .alarm = decision.alarm,
                      .retrain = decision.retrain && monitor.on_breach == "retrain" && !busy};
  if (!watch.retrain) watch.trigger.last_retraining = trigger.last_retraining;  // none was begun
  return watch;
}

}  // namespace keelson::control
