#include "kubernetes/objects/node_pools.h"

#include <gtest/gtest.h>

#include "kubernetes/objects/objects_testing.h"

namespace keelson::kubernetes {
namespace {

std::vector<Json> Pools() {
  return NodePools("1.2", {"karpenter.k8s.aws", "EC2NodeClass", "default"}, {.cores = 64, .gpus = 8});
}

TEST(NodePools, GpusHaveOneOfTheirOwnWhichNothingElseLandsOn) {
  const Json plain = Only(Pools(), "NodePool", "keelson-cpu").at("spec");
  const Json gpus = Only(Pools(), "NodePool", "keelson-gpu").at("spec");
  EXPECT_EQ(plain.at("limits"), (Json{{"cpu", "64"}, {"nvidia.com/gpu", "0"}})) << "no node with GPUs is made of it";
  EXPECT_EQ(gpus.at("limits"), (Json{{"cpu", "64"}, {"nvidia.com/gpu", "8"}}));
  EXPECT_FALSE(plain.at("template").at("spec").contains("taints"));
  EXPECT_EQ(gpus.at("template").at("spec").at("taints").at(0).at("key"), "nvidia.com/gpu");
}

TEST(NodePools, SpotIsTakenFirstAndFewNodesGoAtATime) {
  for (const Json& pool : Pools()) {
    const Json& spec = pool.at("spec");
    EXPECT_EQ(spec.at("template").at("spec").at("requirements").at(0).at("values"), (Json{"spot", "on-demand"}));
    EXPECT_EQ(spec.at("disruption").at("budgets"), Json::array({{{"nodes", "10%"}}}));
    EXPECT_EQ(spec.at("template").at("spec").at("nodeClassRef"),
              (Json{{"group", "karpenter.k8s.aws"}, {"kind", "EC2NodeClass"}, {"name", "default"}}));
  }
}

TEST(NodePools, AClassOfNodesHasThreeParts) {
  const auto read = ParseNodeClass("karpenter.kwok.sh/KWOKNodeClass/default");
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->kind, "KWOKNodeClass");
  for (const char* wrong : {"", "default", "a/b", "a//c", "a/b/c/d"}) EXPECT_FALSE(ParseNodeClass(wrong)) << wrong;
}

}  // namespace
}  // namespace keelson::kubernetes
