// ProjectRuntime: the project's clock, live and in a replay.
#include "control/project_runtime_testing.h"

namespace keelson::control {
namespace {

using std::chrono::hours;

TEST_F(ProjectRuntimeTest, AReplaysClockStandsStillWhileAPipelineRunsAndItsEffectComesAfterTheDeclaredTime) {
  train_ = "{label: tip > 0, inputs: [a], trainer: {xgboost: {}}, declared_duration: 45m}";
  ServeReplay("2013-04-01T00:00:00Z");
  EXPECT_EQ(registry_->Find(kName)->replay_clock_us, ToMicros(At("2013-04-01T02:00:00Z")));
  train_ = "{label: tip > 0, inputs: [a], trainer: {xgboost: {rounds: 9}}, declared_duration: 45m}";
  Apply();
  Run();
  clock_.Advance(hours(1));  // of the wall: it says nothing here
  auto answer = Project().AdvanceClock(At("2013-04-02T00:00:00Z")).value();
  EXPECT_FALSE(answer.reached);
  EXPECT_EQ(answer.waiting_for, "pipeline trips-p0002");
  EXPECT_EQ(answer.now, At("2013-04-01T02:00:00Z"));
  Play();
  ASSERT_TRUE(Project().AdvanceClock(At("2013-04-01T02:44:00Z"))->reached);
  EXPECT_FALSE(Project().rollout().challenger) << "the training is not over on this clock";
  answer = Project().AdvanceClock(At("2013-04-01T06:00:00Z")).value();
  EXPECT_EQ(Project().rollout().challenger, 2);
  EXPECT_EQ(answer.now, At("2013-04-01T02:45:00Z")) << "it stands still again until a replica is ready";
  EXPECT_EQ(answer.waiting_for, "a replica of version 2");
  MoveTo("2013-04-01T06:00:00Z");
  EXPECT_EQ(Alias("champion"), 2);
  EXPECT_EQ(Project().rollout().champion_since, At("2013-04-01T04:45:00Z")) << "two steps of an hour each";
}

TEST_F(ProjectRuntimeTest, AReplaysClockDoesNotGoBack) {
  ServeReplay("2013-04-01T00:00:00Z");
  const auto answer = Project().AdvanceClock(At("2013-03-01T00:00:00Z")).value();
  EXPECT_TRUE(answer.reached);
  EXPECT_EQ(answer.now, At("2013-04-01T02:00:00Z"));
  EXPECT_EQ(CodeOf(Project().Run(At("2013-03-01T00:00:00Z"), "x")), ErrorCode::kFailedPrecondition);
}

TEST_F(ProjectRuntimeTest, AReplaysClockGoesOverNoDecisionBeforeWhatWasAskedEarlierIsAnswered) {
  monitor_ = "{drift: {threshold: 0.2, window: 1d}, interval: 1d, cool_down: 3d, on_breach: retrain}";
  ServeReplay("2013-04-01T00:00:00Z");
  Predict("2013-04-02T00:30:00Z", 300, 0.9, 0.4F);
  const Instant evaluation = At("2013-04-03T00:00:00Z");
  MoveTo("2013-04-02T23:00:00Z");
  ASSERT_EQ(Said("alarm"), 0);
  // Nothing is due on the way: the clock may run ahead of the answers.
  ASSERT_TRUE(Project().AdvanceClock(At("2013-04-02T23:30:00Z"), At("2013-04-02T20:00:00Z"))->reached);
  for (int i = 0; i < 2; ++i) {
    const auto answer = Project().AdvanceClock(At("2013-04-03T01:00:00Z"), At("2013-04-02T23:15:00Z")).value();
    EXPECT_FALSE(answer.reached);
    EXPECT_EQ(answer.now, At("2013-04-02T23:30:00Z"));
    EXPECT_EQ(answer.waiting_for, "answers to what was asked before 2013-04-03T00:00:00Z");
    EXPECT_EQ(Said("alarm"), 0);
  }
  Predict("2013-04-02T06:00:00Z", 300, 0.9, 0.4F);  // the answers that were still to come
  // A question of the deciding instant itself is asked after the decision.
  Project().AdvanceClock(At("2013-04-03T01:00:00Z"), evaluation).value();
  EXPECT_EQ(Said("alarm: "), 1) << AllSaid();
  EXPECT_EQ(controller_->pipelines().Running(kName)->as_of, evaluation);
}

TEST_F(ProjectRuntimeTest, OneReplayGivesOneResultHoweverItsClockIsMoved) {
  const auto play = [&](int steps) {
    if (controller_->Find(kName) != nullptr) {
      EXPECT_TRUE(controller_->Delete(kName));
      Turn(2);
    }
    rounds_ = 5;
    train_ = "{label: tip > 0, inputs: [a], trainer: {xgboost: {rounds: 5}}}";
    ServeReplay("2013-04-01T00:00:00Z");
    Retrain();
    const Duration whole = hours(24);
    for (int i = 1; i <= steps; ++i) MoveTo(FormatInstant(At("2013-04-01T02:00:00Z") + whole * i / steps));
    std::string told;
    const auto events = controller_->store().Events(kName, 0, 100).value();
    for (const auto& event : events) told += FormatInstant(event.clock) + " " + event.message + "\n";
    return told.substr(told.find('\n') + 1);
  };
  const std::string at_once = play(1);
  EXPECT_NE(at_once.find("version 2 is the champion"), std::string::npos) << at_once;
  EXPECT_EQ(play(7), at_once);
  EXPECT_EQ(play(96), at_once);
}

TEST_F(ProjectRuntimeTest, InAReplayTheFilesSpeakUpToWhereItBegan) {
  ServeReplay("2013-04-01T00:00:00Z");
  const auto files_until = [this] { return controller_->pipelines().pipelines().rbegin()->second.files_until; };
  EXPECT_EQ(files_until(), At("2013-04-01T00:00:00Z"));
  MoveTo("2013-04-05T00:00:00Z");
  Retrain();
  EXPECT_EQ(Project().now(), At("2013-04-05T00:00:00Z"));
  EXPECT_EQ(files_until(), At("2013-04-01T00:00:00Z")) << "what came since was pushed";
  Restart();
  MoveTo("2013-04-07T00:00:00Z");
  EXPECT_EQ(CodeOf(Project().Run(At("2013-04-06T00:00:00Z"), "back")), ErrorCode::kFailedPrecondition);
  Run(At("2013-04-07T00:00:00Z"));
  Play();
  EXPECT_EQ(files_until(), At("2013-04-01T00:00:00Z")) << "no time was passed over";
  MoveTo("2013-04-10T00:00:00Z");
  Run(At("2013-05-01T00:00:00Z"));
  EXPECT_EQ(files_until(), At("2013-05-01T00:00:00Z")) << "of April after the 10th only the files know";
}

TEST_F(ProjectRuntimeTest, WithoutAReplayTheFilesSpeakUpToNow) {
  Serve();
  EXPECT_EQ(controller_->pipelines().pipelines().rbegin()->second.files_until, std::nullopt);
}

}  // namespace
}  // namespace keelson::control
