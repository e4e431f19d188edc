#include "scheduling/steps.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/strings.h"

namespace keelson::scheduling {
namespace {

bool Done(const StepState& step) {
  return step.phase == StepPhase::kSucceeded || step.phase == StepPhase::kSkipped;
}

bool FailedForGood(const StepState& step, const RetryPolicy& policy) {
  return step.phase == StepPhase::kFailed && (!step.retryable || step.attempts >= policy.max_attempts);
}

Duration Backoff(int attempts, const RetryPolicy& policy) {
  const double longest = static_cast<double>(policy.longest_backoff.count());
  const double wait =
      static_cast<double>(policy.first_backoff.count()) * std::pow(policy.factor, std::max(attempts, 1) - 1);
  return wait < longest ? Duration(static_cast<std::int64_t>(wait)) : policy.longest_backoff;
}

// Steps that can be ordered; what is left over waits for itself, directly or in a circle.
std::set<std::string> Orderable(const std::map<std::string, const StepState*>& by_name) {
  std::set<std::string> ordered;
  for (bool grew = true; grew;) {
    grew = false;
    for (const auto& [name, step] : by_name) {
      if (ordered.contains(name)) continue;
      const bool ready = std::all_of(step->depends.begin(), step->depends.end(), [&](const std::string& dependency) {
        return ordered.contains(dependency) || !by_name.contains(dependency);
      });
      if (ready) grew = ordered.insert(name).second;
    }
  }
  return ordered;
}

class Planner {
 public:
  Planner(const PipelineSnapshot& pipeline, Instant now, const RetryPolicy& policy)
      : pipeline_(pipeline), now_(now), policy_(policy) {
    for (const StepState& step : pipeline.steps) by_name_.emplace(step.name, &step);
    orderable_ = Orderable(by_name_);
  }

  std::vector<StepAction> Plan() {
    for (const StepState& step : pipeline_.steps) {
      if (step.phase == StepPhase::kPending) Pending(step);
      if (step.phase == StepPhase::kRunning) Running(step);
      if (step.phase == StepPhase::kFailed) Failed(step);
    }
    if (ended_ && actions_.empty() && !pipeline_.finished) Finish();
    return std::move(actions_);
  }

 private:
  void Pending(const StepState& step) {
    ended_ = false;
    if (pipeline_.cancelled) return Fail(step, "the pipeline was cancelled");
    if (!orderable_.contains(step.name)) return Fail(step, "waits for itself: its dependencies form a circle");
    for (const std::string& name : step.depends) {
      const auto dependency = by_name_.find(name);
      if (dependency == by_name_.end()) return Fail(step, fmt::format("depends on '{}', which is no step", name));
      if (FailedForGood(*dependency->second, policy_)) return Fail(step, fmt::format("step '{}' failed", name));
    }
    for (const std::string& name : step.depends) {
      if (!Done(*by_name_.at(name))) return;
    }
    if (!step.input_key.empty() && step.input_key == step.cached_key) {
      return Act(StepAction::Kind::kSkip, step, "its inputs have not changed");
    }
    if (step.next_attempt_at && *step.next_attempt_at > now_) return;
    Act(StepAction::Kind::kStart, step,
        step.attempts == 0 ? "its inputs are ready" : fmt::format("attempt {}", step.attempts + 1));
  }

  void Running(const StepState& step) {
    ended_ = false;
    if (pipeline_.cancelled) Act(StepAction::Kind::kStop, step, "the pipeline was cancelled");
  }

  void Failed(const StepState& step) {
    if (FailedForGood(step, policy_)) return;
    ended_ = false;
    if (pipeline_.cancelled) return Fail(step, "the pipeline was cancelled");
    StepAction action{StepAction::Kind::kRetry, step.name, {}, false, {}};
    action.at = step.ended_at.value_or(now_) + Backoff(step.attempts, policy_);
    action.reason = fmt::format("attempt {} of {} failed", step.attempts, policy_.max_attempts);
    actions_.push_back(std::move(action));
  }

  void Finish() {
    const bool succeeded = std::all_of(pipeline_.steps.begin(), pipeline_.steps.end(), Done);
    actions_.push_back(
        {StepAction::Kind::kFinish, "", {}, succeeded, succeeded ? "every step is done" : "a step failed"});
  }

  void Fail(const StepState& step, std::string reason) { Act(StepAction::Kind::kFail, step, std::move(reason)); }
  void Act(StepAction::Kind kind, const StepState& step, std::string reason) {
    actions_.push_back({kind, step.name, {}, false, std::move(reason)});
  }

  const PipelineSnapshot& pipeline_;
  const Instant now_;
  const RetryPolicy& policy_;
  std::map<std::string, const StepState*> by_name_;
  std::set<std::string> orderable_;
  bool ended_ = true;
  std::vector<StepAction> actions_;
};

}  // namespace

std::string_view StepPhaseName(StepPhase phase) {
  switch (phase) {
    case StepPhase::kPending:
      return "pending";
    case StepPhase::kRunning:
      return "running";
    case StepPhase::kSucceeded:
      return "succeeded";
    case StepPhase::kFailed:
      return "failed";
    case StepPhase::kSkipped:
      return "skipped";
  }
  return "pending";
}

Status CheckSteps(const std::vector<StepState>& steps) {
  std::map<std::string, const StepState*> by_name;
  for (const StepState& step : steps) {
    if (!by_name.emplace(step.name, &step).second) {
      return Fail(ErrorCode::kInvalidArgument, fmt::format("two steps are named '{}'", step.name), step.name);
    }
  }
  for (const StepState& step : steps) {
    for (const std::string& dependency : step.depends) {
      if (!by_name.contains(dependency)) {
        return Fail(ErrorCode::kInvalidArgument, fmt::format("depends on '{}', which is no step", dependency),
                    step.name);
      }
    }
  }
  const std::set<std::string> orderable = Orderable(by_name);
  std::vector<std::string> circle;
  for (const StepState& step : steps) {
    if (!orderable.contains(step.name)) circle.push_back(step.name);
  }
  if (circle.empty()) return {};
  return Fail(ErrorCode::kInvalidArgument, fmt::format("these steps wait for each other: {}", Join(circle, ", ")),
              circle.front());
}

std::vector<StepAction> PlanSteps(const PipelineSnapshot& pipeline, Instant now, const RetryPolicy& policy) {
  return Planner(pipeline, now, policy).Plan();
}

}  // namespace keelson::scheduling
