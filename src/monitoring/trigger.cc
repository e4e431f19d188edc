#include "monitoring/trigger.h"

#include <fmt/format.h>

#include <algorithm>

namespace keelson::monitoring {

TriggerDecision PlanTrigger(const WindowReport& report, const TriggerState& state, const TriggerPolicy& policy,
                            Instant now) {
  TriggerDecision decision;
  decision.state = state;
  bool judged = false;
  if (policy.drift_threshold && report.predictions >= policy.minimum_count) {
    for (const DriftResult& drift : report.drift) {
      if (!policy.drift_columns.empty() &&
          std::ranges::find(policy.drift_columns, drift.column) == policy.drift_columns.end()) {
        continue;
      }
      judged = true;
      if (drift.value > *policy.drift_threshold) {
        decision.breaches.push_back(fmt::format("{} has drifted: PSI {:.3f} over {} predictions is above {}",
                                                drift.column, drift.value, report.predictions,
                                                *policy.drift_threshold));
      }
    }
  }
  if (policy.performance_floor && report.live.auc && report.live.count >= policy.minimum_count) {
    judged = true;
    if (*report.live.auc < *policy.performance_floor) {
      decision.breaches.push_back(fmt::format("AUC {:.4f} over {} labels is below {}", *report.live.auc,
                                              report.live.count, *policy.performance_floor));
    }
  }
  if (!judged) return decision;
  if (decision.breaches.empty()) {
    decision.state.breaches_in_a_row = 0;
    decision.state.alarmed = false;
    return decision;
  }
  decision.state.breaches_in_a_row = std::min(state.breaches_in_a_row + 1, policy.consecutive);
  if (decision.state.breaches_in_a_row < policy.consecutive) return decision;
  decision.alarm = !state.alarmed;
  decision.state.alarmed = true;
  decision.retrain = !state.last_retraining || now - *state.last_retraining >= policy.cool_down;
  if (decision.retrain) {
    decision.state.last_retraining = now;
    decision.state.breaches_in_a_row = 0;
  }
  return decision;
}

}  // namespace keelson::monitoring
