#include "scheduling/placement.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "base/random.h"
#include "scheduling/fit_value.h"
#include "scheduling/fragmentation.h"
#include "scheduling/packing_rules.h"
#include "scheduling/room_prices.h"

namespace keelson::scheduling {
namespace {

constexpr std::int64_t kGiB = std::int64_t{1} << 30;

Cluster SmallCluster() {
  Cluster cluster;
  cluster.models.Add("H8");
  cluster.models.Add("L2");
  for (int i = 0; i < 4; ++i) cluster.nodes.push_back({"h" + std::to_string(i), {96000, 384 * kGiB}, 8, 0, 0});
  for (int i = 0; i < 4; ++i) cluster.nodes.push_back({"l" + std::to_string(i), {16000, 64 * kGiB}, 2, 1, 0});
  cluster.nodes.push_back({"c", {32000, 128 * kGiB}, 0, -1, 0});
  return cluster;
}

PodShape Pod(std::int64_t cores, int gpus, int milli = kWholeGpu, ModelSet models = kAnyModel) {
  return {{cores * 1000, cores * 2 * kGiB}, gpus, milli, models, {}, {}};
}

Mix SmallMix() {
  return {{Pod(4, 1, 250), Pod(6, 1, 600), Pod(10, 1), Pod(8, 1, 800, 2), Pod(24, 2), Pod(80, 8), Pod(8, 0)},
          {0.3, 0.2, 0.2, 0.05, 0.1, 0.05, 0.1}};
}

// Pods come and go at random. Whatever the policy: a pod that fits somewhere is placed, where it fits; nothing is given
// twice; what has left is free again.
std::string Shaken(const std::string& policy, std::uint64_t seed,
                   const std::function<std::optional<Placement>(Placer&, std::size_t)>& find) {
  const Cluster cluster = SmallCluster();
  const Mix mix = SmallMix();
  Placer placer(cluster, mix.shapes, MakePlacementPolicy(policy, cluster, mix));
  struct Running {
    std::size_t shape;
    int node;
    std::vector<int> gpus;
  };
  std::vector<Running> running;
  Random random(seed);
  for (int step = 0; step < 400; ++step) {
    if (!running.empty() && random.Uniform() < 0.3) {
      const std::size_t i = random.Below(running.size());
      placer.Remove(running[i].shape, running[i].node, running[i].gpus);
      running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
    } else {
      const std::size_t shape = random.Below(mix.shapes.size());
      bool fits = false;
      for (const NodeState& node : placer.nodes()) fits = fits || Fits(node, mix.shapes[shape]);
      const auto placement = find(placer, shape);
      if (placement.has_value() != fits) return fits ? "a pod that fits was refused" : "a pod was put where none fits";
      if (!placement) continue;
      running.push_back({shape, placement->node, placer.TakenGpus(shape, *placement)});
      placer.Put(shape, *placement);
    }
    // The account from the beginning, by another way.
    std::vector<NodeState> expected;
    for (const Node& node : cluster.nodes) expected.push_back(EmptyNode(node));
    for (const Running& each : running) {
      NodeState& node = expected[static_cast<std::size_t>(each.node)];
      node.free -= mix.shapes[each.shape].request;
      for (const int gpu : each.gpus) {
        auto& free = node.gpu_free[static_cast<std::size_t>(gpu)];
        free = static_cast<std::int16_t>(free - mix.shapes[each.shape].gpu_milli);
      }
    }
    for (std::size_t i = 0; i < expected.size(); ++i) {
      if (expected[i] != placer.nodes()[i]) return "the account of a node is wrong";
      if (expected[i].free.cpu_milli < 0 || expected[i].free.memory_bytes < 0) return "CPU or memory was given twice";
      for (const std::int16_t free : expected[i].gpu_free) {
        if (free < 0) return "a GPU was given twice";
      }
    }
  }
  return "";
}

std::string Shaken(const std::string& policy, std::uint64_t seed) {
  return Shaken(policy, seed, [](Placer& placer, std::size_t shape) { return placer.Find(shape); });
}

TEST(PlacementTest, EveryPolicyPlacesWhateverFitsAndGivesNothingTwice) {
  for (const std::string& policy : PlacementPolicyNames()) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) EXPECT_EQ(Shaken(policy, seed), "") << policy << ", seed " << seed;
  }
}

TEST(PlacementTest, TheShakingNoticesAPolicyThatRefusesAndOneThatOverbooks) {
  EXPECT_EQ(Shaken("keelson", 1,
                   [](Placer& placer, std::size_t shape) { return shape == 5 ? std::nullopt : placer.Find(shape); }),
            "a pod that fits was refused");
  EXPECT_EQ(Shaken("keelson", 1,
                   [](Placer& placer, std::size_t shape) {
                     const auto found = placer.Find(shape);
                     return found ? std::optional(Placement{8, found->gpu}) : found;  // all on the node without GPU
                   }),
            "a GPU was given twice");
}

TEST(PlacementTest, EqualInputGivesEqualPlacements) {
  const Cluster cluster = SmallCluster();
  const Mix mix = SmallMix();
  for (const std::string& policy : PlacementPolicyNames()) {
    Placer one(cluster, mix.shapes, MakePlacementPolicy(policy, cluster, mix));
    Placer two(cluster, mix.shapes, MakePlacementPolicy(policy, cluster, mix));
    Random random(3);
    for (int i = 0; i < 100; ++i) {
      const std::size_t shape = random.Below(mix.shapes.size());
      const auto placement = one.Find(shape);
      EXPECT_EQ(placement, one.Find(shape)) << "asked again";
      EXPECT_EQ(placement, two.Find(shape));
      if (!placement) continue;
      one.Put(shape, *placement);
      two.Put(shape, *placement);
    }
  }
}

TEST(PlacementTest, TaintsAndSelectorsNarrowTheChoice) {
  Cluster cluster = SmallCluster();
  cluster.pools.push_back({"spot", {{"kind", "spot"}}, {{"spot", "true"}}});
  for (std::size_t i = 0; i < 4; ++i) cluster.nodes[i].pool = 1;
  Mix mix = {{Pod(4, 1), Pod(4, 1), Pod(4, 1)}, {0.4, 0.3, 0.3}};
  mix.shapes[1].tolerations = {{"spot", std::nullopt}};
  mix.shapes[2].tolerations = {{"spot", std::nullopt}};
  mix.shapes[2].selector = {{"kind", "spot"}};
  Placer placer(cluster, mix.shapes, MakePlacementPolicy("first-fit", cluster, mix));
  EXPECT_EQ(placer.Find(0)->node, 4);
  EXPECT_EQ(placer.Find(1)->node, 0);
  EXPECT_EQ(placer.Find(2)->node, 0);
}

TEST(PackingRulesTest, EachRuleChoosesAsItsNameSays) {
  const Cluster cluster = SmallCluster();
  const Mix mix = SmallMix();
  const auto first = [&](const std::string& policy, std::size_t filled) {
    Placer placer(cluster, mix.shapes, MakePlacementPolicy(policy, cluster, mix));
    placer.Put(2, {static_cast<int>(filled), -1});
    return placer.Find(0)->node;
  };
  EXPECT_EQ(first("first-fit", 2), 0);
  EXPECT_EQ(first("least-allocated", 0), 1) << "the emptiest by CPU and memory";
  EXPECT_EQ(first("best-fit", 6), 6) << "the fullest that has room";
  EXPECT_EQ(first("dot-product", 6), 4) << "the first with little free: what is asked of it makes no whole percent";
}

TEST(FragmentationTest, CountsWhatATypicalPodCannotUse) {
  const Cluster cluster = SmallCluster();
  const Mix mix = {{Pod(4, 1, 500), Pod(10, 1), Pod(8, 0)}, {0.5, 0.3, 0.2}};
  const Fragmentation fragmentation(mix);
  NodeState node = EmptyNode(cluster.nodes[4]);  // 2 GPUs, 16 cores
  EXPECT_NEAR(fragmentation.Amount(node), 0.2 * 2000, 1e-9) << "a pod without GPU can use none";
  Take(node, Pod(4, 1, 700), 0);  // 300 and 1000 left: the share cannot use 300, the whole pod neither
  EXPECT_NEAR(fragmentation.Amount(node), 0.2 * 1300 + 0.8 * 300, 1e-9);
  Take(node, Pod(4, 0), -1);  // 8 cores left: the whole pod fits no more
  EXPECT_NEAR(fragmentation.Amount(node), 0.2 * 1300 + 0.3 * 1300 + 0.5 * 300, 1e-9);
  Take(node, Pod(8, 0), -1);  // no core left
  EXPECT_NEAR(fragmentation.Amount(node), 1300, 1e-9);
}

TEST(FragmentationTest, TheTypicalPodsAreTheMostFrequentNineteenTwentieths) {
  const Cluster cluster = SmallCluster();
  const Fragmentation fragmentation({{Pod(1, 1), Pod(2, 0), Pod(3, 0)}, {0.94, 0.02, 0.04}});
  // Pod(3, 0) is taken to reach 95 %, Pod(2, 0) is not: 0.04 of 0.98 want no GPU.
  EXPECT_NEAR(fragmentation.Amount(EmptyNode(cluster.nodes[4])), 2000 * 0.04 / 0.98, 1e-9);
}

TEST(FitValueTest, IsWhatTheMixWouldFill) {
  const Cluster cluster = SmallCluster();
  FitValue halves(cluster, {{Pod(4, 1, 500)}, {1}});
  NodeState node = EmptyNode(cluster.nodes[4]);  // 2 GPUs, 16 cores
  EXPECT_EQ(halves.Of(node), 2000);
  Take(node, Pod(5, 0), -1);  // 11 cores: two pods
  EXPECT_EQ(halves.Of(node), 1000);
  Take(node, Pod(1, 1, 600), 0);  // 400 are left over for good
  EXPECT_EQ(halves.Of(node), 1000);
  FitValue models(cluster, {{Pod(1, 1, kWholeGpu, 1)}, {1}});
  EXPECT_EQ(models.Of(EmptyNode(cluster.nodes[4])), 0) << "nobody may use its model";
  EXPECT_EQ(models.Of(EmptyNode(cluster.nodes[0])), 8000);
  EXPECT_EQ(models.Of(EmptyNode(cluster.nodes[8])), 0) << "no GPU";
}

TEST(FitValueTest, NeverExceedsWhatIsFreeAndAgreesWithItsOwnCopy) {
  const Cluster cluster = SmallCluster();
  const Mix mix = SmallMix();
  FitValue value(cluster, mix);
  FitValue again(cluster, mix);
  Random random(5);
  for (int i = 0; i < 2000; ++i) {
    NodeState node = EmptyNode(cluster.nodes[random.Below(cluster.nodes.size())]);
    for (int gpu = 0; gpu < node.gpus; ++gpu) {
      node.gpu_free[static_cast<std::size_t>(gpu)] = static_cast<std::int16_t>(random.Below(1001));
    }
    node.free.cpu_milli = static_cast<std::int64_t>(random.Below(static_cast<std::uint64_t>(node.free.cpu_milli)));
    const float worth = value.Of(node);
    EXPECT_GE(worth, 0);
    EXPECT_LE(worth, static_cast<float>(node.free_milli()));
    EXPECT_EQ(worth, again.Of(node));
    std::reverse(node.gpu_free.begin(), node.gpu_free.begin() + node.gpus);
    EXPECT_EQ(worth, value.Of(node)) << "which GPU has how much does not matter";
  }
}

TEST(RoomPricesTest, APlaceIsDearWhenAsManyWantItAsThereAre) {
  const Cluster cluster = SmallCluster();  // 40 GPUs, four places for eight of them
  const auto price = [&](double part) {
    const Mix mix = {{Pod(1, 1), Pod(80, 8)}, {1 - part, part}};
    const RoomPrices prices(cluster, mix);
    NodeState node = EmptyNode(cluster.nodes[0]);
    Take(node, Pod(1, 1), -1);
    EXPECT_EQ(prices.Lost(0, node), 1U) << "it had one place and has none";
    NodeState small = EmptyNode(cluster.nodes[4]);
    Take(small, Pod(1, 1), -1);
    EXPECT_EQ(prices.Lost(4, small), 0U) << "it never had one";
    return prices.Of(1);
  };
  EXPECT_LT(price(0.01), 100) << "0.4 are expected for four places";
  EXPECT_GT(price(0.3), 3000) << "3.9 are expected";
  EXPECT_GT(price(0.9), 4000);
  EXPECT_LE(price(1.0), 8000) << "never more than its GPUs";
}

TEST(RoomPricesTest, PlacesAreCountedAsTheyComeAndGo) {
  const Cluster cluster = SmallCluster();
  const Mix mix = {{Pod(1, 1), Pod(80, 8)}, {0.9, 0.1}};
  RoomPrices prices(cluster, mix);
  const float before = prices.Of(1);
  NodeState node = EmptyNode(cluster.nodes[0]);
  NodeState taken = node;
  Take(taken, Pod(1, 1), -1);
  for (int i = 0; i < 3; ++i) prices.Changed(i, node, taken);
  for (int i = 0; i < 13; ++i) prices.Changed(4, EmptyNode(cluster.nodes[4]), EmptyNode(cluster.nodes[4]));
  EXPECT_GT(prices.Of(1), before) << "one place is left";
  EXPECT_EQ(prices.Lost(0, taken), 0U);
  for (int i = 0; i < 3; ++i) prices.Changed(i, taken, node);
  for (int i = 0; i < 13; ++i) prices.Changed(4, EmptyNode(cluster.nodes[4]), EmptyNode(cluster.nodes[4]));
  EXPECT_FLOAT_EQ(prices.Of(1), before);
}

TEST(ExpectedFitTest, KeepsWholeNodesForThoseThatNeedThem) {
  const Cluster cluster = SmallCluster();
  const Mix mix = SmallMix();
  Placer placer(cluster, mix.shapes, MakePlacementPolicy("keelson", cluster, mix));
  for (int i = 0; i < 8; ++i) {  // small pods fill the small nodes before they open a large one
    const auto placement = placer.Find(0);
    ASSERT_TRUE(placement.has_value());
    EXPECT_GE(placement->node, 4);
    placer.Put(0, *placement);
  }
}

TEST(PlacementTest, AClosedNodeTakesNothingAndIsAsItsPodsLeftItWhenItIsOpened) {
  const Cluster cluster = SmallCluster();
  std::vector<PodShape> shapes = {Pod(10, 1), PodShape{{0, 0}, 0, kWholeGpu, kAnyModel, {}, {}}};
  Placer placer(cluster, shapes, MakePlacementPolicy("first-fit", cluster, {}));
  const NodeState empty = placer.nodes()[0];
  const Placement first = placer.Find(0).value();
  ASSERT_EQ(first.node, 0);
  const auto gpus = placer.TakenGpus(0, first);
  placer.Put(0, first);
  const NodeState taken = placer.nodes()[0];

  placer.Close(0);
  placer.Close(0);  // it is already
  EXPECT_TRUE(placer.closed(0));
  EXPECT_EQ(placer.Find(0)->node, 1);
  EXPECT_EQ(placer.Find(1)->node, 1) << "not even what asks for nothing";
  EXPECT_EQ(placer.SlotsOf(0)[0], 0);
  placer.Open(0);
  EXPECT_EQ(placer.nodes()[0], taken);

  placer.Close(0);
  placer.Remove(0, 0, gpus);
  EXPECT_EQ(placer.SlotsOf(0)[0], 0) << "what leaves it makes no room";
  placer.Open(0);
  EXPECT_EQ(placer.nodes()[0], empty);
  EXPECT_EQ(placer.Find(0)->node, 0);
}

}  // namespace
}  // namespace keelson::scheduling
