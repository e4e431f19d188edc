#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "control/types.h"
#include "gateway/canary.h"
#include "monitoring/monitor.h"
#include "monitoring/trigger.h"
#include "project/spec.h"

namespace keelson::control {

// What a project decides at the instants of its clock, without the acting: ProjectRuntime acts on it with replicas and
// jobs, `keelson backtest` with nothing but the past. All of it is pure, or changes the Rollout given and nothing else.

// "" or why a version with these measures (of training::Evaluate) stays out of service. `champion`: the measures of the
// version in service on the same rows; null when there is none.
std::string GateRefusal(const project::PromoteSpec& promote, const Json& candidate, const Json& champion);

gateway::CanaryPolicy CanaryPolicyOf(const project::CanarySpec& canary);

// A version that passed the gate begins its way in.
void BeginRollout(Rollout& rollout, int version, Instant at);
// The canary came to this step.
void TakeStep(Rollout& rollout, int step, Instant at);
// The version is in service; whatever was on its way in is no longer.
void PutInService(Rollout& rollout, int version, Instant at);
// The challenger is given up.
void EndRollout(Rollout& rollout);

// When the canary has to be looked at next: now, or when its step has lasted. Nothing without a challenger.
std::optional<Instant> CanaryDue(const Rollout& rollout, const project::CanarySpec& canary);

// The challenger's share of the requests in percent, beside a champion; 0 before its first step.
int ShareOf(const Rollout& rollout, const project::CanarySpec& canary);
// The versions that get requests and their shares in percent, the champion first: the order decides which requests go
// where. A challenger that waits for its first step is there with 0.
std::vector<std::pair<int, int>> TrafficOf(const Rollout& rollout, const project::CanarySpec& canary);

// When the monitor looks: at the ends of days of the project's calendar and then every `interval`, skipping what has
// passed.
Instant FirstEvaluation(const Calendar& calendar, Instant in_service_since, Duration interval);
Instant NextEvaluation(Instant due, Instant at, Duration interval);

struct WatchDecision {
  monitoring::WindowReport report;   // what was judged
  monitoring::TriggerState trigger;  // to store
  std::vector<std::string> breaches;
  bool alarm = false;    // newly raised
  bool retrain = false;  // begin one now
};
// What an evaluation at `at` leads to. A champion is compared with its profile once it has served a whole window: three
// days lack four weekdays. `busy`: a pipeline or rollout of the project is under way, or a pipeline's effect is still
// to come; no retraining begins then.
WatchDecision PlanWatch(const project::MonitorSpec& monitor, monitoring::WindowReport report,
                        const monitoring::TriggerState& trigger, Instant champion_since, bool busy, Instant at);

}  // namespace keelson::control
