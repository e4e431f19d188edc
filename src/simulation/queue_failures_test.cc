// Machines that go away under a load over time: what becomes of the work, and that none of it is lost or done twice.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"
#include "base/sanitized_testing.h"
#include "simulation/queue_run.h"

namespace keelson::simulation {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::HasSubstr;

constexpr std::int64_t kGib = std::int64_t{1} << 30;

// Machines of eight cores, and one queue that has them all.
QueuedLoad Machines(int nodes, double spot_share = 0) {
  QueuedLoad load;
  Fleet::Pool pool;
  pool.name = "box";
  pool.nodes = nodes;
  pool.node.capacity = {8'000, 32 * kGib};
  pool.price = 1'000'000;
  pool.spot_price = 250'000;
  pool.spot_share = spot_share;
  pool.interruptions = 0;
  load.fleet.pools = {pool};
  load.cluster = ClusterOf(load.fleet);
  scheduling::FlavorQuota quota{"default", {}};
  quota.of[static_cast<std::size_t>(scheduling::Resource::kCpu)] =
      scheduling::ResourceQuota{nodes * std::int64_t{8'000}, {}, {}};
  scheduling::ClusterQueue queue;
  queue.name = "all";
  queue.flavors = {quota};
  load.queues.flavors = {{"default", {}, ""}};
  load.queues.cluster_queues = {queue};
  return load;
}

scheduling::Workload& Comes(QueuedLoad& load, Duration at, Duration run, int cores, int pods = 1) {
  QueuedLoad::Arrival arrival;
  arrival.name = "job";
  arrival.run_time = run;
  arrival.workload.id = "j" + std::to_string(load.arrivals.size());
  arrival.workload.queue = "all";
  arrival.workload.submitted = Instant{} + at;
  arrival.workload.pod.request.cpu_milli = cores * std::int64_t{1'000};
  arrival.workload.pods = pods;
  arrival.workload.run_time = run;
  load.arrivals.push_back(arrival);
  return load.arrivals.back().workload;
}

Result<QueueReport> Play(const QueuedLoad& load, const std::string& policy, const Failures& failures) {
  KEELSON_ASSIGN_OR_RETURN(const auto scheduler, MakeQueueScheduler(policy, load));
  return SimulateQueues(load, *scheduler, failures);
}

// With the first seed with which something first fails between the two.
Failures FailsBetween(const QueuedLoad& load, Failures failures, Duration from, Duration until) {
  for (failures.seed = 0;; ++failures.seed) {
    const Duration first = Outages(load.fleet, failures).Next().value() - Instant{};
    if (from < first && first < until) return failures;
  }
}

TEST(QueueFailuresTest, WorkOnAMachineThatIsLostIsDoneAgainSinceItsCheckpoint) {
  QueuedLoad load = Machines(1);
  Comes(load, {}, hours(20), 8).checkpoint_interval = hours(1);
  Failures failures;
  failures.node_loss = 0.1;
  failures = FailsBetween(load, failures, hours(2), hours(19));
  for (const std::string& policy : QueuePolicyNames()) {
    const auto report = Play(load, policy, failures);
    ASSERT_TRUE(report) << report.error().ToString();
    EXPECT_GE(report->interruptions, 1U);
    EXPECT_EQ(report->preemptions, 0U);
    EXPECT_GE(report->nodes_lost, report->interruptions);
    EXPECT_EQ(report->lost_seconds, report->lost_to_failures);
    EXPECT_GT(report->lost_seconds, 0);
    EXPECT_LT(report->lost_seconds, 3600.0 * static_cast<double>(report->interruptions)) << "an hour each at most";
    EXPECT_EQ(report->work_seconds, 20 * 3600);
    EXPECT_NEAR(report->ran_seconds, report->work_seconds + report->lost_seconds, 1e-3);
    EXPECT_NEAR(report->makespan, report->ran_seconds + 600.0 * static_cast<double>(report->interruptions), 1)
        << "ten minutes until another machine is there";
    EXPECT_NEAR(report->cost, report->ran_seconds / 3600, 1e-3) << "a machine that is away costs nothing";
  }
}

TEST(QueueFailuresTest, ASpotMachinesNoticeIsUsedForACheckpoint) {
  QueuedLoad load = Machines(1, 1);
  Comes(load, {}, hours(20), 8).checkpoints_when_told = true;
  Failures failures;
  failures.interruptions = 0.5;
  const auto told = Play(load, "keelson", failures);
  ASSERT_TRUE(told) << told.error().ToString();
  EXPECT_GT(told->interruptions, 2U);
  EXPECT_EQ(told->spot_nodes_taken, told->interruptions);
  EXPECT_EQ(told->lost_seconds, 0);
  EXPECT_NEAR(told->cost, 20 * 0.25, 1e-6) << "the spot price";

  failures.interruptions = 0;
  failures.node_loss = 0.1;
  const auto lost = Play(load, "keelson", failures);
  ASSERT_TRUE(lost) << lost.error().ToString();
  EXPECT_GT(lost->lost_seconds, 0) << "nobody told it";
}

TEST(QueueFailuresTest, OfAGangAllStopWhenOneOfItsMachinesGoesAway) {
  QueuedLoad load = Machines(3);
  Comes(load, {}, hours(4), 8, 3);
  Failures failures;
  failures.node_loss = 0.1;
  failures = FailsBetween(load, failures, hours(1), hours(3));
  const auto report = Play(load, "keelson", failures);
  ASSERT_TRUE(report) << report.error().ToString();
  EXPECT_GE(report->interruptions, 1U);
  EXPECT_EQ(report->work_seconds, 3 * 4 * 3600);
  EXPECT_NEAR(report->ran_seconds, report->work_seconds + report->lost_seconds, 1e-3);
}

TEST(QueueFailuresTest, WhatNeverComesToItsEndIsSaid) {
  QueuedLoad load = Machines(1);
  Comes(load, {}, hours(1'000), 8);
  Failures failures;
  failures.node_loss = 1;
  const auto report = Play(load, "keelson", failures);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::kResourceExhausted);
  EXPECT_THAT(report.error().ToString(), HasSubstr("never came to its end (j0)"));
}

QueuedLoad RandomLoad(Random& random) {
  const auto below = [&random](int bound) { return static_cast<int>(random.Below(static_cast<std::uint64_t>(bound))); };
  QueuedLoad load = Machines(2 + below(6), 0.25 * below(5));
  Fleet::Pool other = load.fleet.pools[0];
  other.name = "other";
  other.zone = "west";
  other.nodes = 1 + below(3);
  load.fleet.pools.push_back(other);
  load.cluster = ClusterOf(load.fleet);
  for (int i = 0; i < 40; ++i) {
    scheduling::Workload& workload =
        Comes(load, minutes(below(600)), minutes(1 + below(90)), 1 + below(8), below(4) == 0 ? 1 + below(4) : 1);
    workload.workload_class = static_cast<scheduling::WorkloadClass>(1 + below(3));
    workload.priority = below(3);
    if (below(2) == 0) workload.checkpoint_interval = minutes(1 + below(20));
    workload.checkpoints_when_told = below(3) == 0;
    workload.preemptible = below(4) != 0;
    if (workload.pods > 1 && below(2) == 0) workload.least_pods = 1;
  }
  std::ranges::stable_sort(load.arrivals, {}, [](const auto& each) { return each.workload.submitted; });
  return load;
}

// What ran is what came to its end and what was lost; whatever is accepted comes to its end; the same again is the
// same.
TEST(QueueFailuresPropertyTest, NoWorkIsLostAndNoneIsCountedTwice) {
  std::size_t interruptions = 0;
  constexpr int kLoads = 120;
  for (int seed = 0; seed < Rounds(kLoads); ++seed) {
    Random random(static_cast<std::uint64_t>(seed));
    const QueuedLoad load = RandomLoad(random);
    Failures failures;
    failures.seed = static_cast<std::uint64_t>(seed);
    failures.node_loss = 0.2;
    failures.zone_loss = 0.05;
    failures.interruptions = 0.5;
    failures.notice = minutes(random.Below(10));
    failures.back = minutes(random.Below(30));
    for (const std::string& policy : QueuePolicyNames()) {
      SCOPED_TRACE(policy + " seed " + std::to_string(seed));
      const auto report = Play(load, policy, failures);
      ASSERT_TRUE(report) << report.error().ToString();
      double work = 0;
      std::size_t workloads = 0;
      for (const auto& [workload, run_time, name, project] : load.arrivals) {
        const auto refused = [&](const auto& each) { return each.first == workload.id; };
        if (std::ranges::any_of(report->refused, refused)) continue;
        ++workloads;
        work += std::chrono::duration<double>(run_time).count() * workload.pods;
      }
      EXPECT_EQ(report->classes.at("job").workloads, workloads);
      EXPECT_NEAR(report->work_seconds, work, 1e-6 * work);
      EXPECT_NEAR(report->ran_seconds, report->work_seconds + report->lost_seconds, 1e-3);
      EXPECT_LE(report->lost_to_failures, report->lost_seconds + 1e-9);
      EXPECT_EQ(report->starts, workloads + report->preemptions + report->interruptions);
      double paid = 0;
      for (std::size_t p = 0; p < load.fleet.pools.size(); ++p) {
        paid += report->pools[p].cost;
        const double first =
            std::chrono::duration<double>(load.arrivals.front().workload.submitted - Instant{}).count();
        EXPECT_LE(report->pools[p].node_hours, load.fleet.pools[p].nodes * (first + report->makespan) / 3600 + 1e-6);
      }
      EXPECT_NEAR(report->cost, paid, 1e-9);
      interruptions += report->interruptions;
      if (seed % 20 == 0) {
        const auto again = Play(load, policy, failures);
        EXPECT_EQ(again->makespan, report->makespan);
        EXPECT_EQ(again->lost_seconds, report->lost_seconds);
        EXPECT_EQ(again->cost, report->cost);
      }
    }
  }
  EXPECT_GT(interruptions, static_cast<std::size_t>(Rounds(kLoads)) * 10);
}

}  // namespace
}  // namespace keelson::simulation
