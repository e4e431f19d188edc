#include "control/job_queues.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/job_queues_testing.h"

namespace keelson::control {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using Kind = JobQueues::Action::Kind;

constexpr scheduling::Resources kMachine{.cpu_milli = 4'000, .memory_bytes = std::int64_t{8} << 30};
const Instant kNow = ParseInstant("2026-03-01T12:00:00Z").value();

class JobQueuesTest : public testing::Test {
 protected:
  void Open(std::optional<scheduling::Queues> declared) {
    auto made = JobQueues::Make(std::move(declared), kMachine);
    ASSERT_TRUE(made) << made.error().ToString();
    queues_ = *std::move(made);
  }

  Job& Add(const std::string& id, int cores, const std::string& queue = "default") {
    Job& job = jobs_[id];
    job.id = id;
    job.project = "flights";
    job.kind = "train";
    job.step = "train";
    job.queue = queue;
    job.resources = {.cpu_milli = cores * 1'000, .memory_bytes = 1 << 20};
    job.created = kNow;
    return job;
  }
  // What it says, done to the jobs: "+j1" starts, "-j1" is preempted, "!j1" is refused.
  std::vector<std::string> Plan(Instant now = kNow) {
    std::vector<std::string> said;
    for (const auto& action : queues_->Plan(jobs_, not_yet_, now)) {
      Job& job = jobs_.at(action.job);
      said.push_back((action.kind == Kind::kStart ? "+" : action.kind == Kind::kPreempt ? "-" : "!") + action.job);
      if (action.kind == Kind::kStart) {
        job.state = JobState::kRunning;
        job.token_hash = "hash";
        job.flavor = action.flavor;
        job.started = now;
        ++job.attempts;
      } else if (action.kind == Kind::kPreempt) {
        job.token_hash.clear();
      } else {
        job.state = JobState::kFailed;
        job.error = action.reason;
      }
    }
    return said;
  }
  void Ended(const std::string& id, JobState state = JobState::kSucceeded) { jobs_.at(id).state = state; }

  std::map<std::string, Job> jobs_;
  std::set<std::string> not_yet_;
  std::unique_ptr<JobQueues> queues_;
};

TEST_F(JobQueuesTest, WhatFitsStartsAndTheRestWaitsForTheMachineAndSaysSo) {
  Open(std::nullopt);
  Add("j1", 3);
  Add("j2", 4, "whatever");
  Add("j3", 1);
  EXPECT_THAT(Plan(), ElementsAre("+j1"));
  EXPECT_THAT(Plan(), IsEmpty()) << "planned again";
  EXPECT_THAT(*queues_->Why("j2"), AllOf(HasSubstr("this machine"), HasSubstr("4 cores"), HasSubstr("'j1' has ended")));
  EXPECT_THAT(*queues_->Why("j3"), HasSubstr("does not delay 'j2'")) << "nobody knows how long it runs";
  EXPECT_FALSE(queues_->Why("j1"));
  Ended("j1");
  EXPECT_THAT(Plan(), ElementsAre("+j2"));
}

TEST_F(JobQueuesTest, WhatIsShortEnoughByItsLikeSlipsInBeforeAReservation) {
  Open(std::nullopt);
  Job& like = Add("j0", 1);
  like.step = "short";
  like.state = JobState::kSucceeded;
  like.attempts = 1;
  like.started = kNow - minutes(2);
  like.ended = kNow - minutes(1);
  Add("j1", 3);
  Add("j2", 4);
  Add("j3", 1).step = "short";
  EXPECT_THAT(Plan(), ElementsAre("+j1", "+j3"));
  EXPECT_EQ(*queues_->ExpectedEnd("j3"), kNow + minutes(1));
  EXPECT_FALSE(queues_->ExpectedEnd("j1")) << "nobody knows";
}

TEST_F(JobQueuesTest, WhatMostlyIsShortDoesNotSlipInBeforeAReservationThatItMightDelay) {
  Open(std::nullopt);
  const auto past = [this](const std::string& step, int number, Duration took) {
    Job& like = Add(step + std::to_string(number), 1);
    like.step = step;
    like.state = JobState::kSucceeded;
    like.attempts = 1;
    like.ended = kNow - minutes(1);
    like.started = *like.ended - took;
  };
  for (int i = 1; i <= 9; ++i) {
    past("mostly", i, i == 5 ? minutes(90) : minutes(1));
    past("always", i, minutes(1));
    past("long", i, minutes(30));
  }
  Add("k1", 2).step = "long";
  Add("k2", 4);
  Add("k3", 1).step = "mostly";
  Add("k4", 1).step = "always";
  EXPECT_THAT(Plan(), ElementsAre("+k1", "+k4"));
  EXPECT_THAT(*queues_->Why("k3"), HasSubstr("does not delay 'k2'"));
  EXPECT_EQ(*queues_->ExpectedEnd("k1"), kNow + minutes(30));
}

TEST_F(JobQueuesTest, AQuotaHoldsItsQueueAloneAndASubmitterIsToldOfIt) {
  Open(TestQueues());
  EXPECT_EQ(queues_->Notice("flights", "small", {.cpu_milli = 1'000, .memory_bytes = 1 << 20}), "");
  Add("j1", 1, "small");
  Add("j2", 1, "small");
  Add("j3", 1);
  EXPECT_THAT(Plan(), UnorderedElementsAre("+j1", "+j3"));
  EXPECT_THAT(*queues_->Why("j2"), AllOf(HasSubstr("waits for quota"), HasSubstr("'small'")));
  EXPECT_THAT(queues_->Notice("flights", "small", {.cpu_milli = 1'000, .memory_bytes = 1 << 20}),
              AllOf(HasSubstr("queue 'small' uses 1 core"), HasSubstr("its quota of 1 core"), HasSubstr("it waits")));
  const auto views = queues_->queues();
  ASSERT_EQ(views.size(), 2U);
  EXPECT_EQ(views[1].name, "small");
  EXPECT_EQ(views[1].running, 1);
  EXPECT_EQ(views[1].waiting, 1);
  EXPECT_EQ(views[1].quotas[0].used, 1'000);
  EXPECT_EQ(views[1].quotas[0].nominal, 1'000);
  EXPECT_EQ(views[1].quotas[0].available, 0);
}

TEST_F(JobQueuesTest, AfterARestartAJobUsesTheFlavorThatItWasStartedWith) {
  auto declared = TestQueues();
  declared.flavors.push_back({"extra", {}, ""});
  auto& flavors = declared.cluster_queues[1].flavors;
  flavors.push_back(flavors.front());
  flavors.back().flavor = "extra";
  Open(declared);
  for (const char* id : {"j1", "j2", "j3"}) Add(id, 1, "small");
  EXPECT_THAT(Plan(), ElementsAre("+j1", "+j2"));
  EXPECT_EQ(jobs_.at("j2").flavor, "extra");
  Ended("j1");
  Open(declared);
  EXPECT_THAT(Plan(), ElementsAre("+j3"));
  EXPECT_EQ(jobs_.at("j3").flavor, "default") << "which nobody uses";
}

TEST_F(JobQueuesTest, AProjectKnowsAQueueByItsOwnName) {
  auto declared = TestQueues();
  declared.local_queues = {{"flights", "nightly", "small", ""}};
  Open(declared);
  EXPECT_EQ(queues_->QueueOf("flights", "nightly").value(), "small");
  EXPECT_EQ(queues_->QueueOf("flights", "small").value(), "small");
  const auto other = queues_->QueueOf("taxis", "nightly");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().ToString(),
            "there is no queue 'nightly' for project 'taxis'; there are default, small (train.queue)");
  Open(std::nullopt);
  EXPECT_EQ(queues_->QueueOf("taxis", "any").value(), "default") << "where nobody declared any";
}

TEST_F(JobQueuesTest, WhatNamesNoQueueRunsBesideDeclaredOnes) {
  auto declared = TestQueues();
  declared.cluster_queues.erase(declared.cluster_queues.begin());
  Open(declared);
  Add("j1", 1, "small");
  Add("j2", 3);
  Add("j3", 1, "nowhere");
  EXPECT_THAT(Plan(), UnorderedElementsAre("!j3", "+j1", "+j2"));
  const auto views = queues_->queues();
  ASSERT_EQ(views.size(), 2U);
  EXPECT_EQ(views[1].name, "default");
  EXPECT_EQ(views[1].running, 1);
  EXPECT_EQ(views[1].quotas.size(), 2U);
  EXPECT_EQ(views[1].quotas[0].used, 3'000);
  EXPECT_FALSE(views[1].quotas[0].nominal);
}

TEST_F(JobQueuesTest, WhatCouldNeverRunIsRefusedOnceAndAtItsApplication) {
  Open(TestQueues());
  Add("j1", 5);
  Add("j2", 2, "small");
  Add("j3", 1, "nowhere");
  EXPECT_THAT(Plan(), ElementsAre("!j1", "!j2", "!j3"));
  EXPECT_THAT(jobs_.at("j1").error, HasSubstr("4 cores"));
  EXPECT_THAT(jobs_.at("j2").error, HasSubstr("queue 'small' can never have more than 1 core"));
  EXPECT_THAT(Plan(), IsEmpty());
  project::Project project;
  project.name = "flights";
  EXPECT_TRUE(CheckQueue(project, *queues_)) << "one without training";
  project.train.emplace();
  project.train->queue = "small";
  project.train->resources.cpu = 2;
  EXPECT_EQ(CheckQueue(project, *queues_).error().code, ErrorCode::kResourceExhausted);
  project.train->resources.cpu = 1;
  EXPECT_TRUE(CheckQueue(project, *queues_));
  project.train->queue = "nowhere";
  EXPECT_EQ(CheckQueue(project, *queues_).error().code, ErrorCode::kNotFound);
  EXPECT_THAT(Plan(), IsEmpty()) << "what was only asked about is not there";
}

TEST_F(JobQueuesTest, MoreImportantWorkPreemptsAndThePreemptedComesBack) {
  Open(std::nullopt);
  Add("j1", 4).workload_class = scheduling::WorkloadClass::kBestEffort;
  EXPECT_THAT(Plan(), ElementsAre("+j1"));
  Add("j2", 2);
  EXPECT_THAT(Plan(), ElementsAre("-j1"));
  EXPECT_THAT(*queues_->Why("j2"), HasSubstr("one has been told to stop for it"));
  jobs_.at("j1").state = JobState::kPending;
  EXPECT_THAT(Plan(), ElementsAre("+j2"));
  EXPECT_TRUE(queues_->Why("j1"));
  Ended("j2");
  EXPECT_THAT(Plan(), ElementsAre("+j1"));
}

TEST_F(JobQueuesTest, AnotherServerTakesOverWhatRunsAndWhatWasTold) {
  Open(TestQueues());
  Add("j1", 1, "small");
  EXPECT_THAT(Plan(), ElementsAre("+j1"));
  Add("j2", 1, "small");
  Open(TestQueues());
  EXPECT_THAT(Plan(), IsEmpty()) << "the first one uses the quota still";
  jobs_.at("j1").token_hash.clear();
  EXPECT_THAT(Plan(), IsEmpty()) << "it is stopping and has it still";
  Ended("j1", JobState::kStopped);
  EXPECT_THAT(Plan(), ElementsAre("+j2"));
  auto without = TestQueues();
  without.cluster_queues.pop_back();
  Open(without);
  EXPECT_THAT(Plan(), IsEmpty()) << "what runs in a queue that is gone runs on";
}

TEST_F(JobQueuesTest, WhatWasSaidAndNotDoneIsSaidAgain) {
  Open(std::nullopt);
  Add("j1", 4);
  EXPECT_THAT(Plan(), ElementsAre("+j1"));
  jobs_.at("j1").state = JobState::kPending;
  EXPECT_THAT(Plan(), ElementsAre("+j1"));
}

TEST_F(JobQueuesTest, WhatBacksOffStandsInNobodysWay) {
  Open(std::nullopt);
  Add("j1", 4);
  Add("j2", 1);
  not_yet_ = {"j1"};
  EXPECT_THAT(Plan(), ElementsAre("+j2"));
  EXPECT_FALSE(queues_->Why("j1"));
  not_yet_.clear();
  EXPECT_THAT(Plan(), IsEmpty());
  Ended("j2");
  EXPECT_THAT(Plan(), ElementsAre("+j1"));
}

TEST_F(JobQueuesTest, TrialsOfASearchRunSoManyAtOnce) {
  Open(std::nullopt);
  for (const char* id : {"j1", "j2", "j3"}) {
    Job& job = Add(id, 1);
    job.group = "search";
    job.group_parallel = 2;
  }
  EXPECT_THAT(Plan(), ElementsAre("+j1", "+j2"));
  EXPECT_THAT(*queues_->Why("j3"), HasSubstr("runs at most 2 trials at once"));
}

TEST_F(JobQueuesTest, OfTrialsTheLowerRungMakesRoom) {
  Open(std::nullopt);
  for (const auto& [id, rounds] :
       {std::pair{"j1", 50}, std::pair{"j2", 200}, std::pair{"j3", 50}, std::pair{"j4", 100}}) {
    Job& job = Add(id, 1);
    job.kind = "trial";
    job.spec = {{"rounds", rounds}};
    job.group = "search";
    job.group_parallel = 4;
  }
  EXPECT_THAT(Plan(), UnorderedElementsAre("+j1", "+j2", "+j3", "+j4"));
  Add("j5", 2).workload_class = scheduling::WorkloadClass::kSystem;
  EXPECT_THAT(Plan(), UnorderedElementsAre("-j1", "-j3"));
  Add("j6", 1).workload_class = scheduling::WorkloadClass::kSystem;
  for (const char* id : {"j1", "j3"}) jobs_.at(id).state = JobState::kPending;
  EXPECT_THAT(Plan(), UnorderedElementsAre("+j5", "-j4")) << "the one that came farthest keeps its place";
}

TEST_F(JobQueuesTest, WhatKeepsItsWorkMakesRoomBeforeWhatWouldLoseIt) {
  Open(std::nullopt);
  Add("j1", 2);
  Add("j2", 2).spec["train"]["xgboost"]["checkpoint_every"] = 25;
  EXPECT_THAT(Plan(), UnorderedElementsAre("+j1", "+j2"));
  Add("j3", 2).workload_class = scheduling::WorkloadClass::kSystem;
  EXPECT_THAT(Plan(kNow + minutes(5)), ElementsAre("-j2")) << "a training writes a checkpoint when it is told to stop";
}

TEST_F(JobQueuesTest, MistakesInTheQueuesAreSaid) {
  auto declared = TestQueues();
  declared.cluster_queues[1].name = "default";
  declared.cluster_queues[1].where = "queues.yaml:9";
  const auto made = JobQueues::Make(declared, kMachine);
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().ToString(), HasSubstr("queues.yaml:9"));
}

TEST(ExpectedRunTimeTest, IsTheMedianOfItsLike) {
  std::map<std::string, Job> jobs;
  const auto add = [&jobs](const std::string& id, const std::string& step, Duration took) -> Job& {
    Job& job = jobs[id];
    job.id = id;
    job.step = step;
    job.state = JobState::kSucceeded;
    job.attempts = 1;
    job.started = kNow;
    job.ended = kNow + took;
    return job;
  };
  Job asked;
  asked.step = "train";
  EXPECT_FALSE(ExpectedRunTime(jobs, asked));
  add("j1", "train", minutes(10));
  add("j2", "train", seconds(90));
  add("j3", "train", minutes(1));
  add("j4", "evaluate", minutes(50));
  add("j5", "train", minutes(70)).attempts = 2;
  add("j6", "train", minutes(70)).state = JobState::kFailed;
  EXPECT_EQ(ExpectedRunTime(jobs, asked), seconds(90));
  for (int i = 10; i < 30; ++i) add("j" + std::to_string(i), "train", std::chrono::milliseconds(10));
  EXPECT_EQ(ExpectedRunTime(jobs, asked), seconds(1)) << "of the latest, and a second at least";
}

}  // namespace
}  // namespace keelson::control
