#include "app/simulate/machines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::app {
namespace {

using testing::HasSubstr;

TEST(MachinesTest, AreReadFromWords) {
  const auto cluster = ParseMachines({"2x16,64Gi", "1x96,680Gi,8xA100", "1x500m,1Gi,1xA100"});
  ASSERT_TRUE(cluster) << cluster.error().ToString();
  ASSERT_EQ(cluster->nodes.size(), 4U);
  EXPECT_EQ(cluster->nodes[1].capacity, (scheduling::Resources{16'000, std::int64_t{64} << 30}));
  EXPECT_EQ(cluster->nodes[1].gpus, 0);
  EXPECT_EQ(cluster->nodes[2].gpus, 8);
  EXPECT_EQ(cluster->nodes[2].model, cluster->nodes[3].model);
  EXPECT_EQ(cluster->models.names(), std::vector<std::string>{"A100"});
  EXPECT_NE(cluster->nodes[0].name, cluster->nodes[1].name);
  EXPECT_TRUE(ParseMachines({})->nodes.empty());
}

TEST(MachinesTest, MistakesAreQuoted) {
  for (const char* wrong : {"", "4", "4x", "4x16", "x16,1Gi", "0x16,1Gi", "-1x16,1Gi", "4x16,64Gi,A100",
                            "4x16,64Gi,99xA100", "4x16,64Gi,1x", "4x16,64Gi,1xA,1xB", "100001x1,1Gi", "4xmany,1Gi",
                            "4x16,1Kib", "4x0,1Gi", "4x1,0", "1x10001,1Gi", "1x1,17Ti", "4x-1,1Gi"}) {
    const auto cluster = ParseMachines({wrong});
    ASSERT_FALSE(cluster) << wrong;
    EXPECT_THAT(cluster.error().message, HasSubstr("'" + std::string(wrong) + "'"));
  }
}

}  // namespace
}  // namespace keelson::app
