#include "scheduling/queue_lookup.h"

#include <gtest/gtest.h>

#include "scheduling/quota_tree.h"

namespace keelson::scheduling {
namespace {

TEST(QueueLookup, ALocalNameGoesBeforeTheQueueOfThatName) {
  Queues queues;
  AddUnlimitedQueue("research", "all", &queues);
  queues.cluster_queues.push_back(queues.cluster_queues.front());
  queues.cluster_queues.back().name = "production";
  queues.local_queues = {{"ships", "research", "production", ""}};
  EXPECT_EQ(FindClusterQueue(queues, "ships", "research"), "production");
  EXPECT_EQ(FindClusterQueue(queues, "trains", "research"), "research");
  const auto none = FindClusterQueue(queues, "ships", "reserch");
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(none.error().message,
            "there is no queue 'reserch' for project 'ships'; there are research, research, production");
}

TEST(QueueLookup, AnUnlimitedQueueTakesAnything) {
  Queues queues;
  AddUnlimitedQueue("default", "all", &queues);
  const auto tree = QuotaTree::Build(queues);
  ASSERT_TRUE(tree.has_value());
  Amounts much;
  for (auto& of : much.of) of = std::int64_t{1} << 50;
  EXPECT_TRUE(tree->Fits(tree->FindQueue("default"), tree->FindFlavor("all"), much));
}

}  // namespace
}  // namespace keelson::scheduling
