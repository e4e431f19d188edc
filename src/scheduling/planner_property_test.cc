// What is true of every plan, over random worlds; and that each of these checks notices a planner that is broken in
// just that.
#include <gtest/gtest.h>

#include <functional>

#include "base/sanitized_testing.h"
#include "scheduling/planner_testing.h"

namespace keelson::scheduling {
namespace {

using std::chrono::seconds;
using PlanFunction = std::function<PoolPlan(const PoolSnapshot&, Instant)>;
// "" or what is wrong with the planner in this world.
using Check = std::function<std::string(const PoolSnapshot&, const PlanFunction&)>;

PlanPolicy Eager() {
  PlanPolicy policy;
  policy.spare = Duration::zero();  // preempt at once: the rules of preemption are what is tried
  return policy;
}

PoolPlan Ours(const PoolSnapshot& world, Instant now) {
  auto plan = PlanPool(world, now, Eager());
  if (!plan) ADD_FAILURE() << plan.error().ToString();
  return plan.value_or(PoolPlan{});
}

// The first world of some in which the check finds something, and what.
std::string FirstBroken(const Check& check, const PlanFunction& plan, int worlds = 400) {
  for (int seed = 0; seed < Rounds(worlds); ++seed) {
    Random random(static_cast<std::uint64_t>(seed));
    const PoolSnapshot world = RandomPool(random);
    if (const std::string broken = check(world, plan); !broken.empty())
      return "seed " + std::to_string(seed) + ": " + broken;
  }
  return "";
}

std::string LimitsHold(const PoolSnapshot& world, const PlanFunction& plan) {
  return Broken(world, Apply(world, plan(world, kNow), kNow));
}

std::string EveryoneHasOneAnswer(const PoolSnapshot& world, const PlanFunction& plan) {
  const PoolPlan made = plan(world, kNow);
  std::map<std::string, int> answers;
  for (const Decision& each : made.decisions) answers[each.id] += each.kind == Decision::Kind::kStart ? 1 : 0;
  for (const auto& [id, reason] : made.refused) answers[id] += reason.size() > 10 ? 1 : 0;
  for (const auto& [id, reason] : made.waiting) answers[id] += reason.size() > 10 ? 1 : 0;
  for (const Workload& each : world.pending) {
    if (answers[each.id] != 1) return each.id + " has " + std::to_string(answers[each.id]) + " answers";
  }
  return "";
}

std::string PlannedAgainIsEmpty(const PoolSnapshot& world, const PlanFunction& plan) {
  const PoolSnapshot after = Apply(world, plan(world, kNow), kNow);
  const PoolPlan again = plan(after, kNow);
  if (!again.decisions.empty()) return again.decisions.front().id + " was decided late";
  return again.refused.empty() ? "" : "refused late";
}

bool Alike(const Workload& a, const Workload& b) {
  return a.queue == b.queue && a.pod == b.pod && a.pods == b.pods && a.least() == b.least() &&
         a.topology == b.topology && a.search == b.search;
}

std::string NoInversion(const PoolSnapshot& given, const PlanFunction& plan) {
  PoolSnapshot world = given;
  for (const Workload& each : given.pending) {  // everybody once more, a little less important
    Workload twin = each;
    twin.id += "-twin";
    --twin.priority;
    world.pending.push_back(twin);
  }
  const PoolPlan made = plan(world, kNow);
  std::set<std::string> waits;
  for (const auto& [id, reason] : made.waiting) waits.insert(id);
  std::map<std::string, const Workload*> all;
  for (const Workload& each : world.pending) all[each.id] = &each;
  for (const Decision& each : made.decisions) {
    if (each.kind != Decision::Kind::kStart) continue;
    for (const std::string& id : waits) {
      const Workload& waiting = *all.at(id);
      const Workload& started = *all.at(each.id);
      if (Alike(waiting, started) && waiting.workload_class == started.workload_class &&
          waiting.priority > started.priority) {
        return started.id + " started before " + id;
      }
    }
  }
  return "";
}

// Only one waits, so that what makes room for it is all that a preemption can be for.
std::string PreemptionsAreAllowedAndNeeded(const PoolSnapshot& given, const PlanFunction& plan) {
  PoolSnapshot world = given;
  world.pending.resize(1);
  const Workload& mine = world.pending.front();
  const PoolPlan made = plan(world, kNow);
  std::set<std::string> victims;
  for (const Decision& each : made.decisions) {
    if (each.kind == Decision::Kind::kPreempt) victims.insert(each.id);
  }
  if (victims.empty()) return "";
  QuotaTree tree = QuotaTree::Build(world.queues).value();
  for (const Running& each : world.running) {
    tree.Add(tree.FindQueue(each.workload.queue), 0, each.workload.all(static_cast<int>(each.places.size())));
  }
  for (const Running& each : world.running) {
    if (!victims.contains(each.workload.id)) continue;
    if (!each.workload.preemptible || each.stops) return each.workload.id + " could not be preempted";
    const bool lower = std::tuple(each.workload.workload_class, -each.workload.priority) >
                       std::tuple(mine.workload_class, -mine.priority);
    const bool borrows = tree.Borrows(tree.FindQueue(each.workload.queue), 0, mine.each());
    const bool reclaimed =
        borrows && each.workload.queue != mine.queue && each.workload.workload_class >= mine.workload_class;
    if (!lower && !reclaimed) return each.workload.id + " is as important";
  }
  const auto starts_without = [&](const std::string& spared) {
    PoolSnapshot then = world;
    std::erase_if(then.running, [&](const Running& each) {
      return each.stops || (victims.contains(each.workload.id) && each.workload.id != spared);
    });
    const PoolPlan later = PlanPool(then, kNow, Eager()).value();
    return std::any_of(later.decisions.begin(), later.decisions.end(),
                       [&](const Decision& each) { return each.kind == Decision::Kind::kStart && each.id == mine.id; });
  };
  if (!starts_without("")) return mine.id + " does not start though all have stopped";
  for (const std::string& victim : victims) {
    if (starts_without(victim)) return victim + " need not have been preempted";
  }
  return "";
}

// Whatever is preempted comes back at once, as hungry as before; after some rounds nothing more happens.
std::string PreemptionComesToAnEnd(const PoolSnapshot& given, const PlanFunction& plan) {
  PoolSnapshot world = given;
  std::string last;
  for (int round = 0; round < 60; ++round) {
    const PoolPlan made = plan(world, kNow);
    if (made.decisions.empty()) return "";
    last += "; round";
    for (const Decision& each : made.decisions) {
      last += " " + each.id + (each.kind == Decision::Kind::kStart ? " starts" : " stops for " + each.for_whom);
    }
    if (last.size() > 400) last.erase(0, last.size() - 400);
    world = Apply(world, made, kNow);
    for (const Running& each : world.running) {
      if (!each.stops) continue;
      world.pending.push_back(each.workload);
      ++world.pending.back().times_preempted;
    }
    std::erase_if(world.running, [](const Running& each) { return each.stops.has_value(); });
  }
  return "preemption goes on for ever" + last;
}

// When the workload `id` starts if time goes on and everything takes as long as it says.
std::optional<Instant> StartOf(const std::string& id, PoolSnapshot world, const PlanFunction& plan) {
  Instant now = kNow;
  for (int step = 0; step < 200; ++step) {
    const PoolPlan made = plan(world, now);
    for (const Decision& each : made.decisions) {
      if (each.id == id && each.kind == Decision::Kind::kStart) return now;
    }
    world = Apply(world, made, now);
    Instant next = Instant::max();
    const auto end = [](const Running& each) {
      return each.stops.value_or(each.started + *each.workload.run_time * each.workload.pods /
                                                    static_cast<std::int64_t>(each.places.size()));
    };
    for (const Running& each : world.running) next = std::min(next, end(each));
    if (next == Instant::max()) return std::nullopt;
    now = std::max(now, next);
    std::erase_if(world.running, [&](const Running& each) { return end(each) <= now; });
  }
  return std::nullopt;
}

// The most important one starts as early with all the others that wait as without them.
std::string BackFillDelaysNobody(const PoolSnapshot& given, const PlanFunction& plan) {
  PoolSnapshot world = given;
  for (Running& each : world.running) each.stops.reset();
  for (Running& each : world.running) each.workload.preemptible = false;
  const auto known = [](Workload& each, int salt) {
    each.workload_class = std::max(each.workload_class, WorkloadClass::kTraining);
    each.search.clear();
    each.preemptible = false;
    each.pod.gpu_milli = kWholeGpu;  // which GPU a share will lie on is not foreseen
    if (!each.run_time) each.run_time = seconds(37 + 61 * salt);
  };
  int salt = 0;
  for (Running& each : world.running) {
    // None has run longer than was expected: how long that goes on nobody foresees.
    each.workload.least_pods = 0;
    each.workload.pods = static_cast<int>(each.places.size());
    each.workload.run_time = kNow - each.started + seconds(10 + 17 * ++salt);
    each.workload.search.clear();
  }
  for (Workload& each : world.pending) known(each, ++salt);
  for (ClusterQueue& queue : world.queues.cluster_queues) queue.strict_fifo = false;
  Workload& first = world.pending.front();
  first.workload_class = WorkloadClass::kSystem;
  first.priority = 100;
  first.least_pods = 0;
  PoolSnapshot alone = world;
  alone.pending.resize(1);
  const auto without = StartOf(first.id, alone, plan);
  const auto with = StartOf(first.id, world, plan);
  if (without && (!with || *with > *without)) {
    return first.id + " was delayed" + (with ? " by " + FormatDuration(*with - *without) : " for ever");
  }
  return "";
}

struct Property {
  const char* name;
  Check check;
};
const std::vector<Property>& Properties() {
  static const std::vector<Property> all = {{"limits", LimitsHold},
                                            {"answers", EveryoneHasOneAnswer},
                                            {"empty", PlannedAgainIsEmpty},
                                            {"inversion", NoInversion},
                                            {"needed", PreemptionsAreAllowedAndNeeded},
                                            {"cycles", PreemptionComesToAnEnd},
                                            {"back-fill", BackFillDelaysNobody}};
  return all;
}

class PlannerPropertyTest : public testing::TestWithParam<std::size_t> {};
TEST_P(PlannerPropertyTest, HoldsInEveryWorld) {
  EXPECT_EQ(FirstBroken(Properties()[GetParam()].check, Ours), "");
}
INSTANTIATE_TEST_SUITE_P(Each, PlannerPropertyTest, testing::Range(std::size_t{0}, Properties().size()),
                         [](const auto& test) {
                           std::string name = Properties()[test.param].name;
                           std::erase(name, '-');
                           return name;
                         });

TEST(PlannerPropertyTest, TheWorldsTryWhatTheyShould) {
  std::map<std::string, int> seen;
  for (int seed = 0; seed < Rounds(400); ++seed) {
    Random random(static_cast<std::uint64_t>(seed));
    const PoolSnapshot world = RandomPool(random);
    const PoolPlan plan = Ours(world, kNow);
    for (const Decision& each : plan.decisions) {
      ++seen[each.kind == Decision::Kind::kStart ? "start" : "preempt"];
      if (each.places.size() > 1) ++seen["gang"];
    }
    for (const auto& [id, reason] : plan.waiting) {
      for (const char* why : {"quota", "nodes", "delay", "search", "behind"}) {
        if (reason.find(why) != std::string::npos) ++seen[why];
      }
    }
    seen["refuse"] += static_cast<int>(plan.refused.size());
  }
  for (const char* each : {"start", "preempt", "gang", "quota", "nodes", "delay", "search", "behind", "refuse"}) {
    EXPECT_GT(seen[each], Rounds(400) / 20) << each;
  }
}

// Each breaks the planner in one thing; the property must notice.
TEST(PlannerMutantTest, OneThatStartsWhateverWaitsBreaksTheLimits) {
  const PlanFunction mutant = [](const PoolSnapshot& world, Instant now) {
    PoolPlan plan = Ours(world, now);
    if (plan.waiting.empty()) return plan;
    for (const Workload& each : world.pending) {
      if (each.id != plan.waiting.front().first) continue;
      std::vector<PodPlace> places(static_cast<std::size_t>(each.pods), {0, {}});
      for (PodPlace& place : places) {
        for (int gpu = 0; gpu < each.pod.gpus; ++gpu) place.gpus.push_back(gpu);
      }
      plan.decisions.push_back({Decision::Kind::kStart, each.id, "default", places, "", {}});
    }
    plan.waiting.erase(plan.waiting.begin());
    return plan;
  };
  EXPECT_NE(FirstBroken(LimitsHold, mutant), "");
}

TEST(PlannerMutantTest, OneThatStartsAGangInPartIsNoticed) {
  const PlanFunction mutant = [](const PoolSnapshot& world, Instant now) {
    PoolPlan plan = Ours(world, now);
    for (Decision& each : plan.decisions) {
      if (each.places.size() > 1) each.places.resize(1);
    }
    return plan;
  };
  EXPECT_NE(FirstBroken(LimitsHold, mutant).find("runs in part"), std::string::npos);
}

TEST(PlannerMutantTest, OneThatForgetsSomebodyIsNoticed) {
  const PlanFunction mutant = [](const PoolSnapshot& world, Instant now) {
    PoolPlan plan = Ours(world, now);
    if (!plan.waiting.empty()) plan.waiting.pop_back();
    return plan;
  };
  EXPECT_NE(FirstBroken(EveryoneHasOneAnswer, mutant), "");
}

TEST(PlannerMutantTest, OneThatDecidesOneThingAtATimeIsNotDone) {
  const PlanFunction mutant = [](const PoolSnapshot& world, Instant now) {
    PoolPlan plan = Ours(world, now);
    if (plan.decisions.size() > 1) plan.decisions.pop_back();
    return plan;
  };
  EXPECT_NE(FirstBroken(PlannedAgainIsEmpty, mutant), "");
}

TEST(PlannerMutantTest, OneThatTakesTheLessImportantFirstIsNoticed) {
  const PlanFunction mutant = [](PoolSnapshot world, Instant now) {
    for (Workload& each : world.pending) each.priority = -each.priority;
    return Ours(world, now);
  };
  EXPECT_NE(FirstBroken(NoInversion, mutant), "");
}

TEST(PlannerMutantTest, OneThatPreemptsOneTooManyIsNoticed) {
  const PlanFunction mutant = [](const PoolSnapshot& world, Instant now) {
    PoolPlan plan = Ours(world, now);
    std::set<std::string> victims;
    for (const Decision& each : plan.decisions) victims.insert(each.id);
    const bool preempts = std::any_of(plan.decisions.begin(), plan.decisions.end(),
                                      [](const Decision& each) { return each.kind == Decision::Kind::kPreempt; });
    for (const Running& each : world.running) {
      if (!preempts || victims.contains(each.workload.id) || !each.workload.preemptible || each.stops) continue;
      plan.decisions.push_back({Decision::Kind::kPreempt, each.workload.id, "", {}, "", now});
      break;
    }
    return plan;
  };
  EXPECT_NE(FirstBroken(PreemptionsAreAllowedAndNeeded, mutant), "");
}

TEST(PlannerMutantTest, OneThatLetsEqualsPreemptEachOtherNeverEnds) {
  const PlanFunction mutant = [](PoolSnapshot world, Instant now) {
    for (Running& each : world.running) each.workload.workload_class = WorkloadClass::kBestEffort;
    for (Workload& each : world.pending) each.workload_class = WorkloadClass::kTraining;
    return Ours(world, now);
  };
  EXPECT_NE(FirstBroken(PreemptionComesToAnEnd, mutant), "");
}

TEST(PlannerMutantTest, OneThatBackFillsWithoutLookingAheadDelays) {
  const PlanFunction mutant = [](PoolSnapshot world, Instant now) {
    for (Workload& each : world.pending) {
      if (each.priority < 100) each.run_time = seconds(1);
    }
    return Ours(world, now);
  };
  EXPECT_NE(FirstBroken(BackFillDelaysNobody, mutant), "");
}

// A stream of more important work that never ends, and one large gang of little importance: it starts when its patience
// has ended and what ran then is over. Without patience it never does.
std::optional<int> StepsUntilTheGangStarts(const PlanPolicy& policy) {
  PoolSnapshot world;
  for (int i = 0; i < 4; ++i) world.cluster.nodes.push_back({"n" + std::to_string(i), {4000, 0}, 0, -1, 0});
  world.queues.flavors = {{"default", {}, ""}};
  ClusterQueue queue;
  queue.name = "q";
  FlavorQuota quota{"default", {}};
  quota.of[0] = ResourceQuota{16000, {}, {}};
  queue.flavors = {quota};
  world.queues.cluster_queues = {queue};
  auto planner = Planner::Make(world.cluster, world.queues, policy).value();
  Workload gang;
  gang.id = "gang";
  gang.queue = "q";
  gang.submitted = kNow;
  gang.pods = 4;
  gang.pod.request.cpu_milli = 4000;
  EXPECT_TRUE(planner->Submit(gang));
  std::set<std::pair<Instant, std::string>> endings;
  for (int step = 0; step < 400; ++step) {
    const Instant now = kNow + seconds(step);
    while (!endings.empty() && endings.begin()->first <= now) {
      planner->Ended(endings.begin()->second);
      endings.erase(endings.begin());
    }
    for (int i = 0; i < 3; ++i) {  // 3 * 2 cores * 10 s a second: nearly four times what there is
      Workload small = gang;
      small.id = std::to_string(step) + "-" + std::to_string(i);
      small.submitted = now;
      small.priority = 10;
      small.pods = 1;
      small.pod.request.cpu_milli = 2000;
      small.run_time = seconds(10);
      EXPECT_TRUE(planner->Submit(small));
    }
    for (const Decision& each : planner->Plan(now)) {
      if (each.id == "gang") return step;
      endings.emplace(now + seconds(10), each.id);
    }
  }
  return std::nullopt;
}

TEST(PlannerStarvationTest, WhatHasWaitedItsPatienceStartsWhenWhatRanThenHasEnded) {
  PlanPolicy policy;
  policy.patience = seconds(100);
  const auto steps = StepsUntilTheGangStarts(policy);
  ASSERT_TRUE(steps);
  EXPECT_GE(*steps, 100);
  EXPECT_LE(*steps, 100 + 10);
  policy.patience = std::chrono::hours(1000);
  EXPECT_FALSE(StepsUntilTheGangStarts(policy)) << "the stream is too thin to starve anybody";
}

// One that was told everything in small steps plans as one that is made anew.
TEST(PlannerTest, StepsAndSnapshotsGiveTheSamePlan) {
  for (int seed = 0; seed < Rounds(100); ++seed) {
    SCOPED_TRACE(seed);
    Random random(static_cast<std::uint64_t>(seed));
    PoolSnapshot world = RandomPool(random);
    auto planner = Planner::Make(world.cluster, world.queues, Eager()).value();
    for (const Running& each : world.running) ASSERT_TRUE(planner->Adopt(each));
    const std::vector<Workload> arrivals = std::exchange(world.pending, {});
    for (std::size_t i = 0; i < arrivals.size(); ++i) {
      const Instant now = kNow + seconds(i);
      if (random.Below(3) == 0 && !world.running.empty()) {
        const std::size_t gone = random.Below(world.running.size());
        planner->Ended(world.running[gone].workload.id);
        world.running.erase(world.running.begin() + static_cast<std::ptrdiff_t>(gone));
      }
      world.pending.push_back(arrivals[i]);
      const bool accepted = planner->Submit(arrivals[i]).has_value();
      const PoolPlan anew = Ours(world, now);
      EXPECT_EQ(anew.refused.empty(), accepted);
      ASSERT_EQ(planner->Plan(now), anew.decisions);
      for (const auto& [id, reason] : anew.waiting) EXPECT_EQ(planner->Why(id), reason);
      world = Apply(world, anew, now);
    }
  }
}

}  // namespace
}  // namespace keelson::scheduling
