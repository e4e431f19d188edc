// A search of fifty trials beside what is more important: real jobs of real pipelines through the whole loop.
#include "control/loop_testing.h"

namespace keelson::control {
namespace {

class SearchQueueTest : public LoopFixture {
 protected:
  std::vector<std::string> RunningOf(const std::string& project) const {
    std::vector<std::string> running;
    for (const auto& [id, job] : controller_->jobs().jobs()) {
      if (job.state == JobState::kRunning && job.project == project) running.push_back(id);
    }
    return running;
  }
  // A second project without a model of its own: what it runs is ingest and prepare, of the priority that is given.
  void ApplyUrgent(int priority) {
    project::Bundle bundle;
    bundle.files[project::Bundle::kProjectFile] =
        "apiVersion: keelson.dev/v1\nkind: Project\nmetadata: {name: urgent}\n"
        "sources: {trips: {path: trips.csv, time: started_at}}\n"
        "train: {label: tip > 0, inputs: [a], trainer: {xgboost: {}}, priority: " +
        std::to_string(priority) + ", resources: {cpu: 4, memory: 1Gi}}\n";
    const Status applied = controller_->Apply(bundle.ToJson(), folder_.File("source"));
    ASSERT_TRUE(applied) << applied.error().ToString();
  }
};

TEST_F(SearchQueueTest, FiftyTrialsNeverStarveAMoreImportantJobOrTheEndpoint) {
  train_ =
      "{label: tip > 0, inputs: [a], trainer: {xgboost: {rounds: 8}}, resources: {cpu: 4, memory: 1Gi}, "
      "search: {trials: 50, parallel: 4, pruner: none}}";
  Apply();
  Run();
  ASSERT_EQ(Play("search"), "ingest:trips prepare features ");
  Turn();
  ASSERT_EQ(RunningJobs().size(), 4u) << "four trials have the machine";
  ApplyUrgent(10);
  ASSERT_TRUE(controller_->Find("urgent")->Run(std::nullopt, "now"));

  int trials = 0;
  int urgent_done = 0;
  int waited = 0;  // turns in which something urgent was ready to run and did not
  while (controller_->pipelines().Running("urgent") != nullptr) {
    Turn();
    const auto urgent = RunningOf("urgent");
    const bool pending = std::ranges::any_of(controller_->jobs().jobs(), [](const auto& entry) {
      return entry.second.project == "urgent" && entry.second.state == JobState::kPending;
    });
    waited += pending ? 1 : 0;
    for (const auto& id : urgent) {
      ASSERT_TRUE(FinishJob(id));
      ++urgent_done;
    }
    if (urgent.empty() && !RunningOf(kName).empty()) {  // one trial ends in between
      ASSERT_TRUE(FinishJob(RunningOf(kName).front()));
      ++trials;
    }
    ASSERT_LT(trials, 50) << "the urgent pipeline came only after the search";
  }
  EXPECT_EQ(urgent_done, 5);
  EXPECT_LE(trials, 20) << "no more than what was running when each urgent step became ready";
  EXPECT_LE(waited, 25);

  // The endpoint grows at once, whatever runs: replicas do not queue behind trials.
  ASSERT_TRUE(controller_->pipelines().Running(kName) != nullptr);
  const int ended = [&] {
    int count = 0;
    for (const auto& [id, job] : controller_->jobs().jobs()) {
      if (job.kind != "trial") continue;
      count += job.state == JobState::kSucceeded ? 1 : 0;
      EXPECT_NE(job.state, JobState::kFailed) << job.error;
    }
    return count;
  }();
  EXPECT_EQ(ended, trials) << "a trial that made room was not lost, and none was run twice";
  Play();
  int succeeded = 0;
  for (const auto& [id, job] : controller_->jobs().jobs()) {
    succeeded += job.kind == "trial" && job.state == JobState::kSucceeded ? 1 : 0;
  }
  EXPECT_EQ(succeeded, 50);
}

TEST_F(SearchQueueTest, TheEndpointGrowsInTheMiddleOfASearch) {
  promote_ = "{require: {auc: \">= 0.6\"}}";
  Serve();
  // Another project searches, with all of the machine.
  project::Bundle bundle;
  bundle.files[project::Bundle::kProjectFile] =
      "apiVersion: keelson.dev/v1\nkind: Project\nmetadata: {name: seeker}\n"
      "sources: {trips: {path: trips.csv, time: started_at}}\n"
      "train: {label: tip > 0, inputs: [a], trainer: {xgboost: {}}, resources: {cpu: 4, memory: 1Gi}, "
      "search: {trials: 50, parallel: 4, pruner: none}}\n";
  ASSERT_TRUE(controller_->Apply(bundle.ToJson(), folder_.File("source")));
  ASSERT_TRUE(controller_->Find("seeker")->Run(std::nullopt, "now"));
  for (int turn = 0; turn < 20 && RunningOf("seeker").size() < 4; ++turn) {
    Turn();
    const auto running = RunningOf("seeker");
    if (running.size() == 1 && controller_->jobs().Find(running[0])->kind != "trial") {
      ASSERT_TRUE(FinishJob(running[0]));
    }
  }
  ASSERT_EQ(RunningOf("seeker").size(), 4u);
  ASSERT_EQ(scripted_.Split(kName), "1:100:1");
  scripted_.backend(kName, 1).in_flight = 6;
  Turn(2);
  EXPECT_EQ(scripted_.Split(kName), "1:100:3") << "three replicas, in the very next looks";
  substrate_.Fail(Replicas(1).at(0), -9, "killed by signal 9");
  Turn(2);
  EXPECT_EQ(scripted_.Split(kName), "1:100:3") << "and a dead one is replaced as fast";
}

}  // namespace
}  // namespace keelson::control
