#include "control/pipeline_runner.h"

#include "control/testing.h"

namespace keelson::control {
namespace {

class PipelineRunnerTest : public JobsFixture {
 protected:
  PipelineRunnerTest() {
    Write("out/table.parquet", "t");
    Write("out/frame.parquet", "f");
    Write("out/model", "m");
    OpenPipelines();
  }
  void OpenPipelines() {
    pipelines_.reset();
    PipelineRunner::World world;
    world.project = [this](const std::string&, const std::string& revision) {
      return revision == project_.revision ? &project_ : nullptr;
    };
    world.champion = [](const std::string&) -> std::optional<ChampionInfo> { return std::nullopt; };
    world.complete = [this](Pipeline& pipeline) -> Status {
      completed_ += pipeline.id + " ";
      return {};
    };
    world.ended = [this](const Pipeline& pipeline) { ended_ += pipeline.id + " "; };
    auto opened = PipelineRunner::Open(folder_.path(), *store_, *jobs_, clock_, std::move(world));
    ASSERT_TRUE(opened) << opened.error().ToString();
    pipelines_ = *std::move(opened);
  }
  void RestartAll() {
    pipelines_.reset();
    RestartJobs();
    OpenPipelines();
  }

  const Pipeline& Start(const std::string& id) {
    Pipeline pipeline;
    pipeline.id = id;
    pipeline.project = "flights";
    pipeline.revision = project_.revision;
    pipeline.as_of = InstantFromMicros(1'000);
    pipeline.steps = StepsOf(project_.spec, {.search = false, .online = false});
    EXPECT_TRUE(pipelines_->Start(std::move(pipeline)));
    return *pipelines_->Find(id);
  }
  void Look() {
    const Status moved = pipelines_->Reconcile();
    EXPECT_TRUE(moved) << moved.error().ToString();
    const Status looked = jobs_->Reconcile();
    EXPECT_TRUE(looked) << looked.error().ToString();
  }
  // What a worker would answer.
  Json OutputOf(const Job& job) const {
    if (job.kind == "ingest") return {{"path", folder_.File("out/table.parquet")}, {"hash", "table"}};
    if (job.kind == "prepare")
      return {{"tables",
               {{"flights",
                 {{"path", folder_.File("out/table.parquet")},
                  {"hash", "table"},
                  {"schema", Json::parse(R"([{"name": "temp"}])")}}}}}};
    if (job.kind == "features") return {{"path", folder_.File("out/frame.parquet")}, {"hash", "frame"}};
    if (job.kind == "train") return {{"model", folder_.File("out/model")}, {"model_hash", "model"}};
    return {{"success", true}};
  }
  // Lets everything run to its end, or until a job of `stop_at` runs; the steps that ran, in the order they ended.
  std::string Play(const std::string& stop_at = "") {
    std::string ran;
    for (int turn = 0; turn < 50; ++turn) {
      Look();
      const auto running = RunningJobs();
      if (running.empty()) break;
      const Job job = *jobs_->Find(running.front());
      if (job.step == stop_at) break;
      Finish(job.id, OutputOf(job));
      ran += job.step + " ";
    }
    return ran;
  }
  static std::string Skipped(const Pipeline& pipeline) {
    std::string skipped;
    for (const Step& step : pipeline.steps) {
      if (step.state == StepState::kSkipped) skipped += step.name + " ";
    }
    return skipped;
  }

  static constexpr const char* kAll = "ingest:flights ingest:weather prepare validate:flights features train evaluate ";
  std::unique_ptr<PipelineRunner> pipelines_;
  std::string completed_;
  std::string ended_;
};

TEST_F(PipelineRunnerTest, RunsEveryStepAndCompletesOnce) {
  const Pipeline& pipeline = Start("p1");
  EXPECT_EQ(pipelines_->Running("flights"), &pipeline);
  EXPECT_EQ(Play(), kAll);
  EXPECT_EQ(pipeline.state, PipelineState::kSucceeded);
  EXPECT_EQ(completed_, "p1 ");
  EXPECT_EQ(ended_, "p1 ");
  EXPECT_EQ(pipelines_->Running("flights"), nullptr);
  Look();
  EXPECT_EQ(ended_, "p1 ") << "looking again ends nothing again";
}

TEST_F(PipelineRunnerTest, UnchangedStepsAreSkippedWithTheEarlierOutputAlsoAfterReopening) {
  Start("p1");
  Play();
  const Json model = pipelines_->Find("p1")->Find("train")->output;
  RestartAll();
  const Pipeline& again = Start("p2");
  EXPECT_EQ(Play(), "");
  EXPECT_EQ(Skipped(again), kAll);
  EXPECT_EQ(again.Find("train")->output, model);
  EXPECT_EQ(again.state, PipelineState::kSucceeded);
  EXPECT_EQ(completed_, "p1 p2 ");
}

TEST_F(PipelineRunnerTest, OnlyWhatAChangeReachesRunsAgain) {
  Start("p1");
  Play();
  Write("source/weather.csv", "id,temp\na,21\n");
  Start("p2");
  EXPECT_EQ(Play(), "ingest:weather ") << "its output has the same hash, so nothing behind it has changed";
  project_.spec.train->trainer = project::XgboostSpec{.rounds = 9, .parameters = {}, .checkpoint_every = 25};
  Start("p3");
  EXPECT_EQ(Play(), "train ");
}

TEST_F(PipelineRunnerTest, AnOutputThatIsGoneIsMadeAgain) {
  Start("p1");
  Play();
  ASSERT_TRUE(io::RemoveTree(folder_.File("out/model")));
  Start("p2");
  EXPECT_EQ(Play(), "train ");
}

TEST_F(PipelineRunnerTest, ARefusedCheckEndsThePipelineAsRefused) {
  const Pipeline& pipeline = Start("p1");
  Play("validate:flights");
  const std::string job = pipeline.Find("validate:flights")->jobs.back();
  ASSERT_TRUE(jobs_->FailAttempt(job, TokenOf(job), "3 rows are too hot", true, false, {{"failures", 3}}));
  EXPECT_EQ(Play(), "");
  EXPECT_EQ(pipeline.state, PipelineState::kRefused);
  EXPECT_EQ(pipeline.error, "validate:flights: 3 rows are too hot");
  EXPECT_EQ(pipeline.Find("validate:flights")->output.at("failures"), 3);
  EXPECT_EQ(pipeline.Find("train")->state, StepState::kFailed);
  EXPECT_EQ(completed_, "");
  EXPECT_EQ(ended_, "p1 ");
  Start("p2");
  EXPECT_EQ(Play("validate:flights"), "") << "what succeeded before is skipped, the check is asked again";
  EXPECT_EQ(RunningJobs().size(), 1u);
}

TEST_F(PipelineRunnerTest, AFailedStepEndsThePipelineAsFailed) {
  const Pipeline& pipeline = Start("p1");
  Play("features");
  const std::string job = pipeline.Find("features")->jobs.back();
  ASSERT_TRUE(jobs_->FailAttempt(job, TokenOf(job), "no such column", false, false, Json()));
  Play();
  EXPECT_EQ(pipeline.state, PipelineState::kFailed);
  EXPECT_EQ(pipeline.error, "features: no such column");
}

TEST_F(PipelineRunnerTest, GoesOnWhereItStoodAfterReopening) {
  Start("p1");
  EXPECT_EQ(Play("features"), "ingest:flights ingest:weather prepare validate:flights ");
  const std::string job = RunningJobs().at(0);
  RestartAll();
  EXPECT_EQ(RunningJobs(), std::vector<std::string>{job}) << "the running job is adopted";
  EXPECT_EQ(Play(), "features train evaluate ");
  EXPECT_EQ(jobs_->jobs().size(), 7u);
  EXPECT_EQ(completed_, "p1 ");
}

TEST_F(PipelineRunnerTest, AResultAcceptedJustBeforeTheServerDiedIsNotLost) {
  Start("p1");
  Play("train");
  const std::string job = RunningJobs().at(0);
  Finish(job, OutputOf(*jobs_->Find(job)));
  RestartAll();
  EXPECT_EQ(Play(), "evaluate ");
}

TEST_F(PipelineRunnerTest, AJobThatNoStepOwnsIsStoppedWhenOpening) {
  Start("p1");
  Play("train");
  Job stray;
  stray.project = "flights";
  stray.pipeline = "p1";
  stray.step = "evaluate";
  const std::string id = jobs_->Submit(stray).value();
  RestartAll();
  EXPECT_EQ(jobs_->Find(id)->state, JobState::kStopped);
  EXPECT_EQ(Play(), "train evaluate ");
}

TEST_F(PipelineRunnerTest, StopEndsItAndItsJobs) {
  const Pipeline& pipeline = Start("p1");
  Play("train");
  ASSERT_TRUE(pipelines_->Stop("p1", "stopped by the operator"));
  EXPECT_EQ(pipeline.state, PipelineState::kFailed);
  EXPECT_EQ(pipeline.error, "stopped by the operator");
  EXPECT_TRUE(RunningJobs().empty());
  EXPECT_TRUE(pipelines_->Stop("p1", "again"));
  EXPECT_EQ(ended_, "p1 ");
  EXPECT_EQ(pipelines_->Stop("p9", "x").error().code, ErrorCode::kNotFound);
}

TEST_F(PipelineRunnerTest, WhatCannotBeMadeFailsWithTheReason) {
  ASSERT_TRUE(io::RemoveTree(folder_.File("source/weather.csv")));
  const Pipeline& absent = Start("p1");
  Play();
  EXPECT_EQ(absent.state, PipelineState::kFailed);
  EXPECT_NE(absent.error.find("weather.csv"), std::string::npos) << absent.error;
  const Pipeline& gone = Start("p2");
  project_.revision = "r2";
  Play();
  EXPECT_EQ(gone.state, PipelineState::kFailed);
  EXPECT_NE(gone.error.find("revision"), std::string::npos) << gone.error;
}

TEST_F(PipelineRunnerTest, DamageIsDataLoss) {
  for (const char* kind : {"pipeline", "step_output"}) {
    ASSERT_TRUE(store_->Commit({.put = {{kind, "x", "flights", "{"}}, .remove = {}, .events = {}}));
    const auto opened = PipelineRunner::Open(folder_.path(), *store_, *jobs_, clock_, {});
    ASSERT_FALSE(opened) << kind;
    EXPECT_EQ(opened.error().code, ErrorCode::kDataLoss) << kind;
    ASSERT_TRUE(store_->Commit({.put = {}, .remove = {{kind, "x", "", ""}}, .events = {}}));
  }
}

}  // namespace
}  // namespace keelson::control
