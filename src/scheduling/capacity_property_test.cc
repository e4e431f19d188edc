// PlanCapacity over random worlds: what always holds, and what it costs beside the least.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "base/random.h"
#include "base/sanitized_testing.h"
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
using testing::IsEmpty;

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
