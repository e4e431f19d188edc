// What a planner remembers of trees of cohorts never shows: in random worlds of several trees, in which things come,
// end and get late as time goes on, it decides and explains as one that is made anew and looks at everything.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/sanitized_testing.h"
#include "scheduling/planner_testing.h"

namespace keelson::scheduling {
namespace {

using std::chrono::seconds;

constexpr int kTrees = 5;

int Below(Random& random, int bound) {
  return static_cast<int>(random.Below(static_cast<std::uint64_t>(bound)));
}

// Eight nodes in two racks; four cohorts of two queues and a queue of its own.
PoolSnapshot SeveralTrees(Random& random) {
  PoolSnapshot world;
  world.cluster.models.Add("gpu");
  world.cluster.levels = {"rack"};
  for (int i = 0; i < 8; ++i) {
    world.cluster.nodes.push_back({"n" + std::to_string(i), {8000, 8}, 4, 0, 0, 100, {i / 4}});
  }
  world.queues.flavors = {{"default", {}, ""}};
  for (int i = 0; i < 2 * kTrees - 1; ++i) {
    ClusterQueue queue;
    queue.name = "q" + std::to_string(i);
    if (i / 2 < kTrees - 1) queue.cohort = "c" + std::to_string(i / 2);
    FlavorQuota quota{"default", {}};
    for (const Resource resource : {Resource::kCpu, Resource::kMemory, Resource::kDisk, Resource::kGpu}) {
      const bool small = resource == Resource::kMemory || resource == Resource::kDisk;
      ResourceQuota of{small ? 50 : 1000 * (2 + Below(random, 8)), {}, {}};
      if (!queue.cohort.empty() && Below(random, 4) == 0) of.borrowing_limit = 2000;
      quota.of[static_cast<std::size_t>(resource)] = of;
    }
    queue.flavors = {quota};
    queue.reclaim = static_cast<ReclaimWithinCohort>(Below(random, 3));
    queue.preempt = static_cast<PreemptWithinQueue>(Below(random, 2));
    queue.strict_fifo = Below(random, 6) == 0;
    queue.held = Below(random, 20) == 0;
    world.queues.cluster_queues.push_back(queue);
  }
  return world;
}

Workload RandomWorkload(Random& random, const std::string& id, Instant now) {
  Workload made;
  made.id = id;
  made.queue = "q" + std::to_string(Below(random, 2 * kTrees - 1));
  made.workload_class = Below(random, 8) == 0 ? static_cast<WorkloadClass>(Below(random, 2))
                                              : static_cast<WorkloadClass>(2 + Below(random, 2));
  made.priority = Below(random, 2);
  made.submitted = now - seconds(Below(random, 3) == 0 ? Below(random, 50) : 0);
  made.pod.request = {1000 * (1 + Below(random, 3)), 1};
  made.pod.gpus = Below(random, 4);
  if (made.pod.gpus == 1 && Below(random, 2) == 0) made.pod.gpu_milli = 500;
  made.pods = Below(random, 4) == 0 ? 2 + Below(random, 3) : 1;
  if (made.pods > 1 && Below(random, 3) == 0) made.least_pods = 1;
  if (made.pods > 1 && Below(random, 2) == 0) made.topology = {"rack", Below(random, 2) == 0};
  if (Below(random, 5) != 0) made.run_time = seconds(20 * (1 + Below(random, 4)));
  made.preemptible = Below(random, 6) != 0;
  if (Below(random, 2) == 0) made.checkpoint_interval = seconds(15);
  if (Below(random, 5) == 0) made.search = "s" + std::to_string(Below(random, 2)), made.parallel = 2;
  made.rung = Below(random, 2);
  return made;
}

struct Seen {
  int decisions = 0;
  int quiet = 0;  // plans in which nothing was decided
  int preemptions = 0;
  int waiting = 0;
  int closed = 0;  // plans while nodes were closed
};

// A node goes away in a while, or is back.
void CloseOrOpen(Random& random, Instant now, PoolSnapshot& world, Planner& planner) {
  const int node = Below(random, static_cast<int>(world.cluster.nodes.size()));
  if (std::erase(world.closed, node) > 0) {
    EXPECT_TRUE(planner.OpenNode(node));
    return;
  }
  const Instant gone = now + seconds(Below(random, 20));
  EXPECT_TRUE(planner.CloseNode(node, gone));
  world.closed.push_back(node);
  for (Running& each : world.running) {
    const bool there = std::ranges::find(each.places, node, &PodPlace::node) != each.places.end();
    if (!there || (each.stops && *each.stops <= gone)) continue;
    each.stops = gone;
    each.stops_for.clear();
  }
}

// "" or how the two differed first.
std::string FirstDifference(std::uint64_t seed, const PlanPolicy& policy, Seen& seen) {
  Random random(seed);
  PoolSnapshot world = SeveralTrees(random);
  auto planner = Planner::Make(world.cluster, world.queues, policy).value();
  Instant now = kNow;
  int number = 0;
  for (int step = 0; step < 60; ++step) {
    now += Below(random, 3) == 0 ? seconds(Below(random, 30)) : Duration(Below(random, 1000));
    for (int i = Below(random, step < 10 ? 5 : 2); i > 0; --i) {
      Workload made = RandomWorkload(random, "w" + std::to_string(number++), now);
      if (planner->Submit(made)) world.pending.push_back(std::move(made));
    }
    if (!world.running.empty() && Below(random, 3) == 0) {  // it ends, or comes back to wait anew
      const auto which = world.running.begin() + Below(random, static_cast<int>(world.running.size()));
      Running gone = *which;
      world.running.erase(which);
      planner->Ended(gone.workload.id);
      if (gone.stops) {
        ++gone.workload.times_preempted;
        EXPECT_TRUE(planner->Submit(gone.workload));
        world.pending.push_back(gone.workload);
      }
    }
    if (!world.pending.empty() && Below(random, 12) == 0) {  // it does not want to wait any more
      const auto which = world.pending.begin() + Below(random, static_cast<int>(world.pending.size()));
      planner->Ended(which->id);
      world.pending.erase(which);
    }
    if (Below(random, 8) == 0) CloseOrOpen(random, now, world, *planner);
    PlanPolicy forgetful = policy;
    forgetful.remember = false;
    const PoolPlan anew = PlanPool(world, now, forgetful).value();
    const std::string at = "seed " + std::to_string(seed) + ", step " + std::to_string(step) + ": ";
    if (planner->Plan(now) != anew.decisions) return at + "other decisions";
    if (!planner->Plan(now).empty()) return at + "planned again it is not empty";
    for (const auto& [id, reason] : anew.waiting) {
      if (planner->Why(id) != reason)
        return at + id + ": " + planner->Why(id).value_or("does not wait") + " | " + reason;
    }
    for (const Decision& each : anew.decisions) {
      for (const PodPlace& place : each.places) {
        if (std::ranges::find(world.closed, place.node) != world.closed.end())
          return at + each.id + " is on a closed node";
      }
    }
    seen.closed += world.closed.empty() ? 0 : 1;
    seen.decisions += static_cast<int>(anew.decisions.size());
    seen.quiet += anew.decisions.empty() ? 1 : 0;
    seen.waiting += static_cast<int>(anew.waiting.size());
    for (const Decision& each : anew.decisions) seen.preemptions += each.kind == Decision::Kind::kPreempt ? 1 : 0;
    world = Apply(world, anew, now);
  }
  return "";
}

TEST(PlannerMemoryTest, ItDecidesAndExplainsAsOneThatLooksAtEverything) {
  PlanPolicy eager;
  eager.spare = Duration::zero();
  eager.node_reservations = 2;
  PlanPolicy impatient;
  impatient.patience = seconds(60);
  impatient.patience_runs = 2;
  Seen seen;
  constexpr int kWorlds = 150;
  for (int seed = 0; seed < Rounds(kWorlds); ++seed) {
    for (const PlanPolicy& policy : {eager, impatient}) {
      ASSERT_EQ(FirstDifference(static_cast<std::uint64_t>(seed), policy, seen), "");
    }
  }
  EXPECT_GT(seen.decisions, Rounds(kWorlds) * 40) << "the worlds try what they should";
  EXPECT_GT(seen.preemptions, Rounds(kWorlds));
  EXPECT_GT(seen.quiet, Rounds(kWorlds) * 20);
  EXPECT_GT(seen.waiting, Rounds(kWorlds) * 500);
  EXPECT_GT(seen.closed, Rounds(kWorlds) * 20);
}

}  // namespace
}  // namespace keelson::scheduling
