#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace keelson::scheduling {

enum class StepPhase { kPending, kRunning, kSucceeded, kFailed, kSkipped };
std::string_view StepPhaseName(StepPhase phase);  // "pending", ...

// One step of a pipeline as control stores it.
struct StepState {
  std::string name;
  std::vector<std::string> depends;
  StepPhase phase = StepPhase::kPending;
  int attempts = 0;                 // begun so far
  bool retryable = true;            // of a failed step: false for a fault of the data or the project, not of the world
  std::optional<Instant> ended_at;  // of the last attempt
  std::optional<Instant> next_attempt_at;  // a pending step is not started before
  std::string input_key;   // hash of everything that the step reads; "" until its dependencies have ended
  std::string cached_key;  // input key of the outputs that exist from an earlier run; "" when none do
};

struct PipelineSnapshot {
  std::vector<StepState> steps;
  bool cancelled = false;  // somebody asked for the end
  bool finished = false;   // the finish was recorded
};

struct RetryPolicy {
  int max_attempts = 3;
  Duration first_backoff = std::chrono::seconds(10);
  double factor = 2;
  Duration longest_backoff = std::chrono::minutes(5);
};

struct StepAction {
  enum class Kind {
    kStart,   // begin an attempt: running, attempts + 1
    kSkip,    // the outputs exist already for these inputs: skipped
    kRetry,   // after a failed attempt: pending again, not before `at`
    kFail,    // will never run: failed, not retryable
    kStop,    // a running attempt of a cancelled pipeline: stop it; its end makes it failed, not retryable
    kFinish,  // everything has ended; `succeeded` tells how
  } kind = Kind::kStart;
  std::string step;  // "" for kFinish
  std::optional<Instant> at;
  bool succeeded = false;
  std::string reason;  // for people
  bool operator==(const StepAction&) const = default;
};

// kInvalidArgument for a name twice, a dependency that is not there, a step that waits for itself, naming the steps.
Status CheckSteps(const std::vector<StepState>& steps);

// Pure. In the order of `steps`: a pending step whose dependencies have all succeeded (or were skipped) starts, or is
// skipped when its input key equals the key of outputs that exist; a failed step is tried again after a growing
// back-off while it is retryable and attempts are left; what depends on a step that failed for good fails. Steps that
// CheckSteps would refuse fail as well, so a pipeline always finishes. Skipping opens the way for the next step only in
// the next plan, because that step's input key is not known before. Applied and planned again at the same instant, it
// starts, retries and fails nothing twice.
std::vector<StepAction> PlanSteps(const PipelineSnapshot& pipeline, Instant now, const RetryPolicy& policy);

}  // namespace keelson::scheduling
