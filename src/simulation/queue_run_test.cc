// Loads of a few workloads whose whole course is known, under the policies and under schedulers that are wrong.
#include "simulation/queue_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::simulation {
namespace {

using scheduling::Decision;
using std::chrono::seconds;
using testing::HasSubstr;

constexpr int kCores = 1000;

// One cohort; each queue reclaims what is its own from whoever borrows it.
class QueueRunTest : public testing::Test {
 protected:
  void Queue(const std::string& name, int cores) {
    scheduling::ClusterQueue queue;
    queue.name = name;
    queue.cohort = "all";
    scheduling::FlavorQuota quota{"default", {}};
    quota.of[static_cast<std::size_t>(scheduling::Resource::kCpu)] =
        scheduling::ResourceQuota{cores * std::int64_t{kCores}, {}, {}};
    queue.flavors = {quota};
    queue.reclaim = scheduling::ReclaimWithinCohort::kAny;
    queue.preempt = scheduling::PreemptWithinQueue::kLowerPriority;
    load_.queues.cluster_queues.push_back(queue);
    load_.queues.flavors = {{"default", {}, ""}};
  }

  void Comes(int at, const std::string& id, const std::string& queue, int cores, int run, int priority = 0) {
    QueuedLoad::Arrival arrival;
    arrival.name = id;
    arrival.run_time = seconds(run);
    arrival.workload.id = id;
    arrival.workload.queue = queue;
    arrival.workload.priority = priority;
    arrival.workload.submitted = Instant{} + seconds(at);
    arrival.workload.pod.request.cpu_milli = cores * std::int64_t{kCores};
    arrival.workload.run_time = seconds(run);
    load_.arrivals.push_back(arrival);
  }

  Result<QueueReport> Play(const std::string& policy) {
    KEELSON_ASSIGN_OR_RETURN(const auto scheduler, MakeQueueScheduler(policy, load_));
    return SimulateQueues(load_, *scheduler);
  }

  QueuedLoad load_;
};

TEST_F(QueueRunTest, WaitsMakespanAndBoundAreWhatAPersonReckons) {
  Queue("a", 2);
  Comes(0, "one", "a", 2, 10);
  Comes(1, "two", "a", 2, 5);
  Comes(30, "three", "a", 1, 5);
  for (const std::string& policy : QueuePolicyNames()) {
    SCOPED_TRACE(policy);
    const auto report = Play(policy);
    ASSERT_TRUE(report) << report.error().ToString();
    EXPECT_EQ(report->makespan, 35);
    EXPECT_EQ(report->bounds.of_work, (20 + 10 + 5) / 2.0);
    EXPECT_EQ(report->bounds.of_arrivals, 35) << "the last one comes at 30";
    EXPECT_EQ(report->starts, 3U);
    EXPECT_EQ(report->preemptions, 0U);
    EXPECT_EQ(report->classes.at("one").mean_wait, 0);
    EXPECT_EQ(report->classes.at("two").mean_wait, 9);
    EXPECT_EQ(report->classes.at("three").mean_wait, 0);
    EXPECT_NEAR(report->used_percent, 100 * 35.0 / 70, 1e-9);
  }
}

// The world of Kueue's #6929 and #6947: whoever steps aside before the one that preempts comes back to the head when
// what was preempted has gone, and lets it start again in the room that it left.
TEST_F(QueueRunTest, WhoPreemptsUnderKueuesPolicyGetsTheRoomThoughAMoreImportantOneCannotUseIt) {
  Queue("a", 3);
  Queue("b", 1);
  Comes(0, "kept", "b", 1, 1000);
  Comes(0, "borrows", "b", 1, 100);
  Comes(1, "too-large", "a", 4, 10, 9);
  Comes(2, "preempts", "a", 3, 10, 1);
  const auto report = Play("kueue-fifo");
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_EQ(report->preemptions, 1U);
  EXPECT_EQ(report->lost_seconds, 2);
  EXPECT_EQ(report->classes.at("preempts").mean_wait, 0);
  EXPECT_EQ(report->classes.at("borrows").mean_wait, 12) << "two lost, and ten until it is done";
}

// The world of Kueue's #13797: what a queue frees of its own is taken by another, which its victim then reclaims.
TEST_F(QueueRunTest, WhoPreemptsUnderKueuesPolicyGoesFirstWhenTheRoomIsThere) {
  Queue("a", 2);
  Queue("b", 1);
  Comes(0, "kept", "a", 1, 100, 300);
  Comes(0, "medium", "b", 1, 100, 100);
  Comes(1, "older", "a", 2, 10, 200);
  Comes(2, "preempts", "b", 2, 10, 200);
  const auto report = Play("kueue-fifo");
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_EQ(report->preemptions, 1U);
  EXPECT_EQ(report->classes.at("preempts").mean_wait, 0);
  EXPECT_EQ(report->classes.at("medium").mean_wait, 12) << "two lost, and ten until it is its turn";
  EXPECT_EQ(report->classes.at("older").mean_wait, 99) << "the medium one borrows nothing and went before it";
}

TEST_F(QueueRunTest, OneInATreeOfCohortsPreemptsAtATimeUnderKueuesPolicyAndNoMoreThanItNeeds) {
  Queue("a", 2);
  Queue("b", 2);
  Queue("c", 0);
  Comes(0, "large", "c", 3, 100);
  Comes(0, "small", "c", 1, 100);
  Comes(5, "of-a", "a", 1, 10);
  Comes(5, "of-b", "b", 1, 10);
  const auto report = Play("kueue-fifo");
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_EQ(report->preemptions, 1U) << "of the large one, in whose room both find place";
  EXPECT_EQ(report->classes.at("of-a").mean_wait, 0);
  EXPECT_EQ(report->classes.at("of-b").mean_wait, 0);
  EXPECT_EQ(report->classes.at("small").mean_wait, 0);
  EXPECT_EQ(report->classes.at("large").mean_wait, 15) << "five lost, and ten until they are done";
}

TEST_F(QueueRunTest, WhatIsPreemptedKeepsWhatItsCheckpointsHold) {
  Queue("a", 1);
  Queue("b", 0);
  Comes(0, "training", "b", 1, 100);
  load_.arrivals.back().workload.checkpoint_interval = seconds(15);
  Comes(40, "owner", "a", 1, 10);
  const auto report = Play("kueue-fifo");
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_EQ(report->lost_seconds, 10);
  EXPECT_EQ(report->classes.at("training").mean_wait, 20);
  EXPECT_EQ(report->makespan, 120);
}

// Schedulers that are wrong, to see them noticed.
class Wrong : public QueueScheduler {
 public:
  enum class How { kNothingStarts, kBeyondTheQuota, kGangInPart, kForEver };
  explicit Wrong(How how) : how_(how) {}
  Status Submit(scheduling::Workload workload) override {
    waiting_.push_back(std::move(workload));
    return {};
  }
  void Ended(const std::string&) override {}
  void CloseNode(int, Instant) override {}
  void OpenNode(int) override {}
  std::vector<Decision> Plan(Instant now) override {
    std::vector<Decision> decisions;
    if (how_ == How::kNothingStarts) return decisions;
    for (const scheduling::Workload& each : waiting_) {
      const auto pods = static_cast<std::size_t>(how_ == How::kGangInPart ? each.pods - 1 : each.pods);
      decisions.push_back(
          {Decision::Kind::kStart, each.id, "default", std::vector<scheduling::PodPlace>(pods), "", {}});
      if (how_ == How::kForEver) decisions.push_back({Decision::Kind::kPreempt, each.id, "", {}, "", now});
    }
    waiting_.clear();
    return decisions;
  }

 private:
  How how_;
  std::vector<scheduling::Workload> waiting_;
};

TEST_F(QueueRunTest, NoticesSchedulersThatAreWrong) {
  Queue("a", 4);
  Comes(0, "one", "a", 3, 10);
  Comes(0, "two", "a", 2, 10);
  const auto error = [this](Wrong::How how) {
    Wrong wrong(how);
    const auto report = SimulateQueues(load_, wrong);
    return report ? "" : report.error().ToString();
  };
  EXPECT_THAT(error(Wrong::How::kNothingStarts), HasSubstr("nothing runs, and 1 of class 'one' wait for ever"));
  EXPECT_THAT(error(Wrong::How::kBeyondTheQuota), HasSubstr("a quota is exceeded"));
  EXPECT_THAT(error(Wrong::How::kGangInPart), HasSubstr("a gang began with too few pods"));
  load_.arrivals.pop_back();
  EXPECT_THAT(error(Wrong::How::kForEver), HasSubstr("the same work for ever"));
}

TEST_F(QueueRunTest, WhatTakesLongerThanCanBeCountedIsRefused) {
  Queue("a", 1);
  for (int i = 0; i < 3; ++i) {
    Comes(0, "age-" + std::to_string(i), "a", 1, 1);
    load_.arrivals.back().run_time = std::chrono::hours(24 * 365 * 20'000LL);
    load_.arrivals.back().workload.run_time.reset();
  }
  for (const std::string& policy : QueuePolicyNames()) {
    const auto report = Play(policy);
    ASSERT_FALSE(report) << policy;
    EXPECT_EQ(report.error().code, ErrorCode::kResourceExhausted) << policy;
  }
}

TEST_F(QueueRunTest, APolicyThatIsNotThereIsRefusedByName) {
  Queue("a", 1);
  const auto report = Play("fifo");
  ASSERT_FALSE(report);
  EXPECT_THAT(report.error().message, HasSubstr("there is no policy 'fifo'; there are keelson, kueue-fifo"));
}

}  // namespace
}  // namespace keelson::simulation
