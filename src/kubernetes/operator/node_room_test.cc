#include "kubernetes/operator/node_room.h"

#include <gtest/gtest.h>

#include "kubernetes/operator/operator_testing.h"

namespace keelson::kubernetes {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the objects of this room's tests

TEST(NodeRoom, IsWhatNodesGive) {
  const auto room = RoomOf({Share(TestNode("one")), Share(TestNode("two", "3500m", 0))}, {});
  ASSERT_EQ(room.cluster.nodes.size(), 2U);
  const auto& one = room.cluster.nodes[static_cast<std::size_t>(room.index.at("one"))];
  EXPECT_EQ(one.capacity, (scheduling::Resources{8'000, 64LL << 30}));
  EXPECT_EQ(one.gpus, 8);
  EXPECT_EQ(one.model, 0);
  const auto& two = room.cluster.nodes[static_cast<std::size_t>(room.index.at("two"))];
  EXPECT_EQ(two.capacity.cpu_milli, 3'500);
  EXPECT_EQ(two.gpus, 0);
  EXPECT_EQ(two.model, -1);
  EXPECT_EQ(RoomOf({Share(TestNode("big", "1", 40))}, {}).cluster.nodes[0].gpus, scheduling::kMostGpus);
}

TEST(NodeRoom, ANodeThatTakesNoPodIsNotThere) {
  const json ready = TestNode("x");
  for (const json& node :
       {With(ready, "/spec/unschedulable", true), With(ready, "/status/conditions/0/status", "False"),
        With(ready, "/status/conditions/0/status", "Unknown"), With(ready, "/status/conditions", json::array()),
        With(ready, "/metadata/deletionTimestamp", "2026-11-30T12:00:00Z")}) {
    EXPECT_TRUE(RoomOf({Share(node)}, {}).cluster.nodes.empty()) << node;
  }
  EXPECT_EQ(RoomOf({}, {}).cluster.pools.size(), 1U);
}

TEST(NodeRoom, NodesAreOnePoolUnlessWhatIsSelectedByOrATaintDiffers) {
  const json tainted = With(TestNode("three"), "/spec/taints",
                            {{{"key", "spot"}, {"value", "yes"}, {"effect", "NoSchedule"}},
                             {{"key", "soft"}, {"effect", "PreferNoSchedule"}}});
  const Objects nodes = {Share(TestNode("one")), Share(With(TestNode("two"), "/metadata/labels/pool", "b")),
                         Share(tainted)};
  EXPECT_EQ(RoomOf(nodes, {}).cluster.pools.size(), 2U);
  const auto room = RoomOf(nodes, {"pool"});
  ASSERT_EQ(room.cluster.pools.size(), 3U);
  EXPECT_EQ(room.cluster.pools[1].labels, (std::map<std::string, std::string>{{"pool", "b"}}));
  EXPECT_EQ(room.cluster.pools[2].taints, (std::vector<scheduling::Taint>{{"spot", "yes"}}));
}

TEST(NodeRoom, APodOccupiesItsNodeUntilItHasEnded) {
  EXPECT_TRUE(Occupies(TestPod("a", "one", PodSpecWith("1"))));
  EXPECT_FALSE(Occupies(TestPod("waits", "", PodSpecWith("1"))));
  for (const char* phase : {"Succeeded", "Failed"}) {
    EXPECT_FALSE(Occupies(With(TestPod("ended", "one", PodSpecWith("1")), "/status/phase", phase)));
  }
}

}  // namespace
}  // namespace keelson::kubernetes
