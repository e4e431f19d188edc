#include "control/project_runtime.h"

#include <filesystem>

#include "control/project_runtime_testing.h"
#include "tracking/promotion.h"

namespace keelson::control {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

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

TEST_F(ProjectRuntimeTest, AnyVersionCanBeRolledOutByHand) {
  Serve();
  Retrain();
  Turn(3);
  ASSERT_TRUE(Project().RollBack("operator"));
  EXPECT_EQ(CodeOf(Project().RollOut(9, "operator")), ErrorCode::kNotFound);
  ASSERT_TRUE(Project().RollOut(1, "operator")) << "it is the champion";
  EXPECT_EQ(Project().rollout().challenger, std::nullopt);
  ASSERT_TRUE(Project().RollOut(2, "operator"));
  EXPECT_EQ(Alias("challenger"), 2);
  Turn(3);
  EXPECT_EQ(scripted_.Split(kName), "1:90:1 2:10:1");
  ASSERT_TRUE(Project().RollOut(2, "operator")) << "it goes on";
  EXPECT_EQ(Project().rollout().step, 0);
  ASSERT_TRUE(Project().RollOut(1, "operator")) << "the champion again: the rollout ends";
  EXPECT_EQ(Alias("challenger"), std::nullopt);
  EXPECT_EQ(scripted_.Split(kName), "1:100:1");
}

TEST_F(ProjectRuntimeTest, AModelOfAnotherMakeIsServedWithoutAProfile) {
  Serve();
  const std::string folder = folder_.File("artifacts/foreign");
  ASSERT_TRUE(io::MakeFolders(folder));
  ASSERT_TRUE(io::WriteFileAtomically(folder + "/MLmodel", "flavors: {xgboost: {data: model.ubj}}\n"));
  const auto version = tracking_->RegisterVersion(kName, "", folder, {});
  ASSERT_TRUE(version) << version.error().ToString();
  ASSERT_TRUE(Project().Promote(version->version, "operator"));
  EXPECT_EQ(Project().rollout().champion, version->version);
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

}  // namespace
}  // namespace keelson::control
