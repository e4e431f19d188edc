#include "scheduling/capacity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "scheduling/capacity_testing.h"

namespace keelson::scheduling {
namespace {

using capacity_testing::kDollar;
using capacity_testing::kNow;
using capacity_testing::Lines;
using capacity_testing::Offer;
using capacity_testing::Owned;
using capacity_testing::Pod;
using capacity_testing::Spot;
using std::chrono::hours;
using std::chrono::minutes;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

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

TEST_F(CapacityTest, APolicyThatIsNoPolicyIsRefused) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinite = std::numeric_limits<double>::infinity();
  const auto error = [this](const std::function<void(CapacityPolicy&)>& change) {
    CapacityPolicy policy;
    policy.budgets = {{{}, hours(24), 1, 0.5, {}}};
    change(policy);
    const auto plan = PlanCapacity(world_, kNow, policy);
    return plan ? "none" : plan.error().message;
  };
  EXPECT_EQ(error([](CapacityPolicy&) {}), "none");
  for (const double wrong : {nan, infinite, -0.1, 1.1}) {
    EXPECT_THAT(error([&](CapacityPolicy& p) { p.budgets[0].part = wrong; }), HasSubstr("not from 0 to 1"));
    EXPECT_THAT(error([&](CapacityPolicy& p) { p.worth_moving = wrong; }), HasSubstr("worth_moving"));
    EXPECT_THAT(error([&](CapacityPolicy& p) { p.most_of_one_offer = wrong; }), HasSubstr("most_of_one_offer"));
  }
  EXPECT_THAT(error([&](CapacityPolicy& p) { p.hours_per_interruption = nan; }), HasSubstr("hours_per_interruption"));
  EXPECT_THAT(error([](CapacityPolicy& p) { p.idle = -minutes(1); }), HasSubstr("idle"));
  EXPECT_THAT(error([](CapacityPolicy& p) { p.expire = Duration::zero(); }), HasSubstr("expire"));
  EXPECT_THAT(error([](CapacityPolicy& p) { p.budgets[0].nodes = -1; }), HasSubstr("below zero"));
  EXPECT_THAT(error([](CapacityPolicy& p) { p.budgets[0].until = hours(25); }), HasSubstr("in no day"));
  world_.offers[0].interruptions = nan;
  EXPECT_THAT(error([](CapacityPolicy&) {}), HasSubstr("'small' has a limit or a rate below zero"));
}

}  // namespace
}  // namespace keelson::scheduling
