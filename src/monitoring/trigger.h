#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "monitoring/monitor.h"

namespace keelson::monitoring {

struct TriggerPolicy {
  std::optional<double> drift_threshold;
  std::vector<std::string> drift_columns;  // empty: all
  std::optional<double> performance_floor;
  std::uint64_t minimum_count = 200;  // fewer predictions or labels say nothing
  int consecutive = 1;                // hysteresis: breaches in a row that make an alarm
  Duration cool_down{};               // after an alarm that led to a retraining, or after a promotion
};

// What is remembered between evaluations; stored by control.
struct TriggerState {
  int breaches_in_a_row = 0;
  std::optional<Instant> last_retraining;
  bool alarmed = false;  // an alarm is raised once, and again only after a quiet evaluation
};

struct TriggerDecision {
  TriggerState state;                 // to store
  std::vector<std::string> breaches;  // what is out of bounds now, a sentence each
  bool alarm = false;                 // newly raised
  bool retrain = false;
};

// Pure. What is judged: each drift column (all, or those named) when the window has minimum_count predictions, breached
// above the threshold; the live AUC when it has minimum_count labels, breached below the floor. An evaluation that
// judges nothing changes nothing; one without a breach is quiet and ends the row of breaches and the alarm. The last of
// `consecutive` breaches in a row raises the alarm, if none is up, and retrains, unless cooling down: control sets
// state.last_retraining at a promotion too. While breaches go on, retraining comes again after each cool-down, and then
// needs `consecutive` breaches anew.
TriggerDecision PlanTrigger(const WindowReport& report, const TriggerState& state, const TriggerPolicy& policy,
                            Instant now);

}  // namespace keelson::monitoring
