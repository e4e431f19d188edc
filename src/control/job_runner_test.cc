#include "control/job_runner.h"

#include <gtest/gtest.h>

#include "control/job_queues_testing.h"
#include "io/database_testing.h"
#include "io/files.h"
#include "io/temp_folder.h"
#include "substrate/fake_substrate.h"

namespace keelson::control {
namespace {

using std::chrono::seconds;

class JobRunnerTest : public testing::Test {
 protected:
  void SetUp() override { Restart(); }

  // A new server over the same store and the same running workloads.
  void Restart() {
    jobs_.reset();
    store_.reset();
    database_.reset();
    database_ = io::OpenTestDatabase(folder_.File("keelson.db")).value();
    store_ = DocumentStore::Open(*database_).value();
    JobRunner::Options options{
        .data_folder = folder_.path(), .server_address = "unix:/server.sock", .queues = TestQueues()};
    options.max_kills = 5;
    jobs_ = JobRunner::Open(std::move(options), *store_, substrate_, clock_, [this](const Job& job) {
              ended_.push_back(job.id);
            }).value();
  }

  std::string Submit(std::int64_t cpu_milli = 1'000, const std::string& queue = "default") {
    Job job;
    job.project = "flights";
    job.kind = "train";
    job.step = "train";
    job.spec = {{"rounds", 5}};
    job.queue = queue;
    job.resources = {.cpu_milli = cpu_milli, .memory_bytes = 1 << 20};
    return jobs_->Submit(std::move(job)).value();
  }
  void Reconcile() {
    const Status done = jobs_->Reconcile();
    EXPECT_TRUE(done) << done.error().ToString();
  }
  // Time enough for any back-off.
  void LaterReconcile() {
    clock_.Advance(seconds(60));
    Reconcile();
  }
  std::string TokenOf(const std::string& workload) const {
    std::string token;
    for (const auto& spec : substrate_.started()) {
      if (spec.name == workload) token = spec.environment.at("KEELSON_TOKEN");
    }
    return token;
  }
  JobState StateOf(const std::string& id) const { return jobs_->Find(id)->state; }
  static ErrorCode CodeOf(const Status& status) { return status ? ErrorCode{} : status.error().code; }

  const io::TempFolder folder_ = io::TempFolder::Make().value();
  ManualClock clock_;
  substrate::FakeSubstrate substrate_{{.cpu_milli = 4'000, .memory_bytes = std::int64_t{8} << 30}};
  std::unique_ptr<io::Database> database_;
  std::unique_ptr<DocumentStore> store_;
  std::unique_ptr<JobRunner> jobs_;
  std::vector<std::string> ended_;
};

TEST_F(JobRunnerTest, StartsAnAttemptWithItsSpecAndToken) {
  jobs_->SetTrackingUri("http://tracking");
  const std::string id = Submit();
  EXPECT_TRUE(jobs_->busy());
  Reconcile();
  ASSERT_EQ(substrate_.started().size(), 1u);
  const auto workload = substrate_.started()[0];
  EXPECT_EQ(workload.name, id + "-a1");
  EXPECT_EQ(workload.kind, "job");
  EXPECT_EQ(workload.environment.at("KEELSON_SERVER"), "unix:/server.sock");
  const Json spec = Json::parse(io::ReadFile(workload.command.back()).value());
  EXPECT_EQ(spec.at("job"), id);
  EXPECT_EQ(spec.at("kind"), "train");
  EXPECT_EQ(spec.at("rounds"), 5);
  EXPECT_EQ(spec.at("tracking_uri"), "http://tracking");
  EXPECT_TRUE(io::Exists(spec.at("output").get<std::string>()));
  const std::string stored = store_->List("job")->at(0).body;
  EXPECT_EQ(stored.find(TokenOf(workload.name)), std::string::npos) << "the token itself is not stored";
  Reconcile();
  EXPECT_EQ(substrate_.started().size(), 1u) << "looking again starts nothing";
}

TEST_F(JobRunnerTest, AResultIsAcceptedOnceAndItsRepeatChangesNothing) {
  const std::string id = Submit();
  Reconcile();
  const std::string token = TokenOf(id + "-a1");
  ASSERT_TRUE(jobs_->Progress(id, token, "round 3", 0.5));
  EXPECT_EQ(jobs_->Find(id)->progress, "round 3");
  EXPECT_EQ(CodeOf(jobs_->Progress(id, "guess", "x", 1)), ErrorCode::kPermissionDenied);
  EXPECT_EQ(CodeOf(jobs_->Finish(id, "guess", Json())), ErrorCode::kPermissionDenied);
  EXPECT_EQ(CodeOf(jobs_->Finish(id, "", Json())), ErrorCode::kPermissionDenied);
  EXPECT_EQ(CodeOf(jobs_->FailAttempt(id, "guess", "x", false, true, Json())), ErrorCode::kPermissionDenied);
  EXPECT_EQ(StateOf(id), JobState::kRunning);

  ASSERT_TRUE(jobs_->Finish(id, token, {{"model", "first"}}));
  EXPECT_TRUE(jobs_->Finish(id, token, {{"model", "second"}}));
  EXPECT_EQ(jobs_->Find(id)->output, (Json{{"model", "first"}}));
  EXPECT_EQ(StateOf(id), JobState::kSucceeded);
  EXPECT_EQ(ended_, std::vector<std::string>{id});
  EXPECT_EQ(CodeOf(jobs_->Progress(id, token, "late", 1)), ErrorCode::kPermissionDenied);
  Restart();
  EXPECT_TRUE(jobs_->Finish(id, token, {{"model", "third"}})) << "also when the server died before answering";
  EXPECT_EQ(jobs_->Find(id)->output, (Json{{"model", "first"}}));
}

TEST_F(JobRunnerTest, WhatNobodyKnowsIsNotFound) {
  EXPECT_EQ(CodeOf(jobs_->Progress("j9", "t", "x", 0)), ErrorCode::kNotFound);
  EXPECT_EQ(CodeOf(jobs_->Finish("j9", "t", Json())), ErrorCode::kNotFound);
  EXPECT_EQ(CodeOf(jobs_->FailAttempt("j9", "t", "x", false, false, Json())), ErrorCode::kNotFound);
  EXPECT_EQ(CodeOf(jobs_->StopJob("j9", "x")), ErrorCode::kNotFound);
}

TEST_F(JobRunnerTest, AKilledAttemptIsTriedAgainAndItsTokenIsStale) {
  const std::string id = Submit();
  Reconcile();
  const std::string old = TokenOf(id + "-a1");
  substrate_.Fail(id + "-a1", -9, "killed by signal 9");
  Reconcile();
  EXPECT_TRUE(substrate_.IsRunning(id + "-a2"));
  EXPECT_EQ(CodeOf(jobs_->Finish(id, old, {{"late", 1}})), ErrorCode::kPermissionDenied);
  EXPECT_EQ(StateOf(id), JobState::kRunning);
  ASSERT_TRUE(jobs_->Finish(id, TokenOf(id + "-a2"), {{"model", "m"}}));
  EXPECT_EQ(StateOf(id), JobState::kSucceeded);
  EXPECT_EQ(jobs_->Find(id)->error, "");
}

TEST_F(JobRunnerTest, KillsAreLimited) {
  const std::string id = Submit();
  for (int attempt = 1; attempt <= 5; ++attempt) {
    Reconcile();
    ASSERT_EQ(StateOf(id), JobState::kRunning) << attempt;
    substrate_.Fail(jobs_->Find(id)->Workload(), -9, "killed by signal 9");
  }
  Reconcile();
  EXPECT_EQ(StateOf(id), JobState::kFailed);
  EXPECT_EQ(jobs_->Find(id)->error, "killed by signal 9");
}

TEST_F(JobRunnerTest, AnAttemptsOwnErrorsAreFewerAndWaitBetween) {
  const std::string id = Submit();
  Reconcile();
  substrate_.Fail(id + "-a1", 2, "exit code 2");
  Reconcile();
  EXPECT_EQ(StateOf(id), JobState::kPending) << "not at once";
  EXPECT_EQ(jobs_->Find(id)->waiting, "the last attempt ended: exit code 2");
  LaterReconcile();
  ASSERT_TRUE(jobs_->FailAttempt(id, TokenOf(id + "-a2"), "disk full", false, true, Json()));
  EXPECT_EQ(StateOf(id), JobState::kPending);
  EXPECT_EQ(CodeOf(jobs_->FailAttempt(id, TokenOf(id + "-a2"), "disk full", false, true, Json())),
            ErrorCode::kPermissionDenied);
  LaterReconcile();
  ASSERT_TRUE(jobs_->FailAttempt(id, TokenOf(id + "-a3"), "disk still full", false, true, Json()));
  EXPECT_EQ(StateOf(id), JobState::kFailed);
  EXPECT_EQ(jobs_->Find(id)->error, "disk still full");
  EXPECT_TRUE(jobs_->FailAttempt(id, TokenOf(id + "-a3"), "again", false, true, Json()));
  EXPECT_EQ(jobs_->Find(id)->error, "disk still full");
  EXPECT_EQ(ended_.size(), 1u);
}

TEST_F(JobRunnerTest, ARefusalIsFinalWhateverTheWorkerSaysOfRetrying) {
  const std::string id = Submit();
  Reconcile();
  ASSERT_TRUE(jobs_->FailAttempt(id, TokenOf(id + "-a1"), "3 rows are too hot", true, true, {{"failures", 3}}));
  EXPECT_EQ(StateOf(id), JobState::kFailed);
  EXPECT_TRUE(jobs_->Find(id)->refused_by_check);
  EXPECT_EQ(jobs_->Find(id)->output.at("failures"), 3);
  LaterReconcile();
  EXPECT_EQ(substrate_.started().size(), 1u);
}

TEST_F(JobRunnerTest, AMistakeOfTheUserIsNotTriedAgain) {
  const std::string id = Submit();
  Reconcile();
  ASSERT_TRUE(jobs_->FailAttempt(id, TokenOf(id + "-a1"), "no such column", false, false, Json()));
  EXPECT_EQ(StateOf(id), JobState::kFailed);
  EXPECT_FALSE(jobs_->Find(id)->refused_by_check);
}

TEST_F(JobRunnerTest, ARestartedServerAdoptsWhatRunsAndReplacesWhatVanished) {
  const std::string kept = Submit();
  const std::string lost = Submit();
  Reconcile();
  const std::string token = TokenOf(kept + "-a1");
  substrate_.Fail(lost + "-a1", -9, "killed by signal 9");
  ASSERT_TRUE(substrate_.Forget(lost + "-a1"));
  Restart();
  Reconcile();
  EXPECT_TRUE(substrate_.IsRunning(kept + "-a1"));
  EXPECT_TRUE(substrate_.IsRunning(lost + "-a2"));
  EXPECT_EQ(substrate_.started().size(), 3u);
  ASSERT_TRUE(jobs_->Finish(kept, token, {{"model", "m"}}));
  EXPECT_EQ(StateOf(kept), JobState::kSucceeded);
  EXPECT_GT(Submit(), lost) << "ids are not given twice";
}

TEST_F(JobRunnerTest, AJobWhoseStartFailedIsStartedLater) {
  const std::string id = Submit();
  substrate_.FailNextStarts(1, {ErrorCode::kUnavailable, "no room for processes", ""});
  EXPECT_EQ(CodeOf(jobs_->Reconcile()), ErrorCode::kUnavailable);
  LaterReconcile();
  EXPECT_TRUE(substrate_.IsRunning(id + "-a2"));
}

TEST_F(JobRunnerTest, StopJobEndsItAndItsWorkload) {
  const std::string running = Submit();
  Reconcile();
  const std::string pending = Submit();
  const std::string token = TokenOf(running + "-a1");
  ASSERT_TRUE(jobs_->StopJob(running, "asked to"));
  ASSERT_TRUE(jobs_->StopJob(pending, "asked to"));
  EXPECT_EQ(StateOf(running), JobState::kStopped);
  EXPECT_EQ(jobs_->Find(running)->error, "asked to");
  EXPECT_FALSE(substrate_.IsRunning(running + "-a1"));
  EXPECT_FALSE(jobs_->busy());
  EXPECT_EQ(CodeOf(jobs_->Finish(running, token, Json())), ErrorCode::kPermissionDenied);
  EXPECT_TRUE(jobs_->StopJob(running, "again"));
  EXPECT_EQ(ended_.size(), 2u);
  LaterReconcile();
  EXPECT_EQ(substrate_.started().size(), 1u);
}

TEST_F(JobRunnerTest, AWorkloadWhoseJobWasStoppedBeforeTheServerDiedIsStopped) {
  const std::string id = Submit();
  Reconcile();
  // Stored as stopped; the server died before it told the workload.
  Job job = *jobs_->Find(id);
  job.state = JobState::kStopped;
  ASSERT_TRUE(store_->Commit({.put = {{"job", id, job.project, ToJson(job).dump()}}, .remove = {}, .events = {}}));
  Restart();
  Reconcile();
  EXPECT_FALSE(substrate_.IsRunning(id + "-a1"));
}

TEST_F(JobRunnerTest, RecordsOfEndedWorkloadsAreForgotten) {
  const std::string id = Submit();
  Reconcile();
  ASSERT_TRUE(jobs_->Finish(id, TokenOf(id + "-a1"), Json()));
  substrate_.Succeed(id + "-a1");
  Reconcile();
  EXPECT_TRUE(substrate_.List()->empty());
}

TEST_F(JobRunnerTest, ReplicasAreNobodysJob) {
  substrate::WorkloadSpec replica;
  replica.name = "flights-v1-r1";
  replica.kind = "replica";
  ASSERT_TRUE(substrate_.Start(replica));
  Submit();
  Reconcile();
  EXPECT_TRUE(substrate_.IsRunning("flights-v1-r1"));
}

TEST_F(JobRunnerTest, WhatDoesNotFitWaitsAndSaysWhy) {
  const std::string first = Submit(3'000);
  const std::string second = Submit(2'000);
  Reconcile();
  EXPECT_EQ(StateOf(second), JobState::kPending);
  EXPECT_NE(jobs_->Find(second)->waiting, "");
  ASSERT_TRUE(jobs_->Finish(first, TokenOf(first + "-a1"), Json()));
  Reconcile();
  EXPECT_EQ(StateOf(second), JobState::kRunning);
  EXPECT_EQ(jobs_->Find(second)->waiting, "");
}

TEST_F(JobRunnerTest, AQueuesQuotaHoldsOnlyThatQueue) {
  Submit(1'000, "small");
  const std::string waiting = Submit(1'000, "small");
  const std::string other = Submit(1'000);
  Reconcile();
  EXPECT_EQ(StateOf(waiting), JobState::kPending);
  EXPECT_NE(jobs_->Find(waiting)->waiting.find("small"), std::string::npos) << jobs_->Find(waiting)->waiting;
  EXPECT_EQ(StateOf(other), JobState::kRunning);
}

TEST_F(JobRunnerTest, WhatIsLargerThanTheMachineOrItsQueueIsRefused) {
  const std::string large = Submit(5'000);
  const std::string over_quota = Submit(2'000, "small");
  Reconcile();
  for (const auto& id : {large, over_quota}) {
    EXPECT_EQ(StateOf(id), JobState::kFailed) << id;
    EXPECT_NE(jobs_->Find(id)->error, "") << id;
  }
  EXPECT_TRUE(substrate_.started().empty());
}

TEST_F(JobRunnerTest, ADamagedJobIsDataLoss) {
  ASSERT_TRUE(store_->Commit({.put = {{"job", "j1", "p", "{"}}, .remove = {}, .events = {}}));
  const auto opened = JobRunner::Open({}, *store_, substrate_, clock_, [](const Job&) {});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kDataLoss);
}

}  // namespace
}  // namespace keelson::control
