#include "control/search_step.h"

#include <algorithm>

#include "control/testing.h"

namespace keelson::control {
namespace {

class SearchStepTest : public JobsFixture {
 protected:
  SearchStepTest() {
    auto& search = project_.spec.train->search.emplace();
    search.trials = 6;
    search.parallel = 2;
    search.pruner = "none";
    search.parameters = {{"eta", project::SearchParameter::Kind::kFloat, 0.01, 0.3, true, {}}};
    pipeline_.id = "p1";
    pipeline_.project = "flights";
    step_.name = "search";
    step_.kind = "search";
    step_.state = StepState::kRunning;
  }
  void Begin() {
    step_.search = BeginSearch(*project_.spec.train->search, *project_.spec.train);
    Continue();
  }
  void Continue() {
    const Json spec = {{"work_folder", "/work"}, {"train", Json::object()}};
    const Status ordered = ContinueSearch(pipeline_, step_, spec, project_.spec, *jobs_);
    ASSERT_TRUE(ordered) << ordered.error().ToString();
    ASSERT_TRUE(jobs_->Reconcile());
  }
  SearchProgress Observe() {
    auto progress = ObserveSearch(step_, *jobs_);
    EXPECT_TRUE(progress) << progress.error().ToString();
    return *progress;
  }
  // A trial is best at eta = 0.1.
  static double LossOf(const Job& job) {
    return std::abs(std::stod(job.spec.at("parameters").at("eta").get<std::string>()) - 0.1);
  }
  void FinishTrial(const std::string& id) { Finish(id, {{"metrics", {{"logloss", LossOf(*jobs_->Find(id))}}}}); }

  // Plays the search to its end. `reversed`: the trials of a round end in the other order. `restarts`: the step goes
  // through its stored form and the server is started again after every round.
  SearchProgress Play(bool reversed, bool restarts) {
    Begin();
    for (int round = 0; round < 20; ++round) {
      auto running = RunningJobs();
      EXPECT_LE(running.size(), 2u);
      if (reversed) std::ranges::reverse(running);
      for (const auto& id : running) {
        EXPECT_FALSE(Observe().changed) << "nothing is taken in before the whole round has ended";
        FinishTrial(id);
      }
      if (restarts) {
        Pipeline stored;
        stored.steps = {step_};
        step_ = PipelineFromJson(ToJson(stored).dump())->steps.at(0);
        RestartJobs();
      }
      const SearchProgress progress = Observe();
      if (progress.finished || !progress.error.empty()) return progress;
      EXPECT_TRUE(progress.changed);
      Continue();
    }
    ADD_FAILURE() << "the search does not end";
    return {};
  }

  Pipeline pipeline_;
  Step step_;
};

TEST_F(SearchStepTest, ChoosesTheBestOfAllTrials) {
  const SearchProgress progress = Play(false, false);
  ASSERT_TRUE(progress.finished);
  EXPECT_EQ(progress.output.at("trials"), 6);
  double best = 1e9;
  for (const auto& [id, job] : jobs_->jobs()) best = std::min(best, LossOf(job));
  EXPECT_EQ(progress.output.at("best").at("objective"), best);
  const Job& winner = *jobs_->Find(step_.jobs.at(progress.output.at("best").at("trial").get<std::size_t>()));
  EXPECT_EQ(progress.output.at("parameters"), winner.spec.at("parameters"));
  EXPECT_EQ(winner.group, "p1/search");
}

TEST_F(SearchStepTest, TheResultDoesNotDependOnWhichTrialEndsFirst) {
  const Json first = Play(false, false).output;
  const auto trials = [&] {
    std::vector<Json> all;
    for (const auto& id : step_.jobs) all.push_back(jobs_->Find(id)->spec.at("parameters"));
    return all;
  };
  const auto first_trials = trials();
  step_.jobs.clear();
  const Json second = Play(true, false).output;
  EXPECT_EQ(second, first);
  EXPECT_EQ(trials(), first_trials);
}

TEST_F(SearchStepTest, GoesOnWithTheSameSuggestionsAfterReopening) {
  const Json first = Play(false, false).output;
  step_.jobs.clear();
  EXPECT_EQ(Play(false, true).output, first);
}

TEST_F(SearchStepTest, ARoundIsOrderedOnce) {
  Begin();
  EXPECT_EQ(step_.jobs.size(), 2u);
  Continue();
  EXPECT_EQ(step_.jobs.size(), 2u);
}

TEST_F(SearchStepTest, AFailedTrialIsNotTheBestOne) {
  Begin();
  bool failed = false;
  SearchProgress progress;
  for (int round = 0; round < 20 && !progress.finished; ++round) {
    for (const auto& id : RunningJobs()) {
      if (failed) {
        FinishTrial(id);
      } else {
        ASSERT_TRUE(jobs_->FailAttempt(id, TokenOf(id), "out of luck", false, false, Json()));
      }
      failed = true;
    }
    progress = Observe();
    if (!progress.finished) Continue();
  }
  ASSERT_TRUE(progress.finished);
  EXPECT_NE(progress.output.at("best").at("trial"), 0);
}

TEST_F(SearchStepTest, WhenEveryTrialFailsTheSearchFailsWithTheReason) {
  Begin();
  SearchProgress progress;
  for (int round = 0; round < 20 && progress.error.empty(); ++round) {
    for (const auto& id : RunningJobs()) {
      ASSERT_TRUE(jobs_->FailAttempt(id, TokenOf(id), "no such column", false, false, Json()));
    }
    progress = Observe();
    if (progress.error.empty()) Continue();
  }
  EXPECT_FALSE(progress.finished);
  EXPECT_NE(progress.error.find("no such column"), std::string::npos) << progress.error;
}

TEST_F(SearchStepTest, AResultWithoutANumberIsAFailedTrial) {
  Begin();
  for (const auto& id : RunningJobs()) Finish(id, Json());
  EXPECT_TRUE(Observe().changed);
  Continue();
  for (const auto& id : RunningJobs()) Finish(id, {{"metrics", {{"logloss", "low"}}}});
  EXPECT_TRUE(Observe().changed);
}

TEST_F(SearchStepTest, AJobThatIsNotStoredIsDataLoss) {
  Begin();
  step_.search["running"]["0"] = "j999999";
  const auto progress = ObserveSearch(step_, *jobs_);
  ASSERT_FALSE(progress);
  EXPECT_EQ(progress.error().code, ErrorCode::kDataLoss);
}

}  // namespace
}  // namespace keelson::control
