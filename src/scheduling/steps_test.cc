#include "scheduling/steps.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/random.h"

namespace keelson::scheduling {
namespace {

using std::chrono::seconds;
constexpr Instant kNow = InstantFromMicros(1'000'000'000);

StepState Step(std::string name, std::vector<std::string> depends = {}, StepPhase phase = StepPhase::kPending) {
  StepState step;
  step.name = std::move(name);
  step.depends = std::move(depends);
  step.phase = phase;
  return step;
}

std::vector<std::string> Lines(const PipelineSnapshot& pipeline, Instant now = kNow, const RetryPolicy& policy = {}) {
  std::vector<std::string> lines;
  for (const StepAction& action : PlanSteps(pipeline, now, policy)) {
    static const std::map<StepAction::Kind, std::string> kNames = {
        {StepAction::Kind::kStart, "start"}, {StepAction::Kind::kSkip, "skip"}, {StepAction::Kind::kRetry, "retry"},
        {StepAction::Kind::kFail, "fail"},   {StepAction::Kind::kStop, "stop"}, {StepAction::Kind::kFinish, "finish"}};
    std::string line = kNames.at(action.kind) + " " + action.step;
    if (action.at) line += " at +" + FormatDuration(*action.at - kNow);
    if (action.kind == StepAction::Kind::kFinish) line += action.succeeded ? "well" : "badly";
    EXPECT_FALSE(action.reason.empty());
    lines.push_back(line);
  }
  return lines;
}
using Expected = std::vector<std::string>;

TEST(StepsTest, StartsWhatHasItsInputs) {
  EXPECT_EQ(Lines({{Step("a"), Step("b"), Step("c", {"a", "b"})}}), (Expected{"start a", "start b"}));
  EXPECT_EQ(Lines({{Step("a", {}, StepPhase::kSucceeded), Step("b", {}, StepPhase::kRunning), Step("c", {"a", "b"})}}),
            Expected{});
  EXPECT_EQ(Lines({{Step("a", {}, StepPhase::kSucceeded), Step("b", {}, StepPhase::kSkipped), Step("c", {"a", "b"})}}),
            Expected{"start c"});
}

TEST(StepsTest, SkipsWhatHasNotChanged) {
  StepState same = Step("same");
  same.input_key = same.cached_key = "k1";
  StepState changed = Step("changed");
  changed.input_key = "k2";
  changed.cached_key = "k1";
  EXPECT_EQ(Lines({{same, changed, Step("unknown")}}), (Expected{"skip same", "start changed", "start unknown"}));
}

TEST(StepsTest, RetriesWithGrowingBackOffUntilTheAttemptsAreUsedUp) {
  StepState step = Step("a", {}, StepPhase::kFailed);
  step.ended_at = kNow - seconds(1);
  step.attempts = 1;
  EXPECT_EQ(Lines({{step, Step("b", {"a"})}}), Expected{"retry a at +9s"});
  step.attempts = 2;
  EXPECT_EQ(Lines({{step, Step("b", {"a"})}}), Expected{"retry a at +19s"});
  step.attempts = 3;
  EXPECT_EQ(Lines({{step, Step("b", {"a"}), Step("c", {"b"})}}), Expected{"fail b"});
  RetryPolicy patient;
  patient.max_attempts = 1000;
  step.attempts = 900;
  EXPECT_EQ(Lines({{step}}, kNow, patient), Expected{"retry a at +4m59s"});
  step.attempts = 1;
  step.retryable = false;
  EXPECT_EQ(Lines({{step}}), Expected{"finish badly"});
}

TEST(StepsTest, WaitsForTheNextAttemptsTime) {
  StepState step = Step("a");
  step.attempts = 1;
  step.next_attempt_at = kNow + seconds(5);
  EXPECT_EQ(Lines({{step}}), Expected{});
  EXPECT_EQ(Lines({{step}}, kNow + seconds(5)), Expected{"start a"});
}

TEST(StepsTest, FinishesOnceAndOnlyWhenAllHasEnded) {
  PipelineSnapshot pipeline{{Step("a", {}, StepPhase::kSucceeded), Step("b", {"a"}, StepPhase::kSkipped)}};
  EXPECT_EQ(Lines(pipeline), Expected{"finish well"});
  pipeline.finished = true;
  EXPECT_EQ(Lines(pipeline), Expected{});
  EXPECT_EQ(Lines({}), Expected{"finish well"});
  StepState failed = Step("a", {}, StepPhase::kFailed);
  failed.attempts = 3;
  EXPECT_EQ(Lines({{failed, Step("b", {}, StepPhase::kRunning)}}), Expected{});
}

TEST(StepsTest, CancelStopsWhatRunsAndFailsWhatWaits) {
  StepState failed = Step("c", {}, StepPhase::kFailed);
  failed.attempts = 1;
  PipelineSnapshot pipeline{{Step("a", {}, StepPhase::kRunning), Step("b", {"a"}), failed}, true};
  EXPECT_EQ(Lines(pipeline), (Expected{"stop a", "fail b", "fail c"}));
}

TEST(StepsTest, NonsenseIsRefusedAndStillFinishes) {
  EXPECT_TRUE(CheckSteps({Step("a"), Step("b", {"a"})}).has_value());
  EXPECT_EQ(CheckSteps({Step("a"), Step("a")}).error().message, "two steps are named 'a'");
  EXPECT_EQ(CheckSteps({Step("a", {"x"})}).error().message, "depends on 'x', which is no step");
  const std::vector<StepState> circle = {Step("a", {"b"}), Step("b", {"c"}), Step("c", {"b"}), Step("d")};
  EXPECT_EQ(CheckSteps(circle).error().message, "these steps wait for each other: a, b, c");
  EXPECT_EQ(Lines({circle}), (Expected{"fail a", "fail b", "fail c", "start d"}));
  EXPECT_EQ(Lines({{Step("a", {"x"})}}), Expected{"fail a"});
  EXPECT_EQ(Lines({{Step("a", {"a"})}}), Expected{"fail a"});
}

// Random pipelines, in which steps fail, crash and are answered late, always come to one end, run nothing before its
// inputs, and never more often than allowed.
TEST(StepsPropertyTest, EveryPipelineEnds) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    PipelineSnapshot pipeline;
    const std::uint64_t count = 1 + random.Below(8);
    for (std::uint64_t i = 0; i < count; ++i) {
      StepState step = Step("s" + std::to_string(i));
      for (std::uint64_t j = 0; j < i; ++j) {
        if (random.Below(3) == 0) step.depends.push_back("s" + std::to_string(j));
      }
      step.input_key = "k";
      if (random.Below(4) == 0) step.cached_key = "k";
      pipeline.steps.push_back(step);
    }
    std::sort(pipeline.steps.begin(), pipeline.steps.end(),
              [](const StepState& a, const StepState& b) { return a.name > b.name; });
    Instant now = kNow;
    const auto find = [&](const std::string& name) -> StepState& {
      return *std::find_if(pipeline.steps.begin(), pipeline.steps.end(),
                           [&](const StepState& s) { return s.name == name; });
    };
    int rounds = 0;
    for (; !pipeline.finished && rounds < 1000; ++rounds, now += seconds(30)) {
      if (random.Below(200) == 0) pipeline.cancelled = true;
      for (const StepAction& action : PlanSteps(pipeline, now, {})) {
        if (action.kind == StepAction::Kind::kFinish) {
          pipeline.finished = true;
          continue;
        }
        StepState& step = find(action.step);
        if (action.kind == StepAction::Kind::kStart) {
          ASSERT_EQ(step.phase, StepPhase::kPending);
          for (const std::string& name : step.depends) {
            ASSERT_TRUE(find(name).phase == StepPhase::kSucceeded || find(name).phase == StepPhase::kSkipped);
          }
          step.phase = StepPhase::kRunning;
          ASSERT_LE(++step.attempts, 3);
        } else if (action.kind == StepAction::Kind::kSkip) {
          step.phase = StepPhase::kSkipped;
        } else if (action.kind == StepAction::Kind::kRetry) {
          step.phase = StepPhase::kPending;
          step.next_attempt_at = action.at;
        } else {
          step.phase = StepPhase::kFailed;
          step.retryable = false;
        }
      }
      for (const StepAction& again : PlanSteps(pipeline, now, {})) {
        ASSERT_NE(again.kind, StepAction::Kind::kRetry);
      }
      for (StepState& step : pipeline.steps) {
        if (step.phase != StepPhase::kRunning || random.Below(2) == 0) continue;
        step.phase = random.Below(3) == 0 ? StepPhase::kFailed : StepPhase::kSucceeded;
        step.ended_at = now;
      }
    }
    ASSERT_TRUE(pipeline.finished) << "after " << rounds << " rounds";
    for (const StepState& step : pipeline.steps) {
      ASSERT_NE(step.phase, StepPhase::kPending);
      ASSERT_NE(step.phase, StepPhase::kRunning);
    }
  }
}

}  // namespace
}  // namespace keelson::scheduling
