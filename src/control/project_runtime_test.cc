#include "control/project_runtime.h"

#include <filesystem>

#include "control/loop_testing.h"
#include "tracking/promotion.h"

namespace keelson::control {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

// One project through the loop: what is decided is decided by the real plans, what is served is seen at the gateway.
class ProjectRuntimeTest : public LoopFixture {
 protected:
  static Instant At(const std::string& text) { return ParseInstant(text).value(); }
  static ErrorCode CodeOf(const auto& result) { return result ? ErrorCode::kInternal : result.error().code; }
  // Makes and plays a further version.
  void Retrain() {
    train_ = "{label: tip > 0, inputs: [a], trainer: {xgboost: {rounds: " + std::to_string(++rounds_) + "}}}";
    Apply();
    Run();
    Play();
  }
  // Up to where the project's clock of a replay comes; a replica may have to become ready on the way.
  void MoveTo(const std::string& text) {
    for (int i = 0; i < 50; ++i) {
      const auto answer = Project().AdvanceClock(At(text));
      ASSERT_TRUE(answer) << answer.error().ToString();
      if (answer->reached) return;
      Turn();
    }
    ADD_FAILURE() << "the clock does not come to " << text;
  }
  void ServeReplay(const std::string& as_of) {
    Apply();
    Run(At(as_of));
    Play();
    MoveTo(FormatInstant(At(as_of) + hours(2)));
    ASSERT_EQ(Project().rollout().champion, 1);
  }
  // Predictions in the payload log, one a minute from `from` on, with the input and the score that are given.
  void Predict(const std::string& from, int count, double input, float score, int version = 1) {
    const std::string folder = folder_.File("projects/trips/payload/") + std::to_string(version) + "/replica" +
                               std::to_string(++payload_folders_);
    ASSERT_TRUE(io::MakeFolders(folder));
    auto writer = serving::PayloadWriter::Open(
        folder, {kName, std::to_string(version), {{"a", data::ColumnType::kDouble}}, {"probability"}});
    ASSERT_TRUE(writer) << writer.error().ToString();
    for (int i = 0; i < count; ++i) {
      serving::PayloadRecord record;
      record.request_id = "t" + std::to_string(++predictions_);
      record.version = std::to_string(version);
      record.time = At(from) + minutes(i);
      record.rows = 1;
      record.inputs = {{"a", data::ColumnType::kDouble, {}, {input}, {}, {1}}};
      record.outputs = {score};
      ASSERT_TRUE((*writer)->Append(record));
    }
  }

  Result<RowsAnswer> Push(const std::string& source, const Json& rows) {
    KEELSON_ASSIGN_OR_RETURN(const auto read, Project().ReadRows(source, Json{{"rows", rows}}.dump()));
    return Project().AcceptRows(source, read);
  }

  int rounds_ = 5;
  int predictions_ = 0;
  int payload_folders_ = 0;
};

// ---- a version's way in ----

TEST_F(ProjectRuntimeTest, TheFirstPipelineMakesAVersionAndItGoesIntoService) {
  Apply();
  EXPECT_EQ(Run(), "trips-p0001");
  EXPECT_EQ(Play(), "ingest:trips prepare features train evaluate ");
  Turn(6);
  EXPECT_EQ(Alias("champion"), 1);
  EXPECT_EQ(Alias("challenger"), std::nullopt);
  EXPECT_EQ(scripted_.Split(kName), "1:100:1");
  ASSERT_NE(registry_->Find(kName), nullptr);
  EXPECT_EQ(registry_->Find(kName)->replay_clock_us, 0) << "live: the wall's time";
  EXPECT_EQ(Project().state().frozen, 1);
  EXPECT_TRUE(Project().state().promotions_by_month.empty()) << "a first version replaces nothing";
  EXPECT_EQ(Said("trips-p0001 made version 1"), 1);
  EXPECT_EQ(Said("version 1 passed the gate"), 1);
  EXPECT_EQ(Said("version 1 is the champion"), 1);
  const auto version = tracking_->GetVersion(kName, 1).value();
  EXPECT_EQ(version.tags.at("keelson.gate"), "passed");
  const auto run = tracking_->GetRun(version.run_id).value();
  EXPECT_EQ(run.status, tracking::RunStatus::kFinished);
  EXPECT_EQ(run.metrics.at("auc"), 0.7);
  EXPECT_EQ(run.params.at("eta"), "0.1");
}

TEST_F(ProjectRuntimeTest, LineageLeadsFromTheVersionToRunRevisionAndSnapshots) {
  Serve();
  const auto version = tracking_->GetVersion(kName, 1).value();
  const auto lineage = tracking_->Lineage("version:trips/1").value();
  std::set<std::string> edges;
  for (const auto& edge : lineage) edges.insert(edge.from + " -> " + edge.to);
  const std::string run = "run:" + version.run_id;
  EXPECT_EQ(edges, (std::set<std::string>{
                       "snapshot:snapshot-hash -> table:table-hash",
                       "table:table-hash -> frame:frame-hash-trips-p0001",
                       "frame:frame-hash-trips-p0001 -> " + run,
                       "revision:" + Project().state().revision + " -> " + run,
                       run + " -> version:trips/1",
                       "version:trips/1 -> endpoint:trips",
                   }));
  EXPECT_EQ(version.tags.at("keelson.revision"), Project().state().revision);
  EXPECT_EQ(version.tags.at("keelson.pipeline"), "trips-p0001");
}

TEST_F(ProjectRuntimeTest, AVersionBelowTheBarStaysOut) {
  candidate_auc_ = 0.5;
  Apply();
  Run();
  Play();
  Turn(4);
  EXPECT_EQ(Alias("champion"), std::nullopt);
  EXPECT_EQ(tracking_->GetVersion(kName, 1)->tags.at("keelson.gate"), "failed");
  EXPECT_EQ(Said("version 1 stays out of service: auc is 0.5000, required is >= 0.6"), 1);
  EXPECT_EQ(scripted_.Split(kName), "") << "nothing is served";
}

TEST_F(ProjectRuntimeTest, AVersionWorseThanTheChampionStaysOutAndTheChampionStays) {
  Serve();
  candidate_auc_ = 0.69;
  champion_auc_ = 0.7;
  Retrain();
  Turn(4);
  EXPECT_EQ(Said("version 2 stays out of service: auc is 0.6900, the champion's is 0.7000"), 1);
  EXPECT_EQ(Alias("champion"), 1);
  EXPECT_EQ(scripted_.Split(kName), "1:100:1");
}

TEST_F(ProjectRuntimeTest, TheToleranceOfTheGateIsTheProjects) {
  promote_ = "{require: {auc: \">= 0.6\"}, not_worse_than: champion, tolerance: 0.02}";
  Serve();
  candidate_auc_ = 0.69;
  champion_auc_ = 0.7;
  Retrain();
  Turn(2);
  EXPECT_EQ(Project().rollout().challenger, 2);
}

TEST_F(ProjectRuntimeTest, WhatCouldNotBeMeasuredDoesNotPass) {
  promote_ = "{require: {logloss: \"< 0.5\"}}";
  Apply();
  Run();
  Play();
  Turn(2);
  EXPECT_EQ(Said("version 1 stays out of service: its logloss could not be measured"), 1);
}

// ---- the canary ----

TEST_F(ProjectRuntimeTest, ACanaryThatIsAsGoodIsPromotedStepByStep) {
  Serve();
  Retrain();
  Turn(3);
  EXPECT_EQ(scripted_.Split(kName), "1:90:1 2:10:1");
  EXPECT_EQ(Alias("champion"), 1);
  EXPECT_EQ(Alias("challenger"), 2);
  TurnFor(minutes(59), minutes(1));
  EXPECT_EQ(scripted_.Split(kName), "1:90:1 2:10:1");
  TurnFor(minutes(2), minutes(1));
  EXPECT_EQ(scripted_.Split(kName), "1:0:1 2:100:1");
  EXPECT_EQ(Alias("champion"), 1) << "until the last step has lasted";
  TurnFor(minutes(62), minutes(1));
  EXPECT_EQ(Alias("champion"), 2);
  EXPECT_EQ(Alias("challenger"), std::nullopt);
  EXPECT_EQ(scripted_.Split(kName), "2:100:1");
  EXPECT_TRUE(Replicas(1).empty()) << "the old version's replica has ended";
  EXPECT_EQ(Project().rollout().previous, 1);
  EXPECT_EQ(Project().state().promotions_by_month.at("2026-03"), 1u);
}

TEST_F(ProjectRuntimeTest, ACanaryThatIsWorseIsRolledBackAndTheChampionStays) {
  Serve();
  Retrain();
  Turn(3);
  ASSERT_EQ(scripted_.Split(kName), "1:90:1 2:10:1");
  scripted_.backend(kName, 1) = {.requests = 900, .errors = 0, .in_flight = 0, .recent_latencies_us = {}};
  scripted_.backend(kName, 2) = {.requests = 100, .errors = 5, .in_flight = 0, .recent_latencies_us = {}};
  Turn();
  EXPECT_EQ(scripted_.Split(kName), "1:90:1 2:10:1") << "5 % is what the guard allows";
  scripted_.backend(kName, 2).errors = 6;
  Turn();
  EXPECT_EQ(scripted_.Split(kName), "1:100:1") << "at once, not at the next step";
  EXPECT_EQ(Said("version 2 was rolled back: 6 of 100 requests failed"), 1);
  EXPECT_EQ(Alias("champion"), 1);
  EXPECT_EQ(Alias("challenger"), std::nullopt);
  TurnFor(minutes(2), minutes(1));
  EXPECT_TRUE(Replicas(2).empty()) << "it has drained and ended";
  EXPECT_EQ(Replicas(1).size(), 1u);
  TurnFor(hours(5), hours(1));
  EXPECT_EQ(Alias("champion"), 1) << "and it does not come back by itself";
  Restart();
  EXPECT_EQ(scripted_.Split(kName), "1:100:1");
  EXPECT_FALSE(Project().rollout().challenger);
}

TEST_F(ProjectRuntimeTest, WhatThePromotionRulesRefuseIsNotPromotedByTheCanaryEither) {
  Serve();
  tracking::Promotions promotions(database(), clock_);
  const tracking::PromotionTarget champion = {tracking::PromotionTarget::Kind::kAlias, "champion"};
  ASSERT_TRUE(promotions.SetRules(kName, {{.target = champion, .approvals = 1}}));
  Retrain();
  Turn(3);
  TurnFor(minutes(130), minutes(1));
  EXPECT_EQ(
      Said("version 2 was rolled back: version 2 of trips may not become its alias champion: 0 of 1 approvals are "
           "given"),
      1);
  EXPECT_EQ(Alias("champion"), 1);
  EXPECT_EQ(Alias("challenger"), std::nullopt);
  EXPECT_EQ(scripted_.Split(kName), "1:100:1");
  EXPECT_EQ(CodeOf(Project().Promote(2, "operator")), ErrorCode::kPermissionDenied);
  ASSERT_TRUE(promotions.Approve(kName, 2, champion, "ann", ""));
  ASSERT_TRUE(Project().Promote(2, "operator"));
  EXPECT_EQ(Alias("champion"), 2);
}

TEST_F(ProjectRuntimeTest, AChallengerThatTheRulesRefuseStaysOutOfService) {
  Serve();
  tracking::Promotions promotions(database(), clock_);
  ASSERT_TRUE(promotions.SetRules(
      kName, {{.target = {tracking::PromotionTarget::Kind::kAlias, "challenger"}, .tags = {{"reviewed", "yes"}}}}));
  Retrain();
  Turn(3);
  EXPECT_EQ(
      Said("version 2 stays out of service: version 2 of trips may not become its alias challenger: it has no tag "
           "reviewed"),
      1);
  EXPECT_FALSE(Project().rollout().challenger);
  EXPECT_EQ(scripted_.Split(kName), "1:100:1");
}

TEST_F(ProjectRuntimeTest, ErrorsBeforeAStepDoNotCountInIt) {
  Serve();
  Retrain();
  scripted_.backend(kName, 2) = {.requests = 1'000, .errors = 30, .in_flight = 0, .recent_latencies_us = {}};
  Turn(3);
  ASSERT_EQ(scripted_.Split(kName), "1:90:1 2:10:1");
  scripted_.backend(kName, 2).requests = 1'100;
  scripted_.backend(kName, 2).errors = 34;
  Turn();
  EXPECT_TRUE(Project().rollout().challenger);
  // The server's counters start again with it.
  Restart();
  scripted_.backend(kName, 2) = {.requests = 60, .errors = 1, .in_flight = 0, .recent_latencies_us = {}};
  Turn();
  EXPECT_TRUE(Project().rollout().challenger);
  scripted_.backend(kName, 2).errors = 4;
  Turn();
  EXPECT_FALSE(Project().rollout().challenger);
}

TEST_F(ProjectRuntimeTest, ACanaryGoesOnWhereItStoodAfterARestart) {
  Serve();
  Retrain();
  Turn(3);
  ASSERT_EQ(Project().rollout().step, 0);
  clock_.Advance(minutes(40));
  Restart();
  EXPECT_EQ(Project().rollout().step, 0);
  EXPECT_EQ(scripted_.Split(kName), "1:90:1 2:10:1");
  TurnFor(minutes(21), minutes(1));
  EXPECT_EQ(scripted_.Split(kName), "1:0:1 2:100:1");
}

TEST_F(ProjectRuntimeTest, NothingMovesForwardWhileTheChallengerIsNotReady) {
  Serve();
  Retrain();
  Turn();
  ASSERT_EQ(Replicas(2).size(), 1u);
  EXPECT_EQ(Project().rollout().challenger, 2);
  substrate_.Fail(Replicas(2).at(0), 1, "exit code 1");
  TurnFor(minutes(3), minutes(1));
  EXPECT_EQ(Alias("champion"), 1);
  EXPECT_TRUE(Project().rollout().challenger);
}

// ---- request ids ----

TEST_F(ProjectRuntimeTest, TheRequestThatStartedAPipelineIsInItsJobsAlsoAfterARestart) {
  train_ = "{label: tip > 0, inputs: [a], trainer: {xgboost: {rounds: 5}}, search: {trials: 2, pruner: none}}";
  Apply();
  ASSERT_TRUE(Project().Run(std::nullopt, "asked by the test", "req-42"));
  EXPECT_EQ(Play("train"), "ingest:trips prepare features search search ");
  Restart();
  Play();
  EXPECT_EQ(controller_->pipelines().Find("trips-p0001")->request_id, "req-42");
  std::set<std::string> kinds;
  for (const auto& workload : substrate_.started()) {
    if (workload.kind != "job") continue;
    EXPECT_EQ(workload.environment.at("KEELSON_REQUEST_ID"), "req-42");
    const Json spec = Json::parse(io::ReadFile(workload.command.back()).value());
    EXPECT_EQ(spec.at("request_id"), "req-42");
    kinds.insert(spec.at("kind"));
  }
  EXPECT_EQ(kinds, (std::set<std::string>{"ingest", "prepare", "features", "trial", "train", "evaluate"}));
  Turn(6);
  EXPECT_EQ(substrate_.started().back().kind, "replica");
  EXPECT_FALSE(substrate_.started().back().environment.contains("KEELSON_REQUEST_ID")) << "a replica outlives requests";
}

TEST_F(ProjectRuntimeTest, NoSecretReachesALogOrAFile) {
  testing::internal::CaptureStderr();
  Serve();
  Retrain();
  const Job job = *controller_->jobs().Find("j000001");
  EXPECT_FALSE(controller_->jobs().Finish(job.id, "a-guessed-token", Json()));
  Turn(3);
  ASSERT_TRUE(Project().RollBack("operator"));
  train_ = "{label: tip > 0, inputs: [a], trainer: {xgboost: {rounds: 77}}}";
  Apply();
  Run();
  Turn(2);
  ASSERT_FALSE(RunningJobs().empty());
  substrate_.Fail(controller_->jobs().Find(RunningJobs().at(0))->Workload(), 1, "exit code 1");
  TurnFor(minutes(1), minutes(1));
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find("job ended"), std::string::npos);
  EXPECT_NE(log.find("attempt ended without a result"), std::string::npos);
  std::string files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.path())) {
    if (entry.is_regular_file()) files += io::ReadFile(entry.path()).value();
  }
  EXPECT_NE(files.find("trips-p0001"), std::string::npos);
  int tokens = 0;
  for (const auto& workload : substrate_.started()) {
    const auto token = workload.environment.find("KEELSON_TOKEN");
    if (token == workload.environment.end()) continue;
    ++tokens;
    EXPECT_GE(token->second.size(), 32u);
    EXPECT_EQ(log.find(token->second), std::string::npos) << "in the log";
    EXPECT_EQ(files.find(token->second), std::string::npos) << "on disk";
    for (const auto& word : workload.command) EXPECT_EQ(word.find(token->second), std::string::npos) << "in `ps`";
  }
  EXPECT_GT(tokens, 5);
  EXPECT_EQ(log.find("a-guessed-token"), std::string::npos);
}

// ---- what cannot be stored ----

TEST_F(ProjectRuntimeTest, AnEffectThatCannotBeStoredHasNotHappened) {
  Serve();
  ASSERT_TRUE(database_->Write([](io::SqlSession& session) -> Status {
    KEELSON_RETURN_IF_ERROR(
        session.Execute("CREATE TRIGGER full BEFORE INSERT ON control_events WHEN NEW.message LIKE "
                        "'version 2 %' BEGIN SELECT RAISE(ABORT, 'disk full'); END"));
    return {};
  }));
  Retrain();
  Turn(3);
  EXPECT_FALSE(Project().rollout().challenger);
  EXPECT_FALSE(controller_->pipelines().Find("trips-p0002")->effect_done);
  EXPECT_EQ(scripted_.Split(kName), "1:100:1");
  ASSERT_TRUE(database_->Write([](io::SqlSession& session) -> Status {
    KEELSON_RETURN_IF_ERROR(session.Execute("DROP TRIGGER full"));
    return {};
  }));
  Turn(3);
  EXPECT_EQ(Project().rollout().challenger, 2);
  EXPECT_TRUE(controller_->pipelines().Find("trips-p0002")->effect_done);
  EXPECT_EQ(Said("version 2 passed the gate"), 1);
}

// ---- by hand ----

TEST_F(ProjectRuntimeTest, PromoteAndRollBackByHand) {
  Serve();
  EXPECT_EQ(CodeOf(Project().RollBack("operator")), ErrorCode::kFailedPrecondition);
  EXPECT_EQ(CodeOf(Project().Promote(9, "operator")), ErrorCode::kNotFound);
  ASSERT_TRUE(Project().Promote(1, "operator")) << "it is the champion already";
  EXPECT_EQ(tracking_->AliasHistory(kName)->back().who, "keelson");
  Retrain();
  Turn(3);
  ASSERT_TRUE(Project().RollBack("operator")) << "of a canary: the challenger goes";
  EXPECT_EQ(Alias("challenger"), std::nullopt);
  EXPECT_EQ(scripted_.Split(kName), "1:100:1");
  ASSERT_TRUE(Project().Promote(2, "operator"));
  EXPECT_EQ(Alias("champion"), 2);
  EXPECT_EQ(tracking_->AliasHistory(kName)->back().who, "operator");
  ASSERT_TRUE(Project().RollBack("operator")) << "of a champion: the one before it comes back";
  EXPECT_EQ(Alias("champion"), 1);
  Turn(2);
  EXPECT_EQ(scripted_.Split(kName), "1:100:1");
}

TEST_F(ProjectRuntimeTest, OnePipelineAtATimeAndNoneDuringARollout) {
  Apply();
  Run();
  const auto again = Project().Run(std::nullopt, "again");
  EXPECT_EQ(CodeOf(again), ErrorCode::kFailedPrecondition);
  EXPECT_EQ(again.error().where, "trips-p0001");
  Play();
  Turn(6);
  Retrain();
  Turn(2);
  ASSERT_TRUE(Project().rollout().challenger);
  EXPECT_EQ(CodeOf(Project().Run(std::nullopt, "again")), ErrorCode::kFailedPrecondition);
}

// ---- the project's clock ----

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

// ---- watching ----

TEST_F(ProjectRuntimeTest, DriftRaisesAnAlarmAndRetrainsByItself) {
  monitor_ = "{drift: {threshold: 0.2, window: 1d}, interval: 1d, cool_down: 3d, on_breach: retrain}";
  ServeReplay("2013-04-01T00:00:00Z");
  Predict("2013-04-02T00:30:00Z", 600, 0.9, 0.4F);  // every input in the last bin of the profile
  MoveTo("2013-04-02T23:00:00Z");
  EXPECT_EQ(Said("alarm"), 0) << "the champion has not served a whole window at the evaluation of this day";
  ASSERT_TRUE(Project().AdvanceClock(At("2013-04-03T12:00:00Z")));
  EXPECT_EQ(Said("alarm: "), 1) << AllSaid();
  EXPECT_EQ(Project().state().alarms_by_month.at("2013-04"), 1u);
  EXPECT_EQ(Project().state().retrainings_by_month.at("2013-04"), 1u);
  const Pipeline* running = controller_->pipelines().Running(kName);
  ASSERT_NE(running, nullptr);
  EXPECT_NE(running->cause.find("a "), std::string::npos) << running->cause;
  EXPECT_EQ(running->as_of, At("2013-04-03T00:00:00Z"));
  EXPECT_FALSE(Project().state().drift_by_day.at("2013-04-03").empty());
  Play();
  MoveTo("2013-04-05T23:00:00Z");
  EXPECT_EQ(Project().state().retrainings_by_month.at("2013-04"), 1u) << "cooling down";
  EXPECT_EQ(Alias("champion"), 2) << "what it trained went through gate and canary";
}

TEST_F(ProjectRuntimeTest, AnAlertAloneTrainsNothing) {
  monitor_ = "{drift: {threshold: 0.2, window: 1d}, interval: 1d, on_breach: alert}";
  ServeReplay("2013-04-01T00:00:00Z");
  Predict("2013-04-02T00:30:00Z", 600, 0.9, 0.4F);
  MoveTo("2013-04-03T12:00:00Z");
  EXPECT_EQ(Said("alarm: "), 1);
  EXPECT_EQ(controller_->pipelines().Running(kName), nullptr);
}

TEST_F(ProjectRuntimeTest, AnEvaluationIsMadeOnceAlsoAcrossARestart) {
  monitor_ = "{drift: {threshold: 0.2, window: 1d}, interval: 1d, on_breach: alert}";
  ServeReplay("2013-04-01T00:00:00Z");
  Predict("2013-04-02T00:30:00Z", 600, 0.9, 0.4F);
  MoveTo("2013-04-03T12:00:00Z");
  const auto before = Project().state().drift_by_day;
  Restart();
  MoveTo("2013-04-03T20:00:00Z");
  EXPECT_EQ(Said("alarm: "), 1);
  EXPECT_EQ(Project().state().drift_by_day, before);
  EXPECT_EQ(Project().Months()->at(0).asked, 600u) << "the payload log was read again, each prediction counts once";
}

TEST_F(ProjectRuntimeTest, LabelsThatArriveGiveLivePerformance) {
  monitor_ = "{performance: {metric: auc, floor: 0.6, labels: trips, window: 1d}, interval: 1d, on_breach: retrain}";
  ServeReplay("2013-04-01T00:00:00Z");
  Predict("2013-04-01T03:00:00Z", 200, 0.1, 0.9F);  // t1 to t200: scored high
  Predict("2013-04-01T08:00:00Z", 200, 0.1, 0.1F);  // t201 to t400: scored low
  MoveTo("2013-04-01T12:00:00Z");
  Json rows = Json::array();
  for (int i = 1; i <= 400; ++i) {  // and the truth is the other way round
    rows.push_back({{"trip_id", "t" + std::to_string(i)},
                    {"started_at", "2013-04-01T03:00:00Z"},
                    {"a", 0.1},
                    {"tip", i <= 200 ? 0.0 : 2.0},
                    {"paid_at", "2013-04-01T12:00:00Z"}});
  }
  const auto pushed = Push("trips", rows);
  ASSERT_TRUE(pushed) << pushed.error().ToString();
  EXPECT_EQ(pushed->accepted.rows(), 400u);
  const auto months = Project().Months().value();
  ASSERT_EQ(months.size(), 1u);
  EXPECT_EQ(months[0].asked, 400u);
  EXPECT_EQ(months[0].live.count, 400u);
  EXPECT_EQ(months[0].live.auc, 0.0);
  EXPECT_TRUE(months[0].baseline.auc.has_value()) << "the frozen first model is measured beside it";
  ASSERT_TRUE(Project().AdvanceClock(At("2013-04-02T06:00:00Z")));
  ASSERT_NE(controller_->pipelines().Running(kName), nullptr) << AllSaid();
  EXPECT_EQ(controller_->pipelines().Running(kName)->row_sequences.at("trips"), 1u) << "it may see the pushed rows";
}

// A source without a key: the rows of the truth say themselves which prediction they are about.
TEST_F(ProjectRuntimeTest, LabelsOfASourceWithoutAKeyJoinByTheirRequestId) {
  source_ = "{path: trips.csv, time: started_at, known: {tip: paid_at}}";
  monitor_ = "{performance: {metric: auc, floor: 0.6, labels: trips, window: 1d}, interval: 1d}";
  ServeReplay("2013-04-01T00:00:00Z");
  Predict("2013-04-01T03:00:00Z", 2, 0.1, 0.9F);  // t1, t2
  Predict("2013-04-01T04:00:00Z", 2, 0.1, 0.1F);  // t3, t4
  MoveTo("2013-04-01T12:00:00Z");
  const auto row = [](const std::string& trip, const Json& request_id, double tip) -> Json {
    return {{"trip_id", trip},          {"started_at", "2013-04-01T03:00:00Z"}, {"a", 0.1}, {"tip", tip},
            {"request_id", request_id}, {"paid_at", "2013-04-01T12:00:00Z"}};
  };
  const auto pushed =
      Push("trips", {row("x", "t1", 2), row("y", "t3", 0), row("z", nullptr, 1), row("t2", "other", 1)});
  ASSERT_TRUE(pushed) << pushed.error().ToString();
  EXPECT_EQ(pushed->accepted.rows(), 4u);
  auto months = Project().Months().value();
  EXPECT_EQ(months.at(0).asked, 4u);
  EXPECT_EQ(months.at(0).live.count, 2u) << "neither a row without an id nor one of nobody's counts";
  EXPECT_EQ(months.at(0).live.positives, 1u);
  EXPECT_EQ(months.at(0).live.auc, 1.0);
  ASSERT_TRUE(Push("trips", Json::array({row("w", "t2", 2)})));
  Restart();
  months = Project().Months().value();
  EXPECT_EQ(months.at(0).live.count, 3u) << "read back from the row log";
  EXPECT_EQ(CodeOf(Push("trips", Json::parse(R"([{"request_id": 7}])"))), ErrorCode::kInvalidArgument);
  EXPECT_EQ(Project().state().clock, At("2013-04-01T12:00:00Z"));
}

TEST_F(ProjectRuntimeTest, OnlyTheSourceOfTheLabelsMayBringARequestId) {
  ServeReplay("2013-04-01T00:00:00Z");
  const auto pushed = Push("trips", Json::parse(R"([{"trip_id": "x", "request_id": "t1"}])"));
  EXPECT_EQ(CodeOf(pushed), ErrorCode::kInvalidArgument);
  EXPECT_NE(pushed.error().message.find("request_id"), std::string::npos) << pushed.error().message;
}

TEST_F(ProjectRuntimeTest, PushedRowsNeedASourceAndAPreparedTable) {
  Apply();
  EXPECT_EQ(CodeOf(Push("nothing", Json::array())), ErrorCode::kNotFound);
  EXPECT_EQ(CodeOf(Push("trips", Json::array())), ErrorCode::kFailedPrecondition);
  Run();
  Play();
  EXPECT_TRUE(Push("trips", Json::array()));
  Restart();
  EXPECT_TRUE(Push("trips", Json::array())) << "also after a restart";
}

}  // namespace
}  // namespace keelson::control
