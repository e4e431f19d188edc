#include "scheduling/capacity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/random.h"
#include "base/sanitized_testing.h"

namespace keelson::scheduling {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

const Instant kNow = ParseInstant("2026-03-01T12:00:00Z").value();
constexpr std::int64_t kDollar = 1'000'000;

NodeOffer Offer(const std::string& name, int cores, int gpus, std::int64_t price) {
  NodeOffer offer;
  offer.pool.name = name;
  offer.node.capacity = {cores * 1000, std::int64_t{cores} << 32};
  offer.node.gpus = gpus;
  offer.node.model = gpus > 0 ? 0 : -1;
  offer.price = price;
  return offer;
}

NodeOffer Spot(NodeOffer offer, std::int64_t price, double interruptions = 0.05) {
  offer.pool.name += "-spot";
  offer.price = price;
  offer.spot = true;
  offer.interruptions = interruptions;
  return offer;
}

PodShape Pod(int cores, int gpus = 0) {
  PodShape pod;
  pod.request = {cores * 1000, 1 << 30};
  pod.gpus = gpus;
  return pod;
}

OwnedNode Owned(const std::string& name, int offer, std::vector<PlacedPod> pods = {}) {
  OwnedNode node;
  node.name = name;
  node.offer = offer;
  node.bought = kNow - hours(1);
  node.idle_since = kNow - hours(1);
  node.pods = std::move(pods);
  return node;
}

// "buy 2 small", "drain n1 empty", "unmet w: reason".
std::vector<std::string> Lines(const CapacitySnapshot& world, const CapacityPlan& plan) {
  std::vector<std::string> lines;
  for (const CapacityAction& each : plan.actions) {
    if (each.kind == CapacityAction::Kind::kBuy) {
      lines.push_back("buy " + std::to_string(each.nodes) + " " +
                      world.offers[static_cast<std::size_t>(each.offer)].pool.name);
    } else {
      lines.push_back("drain " + each.node + " " + std::string(DrainReasonName(each.reason)));
    }
  }
  for (const auto& [workload, why] : plan.unmet) lines.push_back("unmet " + workload + ": " + why);
  return lines;
}

std::vector<std::string> Planned(const CapacitySnapshot& world, const CapacityPolicy& policy = {}) {
  const auto plan = PlanCapacity(world, kNow, policy);
  EXPECT_TRUE(plan) << plan.error().ToString();
  return plan ? Lines(world, *plan) : std::vector<std::string>{};
}

class CapacityTest : public testing::Test {
 protected:
  CapacityTest() {
    world_.models.Add("H100");
    world_.offers = {Offer("small", 4, 0, kDollar / 5), Offer("large", 16, 0, 7 * kDollar / 10),
                     Offer("gpu", 32, 4, 12 * kDollar)};
  }
  void Want(const std::string& workload, const PodShape& pod, int pods = 1, bool gang = false, bool on_spot = true) {
    world_.demands.push_back({workload, pod, pods, gang, on_spot});
  }
  CapacitySnapshot world_;
};

TEST_F(CapacityTest, TheCheapestMixIsBought) {
  Want("one", Pod(3));
  EXPECT_THAT(Planned(world_), ElementsAre("buy 1 small"));
  world_.demands[0].pods = 20;  // a small node holds one of them, a large one five
  EXPECT_THAT(Planned(world_), ElementsAre("buy 4 large"));
  world_.demands[0].pods = 21;
  EXPECT_THAT(Planned(world_), ElementsAre("buy 1 small", "buy 4 large"));
  Want("gpus", Pod(4, 1), 4);
  EXPECT_THAT(Planned(world_), ElementsAre("buy 1 small", "buy 3 large", "buy 1 gpu"))
      << "what is left of the GPU node holds five others";
}

TEST_F(CapacityTest, RoomThatIsThereOrOnItsWayIsUsedFirst) {
  world_.nodes = {Owned("n1", 1, {{Pod(10), {}, true, true, 0}})};
  Want("w", Pod(3), 3);
  EXPECT_THAT(Planned(world_), ElementsAre("buy 1 small"));
  world_.nodes.push_back(Owned("n2", 0));
  world_.nodes.back().ready = false;
  EXPECT_THAT(Planned(world_), IsEmpty());
  world_.nodes.back().draining = true;
  EXPECT_THAT(Planned(world_), ElementsAre("buy 1 small")) << "a node that goes has no room";
}

TEST_F(CapacityTest, GpuAndCpuPoolsAreApart) {
  world_.offers[2].pool.taints = {{"gpu", ""}};
  PodShape gpu = Pod(4, 1);
  gpu.tolerations = {{"gpu", std::nullopt}};
  Want("gpus", gpu, 2);
  Want("w", Pod(3), 2);
  EXPECT_THAT(Planned(world_), ElementsAre("buy 2 small", "buy 1 gpu"));
}

TEST_F(CapacityTest, SpotIsFirstForWhoMayBeInterruptedAndSpreadOverSeveralOffers) {
  world_.offers.push_back(Spot(world_.offers[1], kDollar / 5));
  world_.offers.push_back(Spot(world_.offers[1], kDollar / 4));
  world_.offers.back().pool.name = "other-spot";
  Want("may", Pod(16), 6);
  EXPECT_THAT(Planned(world_), ElementsAre("buy 3 large-spot", "buy 3 other-spot"));
  Want("must-not", Pod(16), 1, false, false);
  EXPECT_THAT(Planned(world_), ElementsAre("buy 1 large", "buy 3 large-spot", "buy 3 other-spot"));
  world_.offers[3].sold_out_until = kNow + minutes(5);
  EXPECT_THAT(Planned(world_), ElementsAre("buy 1 large", "buy 6 other-spot"));
  world_.offers[4].sold_out_until = kNow + minutes(5);
  EXPECT_THAT(Planned(world_), ElementsAre("buy 7 large")) << "on demand where there is no spot";
  world_.offers[4].sold_out_until = kNow - minutes(5);
  world_.offers[4].interruptions = 20;
  EXPECT_THAT(Planned(world_), ElementsAre("buy 7 large")) << "interrupted so often it is dearer";
}

TEST_F(CapacityTest, AGangIsBoughtForWholeOrNotAtAll) {
  world_.offers[2].most = 2;
  Want("gang", Pod(8, 4), 3, true);
  Want("others", Pod(8, 4), 3);
  EXPECT_THAT(Planned(world_),
              ElementsAre("buy 2 gpu", "unmet gang: every node pool that could run it is at its limit or sold out",
                          "unmet others: every node pool that could run it is at its limit or sold "
                          "out"));
}

TEST_F(CapacityTest, WhatNothingCouldRunIsSaid) {
  Want("huge", Pod(64));
  Want("gpus", Pod(1, 8));
  world_.offers.push_back(Spot(Offer("big", 128, 0, kDollar), kDollar));
  Want("steady", Pod(100), 1, false, false);
  const auto plan = PlanCapacity(world_, kNow, {});
  ASSERT_TRUE(plan);
  const std::map<std::string, std::string> unmet(plan->unmet.begin(), plan->unmet.end());
  EXPECT_FALSE(unmet.contains("huge"));
  EXPECT_THAT(unmet.at("gpus"), HasSubstr("it asks for 8 GPUs"));
  EXPECT_THAT(unmet.at("steady"), HasSubstr("only spot nodes could run it"));
}

TEST_F(CapacityTest, EmptyNodesGoAfterAWhileAndWithinTheBudget) {
  world_.nodes = {Owned("n1", 0), Owned("n2", 0), Owned("n3", 1)};
  world_.nodes[1].idle_since = kNow - minutes(1);
  CapacityPolicy policy;
  policy.budgets = {{{}, hours(24), 5, {}, {}}};
  EXPECT_THAT(Planned(world_, policy), ElementsAre("drain n3 empty", "drain n1 empty")) << "the dearest first";
  policy.budgets[0].nodes = 1;
  EXPECT_THAT(Planned(world_, policy), ElementsAre("drain n3 empty"));
  world_.nodes[1].draining = true;
  EXPECT_THAT(Planned(world_, policy), IsEmpty());
  world_.nodes[1].draining = false;
  Want("w", Pod(3));
  policy.budgets[0].nodes = 5;
  EXPECT_THAT(Planned(world_, policy), ElementsAre("drain n3 empty")) << "one of the small ones is needed";
}

TEST_F(CapacityTest, BudgetsHoldByTimeOfDayAndReason) {
  world_.nodes = {Owned("n1", 0), Owned("n2", 0, {{Pod(1), {}, true, true, 0}}), Owned("n3", 0)};
  world_.nodes[1].drifted = true;
  world_.nodes[2].pods = {{Pod(1), {}, false, true, 0}};
  const auto with = [&](DrainBudget budget) {
    CapacityPolicy policy;
    policy.budgets = {std::move(budget)};
    return Planned(world_, policy);
  };
  EXPECT_THAT(with({hours(9), hours(17), 0, {}, {}}), IsEmpty()) << "it is noon";
  EXPECT_THAT(with({hours(22), hours(6), 0, {}, {}}), ElementsAre("drain n1 empty", "drain n2 drifted"));
  EXPECT_THAT(with({hours(18), hours(13), 0, {}, {}}), IsEmpty()) << "over midnight";
  EXPECT_THAT(with({{}, hours(24), 0, {}, {DrainReason::kEmpty}}), ElementsAre("drain n2 drifted"));
  EXPECT_THAT(with({{}, hours(24), {}, 0.3, {}}), ElementsAre("drain n1 empty")) << "a part, rounded up";
  EXPECT_THAT(Planned(world_), ElementsAre("drain n1 empty")) << "without budgets one at least";
}

TEST_F(CapacityTest, WhatRunsOnAnUnderusedNodeMovesWhereThereIsRoom) {
  world_.nodes = {Owned("n1", 1, {{Pod(8), {}, true, true, 0}}), Owned("n2", 1, {{Pod(4), {}, true, true, 0}}),
                  Owned("n3", 1, {{Pod(4), {}, true, true, 9}})};
  EXPECT_THAT(Planned(world_), ElementsAre("drain n1 underused"));
  world_.nodes[0].pods[0].lost = 1000;
  EXPECT_THAT(Planned(world_), ElementsAre("drain n2 underused")) << "what loses least moves";
  for (OwnedNode& node : world_.nodes) node.pods[0].may_move = false;
  EXPECT_THAT(Planned(world_), IsEmpty());
}

TEST_F(CapacityTest, ANodeIsReplacedByACheaperOneAndGoesWhenThatIsReady) {
  world_.nodes = {Owned("n1", 1, {{Pod(3), {}, true, true, 0}})};
  EXPECT_THAT(Planned(world_), ElementsAre("buy 1 small"));
  world_.nodes.push_back(Owned("n2", 0));
  world_.nodes[1].ready = false;
  EXPECT_THAT(Planned(world_), IsEmpty()) << "it is on its way";
  world_.nodes[1].ready = true;
  world_.nodes[1].idle_since = kNow;
  EXPECT_THAT(Planned(world_), ElementsAre("drain n1 underused"));
  world_.nodes.pop_back();
  world_.offers[0].price = 65 * kDollar / 100;
  EXPECT_THAT(Planned(world_), IsEmpty()) << "it saves too little";
}

TEST_F(CapacityTest, OldAndDriftedNodesAreReplacedWhateverItCosts) {
  world_.nodes = {Owned("n1", 1, {{Pod(14), {}, true, true, 0}})};
  CapacityPolicy policy;
  policy.expire = hours(2);
  EXPECT_THAT(Planned(world_, policy), IsEmpty());
  policy.expire = minutes(30);
  EXPECT_THAT(Planned(world_, policy), ElementsAre("buy 1 large"));
  world_.nodes.push_back(Owned("n2", 1));
  world_.nodes[1].idle_since = kNow;
  world_.nodes[1].bought = kNow;
  EXPECT_THAT(Planned(world_, policy), ElementsAre("drain n1 expired"));
  policy.expire.reset();
  world_.nodes[0].drifted = true;
  EXPECT_THAT(Planned(world_, policy), ElementsAre("drain n1 drifted"));
}

TEST_F(CapacityTest, WhatWasDecidedIsAskedAgainBeforeItIsDone) {
  world_.nodes = {Owned("n1", 0)};
  Want("w", Pod(16));
  const auto plan = PlanCapacity(world_, kNow, {}).value();
  ASSERT_THAT(Lines(world_, plan), ElementsAre("buy 1 large", "drain n1 empty"));
  EXPECT_EQ(StillRight(plan.actions, world_, kNow, {}).value().size(), 2U);
  Want("late", Pod(3));
  const auto right = StillRight(plan.actions, world_, kNow, {}).value();
  ASSERT_EQ(right.size(), 1U) << "the small node is needed now";
  EXPECT_EQ(right[0].kind, CapacityAction::Kind::kBuy);
}

TEST_F(CapacityTest, OffersAndNodesThatMakeNoSenseAreRefused) {
  const auto message = [this] {
    const auto plan = PlanCapacity(world_, kNow, {});
    return plan ? "planned" : plan.error().message;
  };
  world_.nodes = {Owned("n1", 7)};
  EXPECT_EQ(message(), "node 'n1' is of no node pool");
  world_.nodes.clear();
  world_.offers[1].price = 0;
  EXPECT_EQ(message(), "node pool 'large' has no price");
  world_.offers[1].price = 1;
  world_.offers[1].most = -1;
  EXPECT_THAT(message(), HasSubstr("below zero"));
  world_.offers[1] = Offer("many", 1, kMostGpus + 1, 1);
  EXPECT_THAT(message(), HasSubstr("too many GPUs"));
}

// ---- Over random worlds.

CapacitySnapshot RandomWorld(Random& random) {
  const auto below = [&random](int bound) { return static_cast<int>(random.Below(static_cast<std::uint64_t>(bound))); };
  CapacitySnapshot world;
  world.models.Add("H100");
  for (const auto& [name, cores, gpus] :
       {std::tuple{"s", 4, 0}, {"m", 8, 0}, {"l", 32, 0}, {"g1", 8, 1}, {"g8", 64, 8}}) {
    world.offers.push_back(Offer(name, cores, gpus, (cores * 50'000 + gpus * 2 * kDollar) * (80 + below(40)) / 100));
    if (below(2) == 0)
      world.offers.push_back(Spot(world.offers.back(), world.offers.back().price * (20 + below(60)) / 100));
    if (below(3) == 0) world.offers.back().most = below(6);
    if (below(8) == 0) world.offers.back().sold_out_until = kNow + minutes(1);
  }
  const auto pod = [&] {
    PodShape made = Pod(1 + below(7));
    if (below(3) == 0) made.gpus = 1 << below(3);
    if (made.gpus == 1 && below(3) == 0) made.gpu_milli = 500;
    return made;
  };
  for (int i = below(8); i > 0; --i) {
    OwnedNode node = Owned("n" + std::to_string(i), below(static_cast<int>(world.offers.size())));
    NodeOffer& offer = world.offers[static_cast<std::size_t>(node.offer)];
    if (static_cast<int>(std::ranges::count(world.nodes, node.offer, &OwnedNode::offer)) >= offer.most) continue;
    node.ready = below(4) != 0;
    node.drifted = below(6) == 0;
    node.bought = kNow - hours(below(100));
    node.idle_since = kNow - minutes(below(10));
    NodeState state = EmptyNode(offer.node);
    for (int pods = node.ready ? below(4) : 0; pods > 0; --pods) {
      PlacedPod placed{pod(), {}, below(6) != 0, offer.spot || below(2) == 0, static_cast<double>(below(100))};
      if (!Fits(state, placed.pod)) continue;
      for (int gpu = 0; gpu < state.gpus && static_cast<int>(placed.gpus.size()) < placed.pod.gpus; ++gpu) {
        if (state.gpu_free[static_cast<std::size_t>(gpu)] == kWholeGpu) placed.gpus.push_back(gpu);
      }
      if (static_cast<int>(placed.gpus.size()) < placed.pod.gpus) continue;
      Take(state, placed.pod, placed.gpus.empty() ? -1 : placed.gpus.front());
      node.pods.push_back(std::move(placed));
    }
    world.nodes.push_back(std::move(node));
  }
  for (int i = below(5); i > 0; --i) {
    world.demands.push_back({"w" + std::to_string(i), pod(), 1 + below(6), below(3) == 0, below(3) != 0});
  }
  return world;
}

CapacityPolicy RandomPolicy(Random& random) {
  CapacityPolicy policy;
  if (random.Below(2) == 0) policy.expire = hours(50);
  if (random.Below(2) == 0) policy.budgets = {{{}, hours(24), static_cast<int>(random.Below(4)), {}, {}}};
  return policy;
}

CapacitySnapshot Apply(CapacitySnapshot world, const CapacityPlan& plan) {
  int number = 0;
  for (const CapacityAction& each : plan.actions) {
    for (int i = 0; i < each.nodes; ++i) {
      world.nodes.push_back(Owned("new" + std::to_string(number++), each.offer));
      world.nodes.back().ready = false;
      world.nodes.back().bought = kNow;
    }
    for (OwnedNode& node : world.nodes) node.draining = node.draining || (!each.node.empty() && node.name == each.node);
  }
  return world;
}

// What a person needs to see what went wrong in a world.
std::string Describe(const CapacitySnapshot& world) {
  const auto pod = [](const PodShape& shape) {
    return std::to_string(shape.request.cpu_milli / 1000) + "c" + std::to_string(shape.milli()) + "g";
  };
  std::string text;
  for (const NodeOffer& each : world.offers) {
    text += "\noffer " + each.pool.name + " " + FormatPrice(each.price) + " most " + std::to_string(each.most) +
            (each.sold_out_until ? " sold out" : "");
  }
  for (const OwnedNode& each : world.nodes) {
    text += "\nnode " + each.name + " " + world.offers[static_cast<std::size_t>(each.offer)].pool.name +
            (each.ready ? "" : " starts") + (each.draining ? " draining" : "") + (each.drifted ? " drifted" : "");
    for (const PlacedPod& placed : each.pods) {
      text += " " + pod(placed.pod) + (placed.may_move ? "" : " fixed") + (placed.on_spot ? "" : " steady");
    }
  }
  for (const Demand& each : world.demands) {
    text += "\ndemand " + each.workload + " " + std::to_string(each.pods) + " of " + pod(each.pod) +
            (each.gang ? " gang" : "") + (each.on_spot ? "" : " steady");
  }
  return text;
}

class CapacityPropertyTest : public testing::Test {
 protected:
  void EachWorld(int worlds, const std::function<void(const CapacitySnapshot&, const CapacityPolicy&)>& look) {
    for (int seed = 0; seed < Rounds(worlds); ++seed) {
      SCOPED_TRACE("seed " + std::to_string(seed));
      Random random(static_cast<std::uint64_t>(seed));
      const CapacitySnapshot world = RandomWorld(random);
      look(world, RandomPolicy(random));
      if (HasFailure()) return;
    }
  }
};

TEST_F(CapacityPropertyTest, PlannedAgainIsEmpty) {
  EachWorld(600, [](const CapacitySnapshot& world, const CapacityPolicy& policy) {
    const CapacityPlan plan = PlanCapacity(world, kNow, policy).value();
    const CapacitySnapshot after = Apply(world, plan);
    EXPECT_THAT(Lines(after, {PlanCapacity(after, kNow, policy).value().actions, {}}), IsEmpty())
        << testing::PrintToString(Lines(world, plan)) << Describe(world);
  });
}

TEST_F(CapacityPropertyTest, LimitsAndBudgetsHold) {
  EachWorld(600, [](const CapacitySnapshot& world, const CapacityPolicy& policy) {
    const CapacityPlan plan = PlanCapacity(world, kNow, policy).value();
    const CapacitySnapshot after = Apply(world, plan);
    for (std::size_t i = 0; i < world.offers.size(); ++i) {
      const NodeOffer& offer = world.offers[i];
      EXPECT_LE(std::ranges::count(after.nodes, static_cast<int>(i), &OwnedNode::offer), offer.most) << offer.pool.name;
      const bool bought = std::ranges::any_of(plan.actions, [&](const CapacityAction& each) {
        return each.kind == CapacityAction::Kind::kBuy && each.offer == static_cast<int>(i);
      });
      EXPECT_FALSE(bought && offer.sold_out_until) << offer.pool.name;
    }
    const auto drains = std::ranges::count(plan.actions, CapacityAction::Kind::kDrain, &CapacityAction::kind);
    const int tenth = std::max(1, static_cast<int>((after.nodes.size() + 9) / 10));
    const int allowed = policy.budgets.empty() ? tenth : *policy.budgets.front().nodes;
    EXPECT_LE(drains, allowed);
    for (const CapacityAction& each : plan.actions) {
      if (each.kind != CapacityAction::Kind::kDrain) continue;
      const auto node = std::ranges::find(world.nodes, each.node, &OwnedNode::name);
      EXPECT_TRUE(node->ready && std::ranges::all_of(node->pods, &PlacedPod::may_move)) << each.node;
    }
  });
}

// When all nodes are ready and what is drained has gone, everything that ran or was to be met has a place at once.
TEST_F(CapacityPropertyTest, EverythingHasAPlaceThatWasNotGivenUp) {
  EachWorld(600, [](const CapacitySnapshot& world, const CapacityPolicy& policy) {
    const CapacityPlan plan = PlanCapacity(world, kNow, policy).value();
    CapacitySnapshot after = Apply(world, plan);
    std::map<std::string, int> given_up;
    for (const auto& [workload, why] : plan.unmet) ++given_up[workload];
    std::erase_if(after.demands, [&](const Demand& each) { return given_up.contains(each.workload); });
    for (const OwnedNode& node : after.nodes) {
      if (!node.draining) continue;
      for (const PlacedPod& pod : node.pods) after.demands.push_back({"moved", pod.pod, 1, false, pod.on_spot});
    }
    std::erase_if(after.nodes, &OwnedNode::draining);
    for (OwnedNode& node : after.nodes) node.ready = true, node.idle_since = kNow;
    for (NodeOffer& offer : after.offers) offer.most = 0;
    const CapacityPlan later = PlanCapacity(after, kNow, {}).value();
    for (const auto& [workload, why] : later.unmet) ADD_FAILURE() << workload << ": " << why;
  });
}

// The least that one could pay for the pods, by trying everything.
double Least(const CapacitySnapshot& world, std::vector<int> left, std::map<std::vector<int>, double>& known) {
  if (std::ranges::all_of(left, [](int each) { return each == 0; })) return 0;
  const auto [entry, fresh] = known.try_emplace(left, 1e18);
  if (!fresh) return entry->second;
  double least = 1e18;
  for (const NodeOffer& offer : world.offers) {
    const std::function<void(NodeState, std::size_t, std::vector<int>, bool)> fill =
        [&](NodeState node, std::size_t at, std::vector<int> rest, bool any) {
          if (at == rest.size()) {
            if (any) least = std::min(least, static_cast<double>(offer.price) + Least(world, rest, known));
            return;
          }
          fill(node, at + 1, rest, any);
          while (rest[at] > 0 && Fits(node, world.demands[at].pod)) {
            Take(node, world.demands[at].pod, -1);
            --rest[at];
            any = true;
            fill(node, at + 1, rest, any);
          }
        };
    fill(EmptyNode(offer.node), 0, left, false);
  }
  known[left] = least;
  return least;
}

TEST(CapacityCostTest, IsNearTheLeastThatCanBePaid) {
  double paid_in_all = 0;
  double least_in_all = 0;
  for (int seed = 0; seed < Rounds(60); ++seed) {
    Random random(static_cast<std::uint64_t>(seed) + 1000);
    CapacitySnapshot world;
    world.models.Add("H100");
    for (const auto& [name, cores, gpus] : {std::tuple{"s", 4, 0}, {"l", 16, 0}, {"g1", 8, 1}, {"g4", 32, 4}}) {
      world.offers.push_back(
          Offer(name, cores, gpus,
                (cores * 50'000 + gpus * 2 * kDollar) * (80 + static_cast<std::int64_t>(random.Below(40))) / 100));
    }
    std::vector<int> pods;
    for (int i = 0; i < 3; ++i) {
      const int gpus = i == 0 ? 1 + static_cast<int>(random.Below(2)) : 0;
      pods.push_back(1 + static_cast<int>(random.Below(5)));
      world.demands.push_back(
          {"w" + std::to_string(i), Pod(1 + static_cast<int>(random.Below(6)), gpus), pods.back(), false, true});
    }
    double paid = 0;
    const CapacityPlan plan = PlanCapacity(world, kNow, {}).value();
    EXPECT_THAT(plan.unmet, IsEmpty());
    for (const CapacityAction& each : plan.actions) {
      paid += static_cast<double>(each.nodes) *
              static_cast<double>(world.offers[static_cast<std::size_t>(each.offer)].price);
    }
    std::map<std::vector<int>, double> known;
    const double least = Least(world, pods, known);
    EXPECT_LE(paid, 1.5 * least) << "seed " << seed;
    EXPECT_GE(paid, 0.999 * least) << "seed " << seed;
    paid_in_all += paid;
    least_in_all += least;
  }
  EXPECT_LE(paid_in_all, 1.05 * least_in_all);
}

}  // namespace
}  // namespace keelson::scheduling
