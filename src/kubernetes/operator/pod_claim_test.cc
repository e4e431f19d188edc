#include "kubernetes/operator/pod_claim.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace keelson::kubernetes {
namespace {

using nlohmann::json;

json Container(const json& requests) {
  return {{"name", "x"}, {"resources", {{"requests", requests}}}};
}

TEST(PodClaim, IsTheSumOfTheContainers) {
  const json spec = {{"containers",
                      {Container({{"cpu", "500m"}, {"memory", "1Gi"}, {"ephemeral-storage", "2Gi"}}),
                       Container({{"cpu", "1"}, {"nvidia.com/gpu", "4"}}), json{{"name", "asks for nothing"}}}}};
  const auto shape = ShapeOf(spec);
  EXPECT_EQ(shape.request, (scheduling::Resources{1'500, 1 << 30}));
  EXPECT_EQ(shape.gpus, 4);
  EXPECT_EQ(shape.disk_bytes, 2LL << 30);
}

TEST(PodClaim, AnInitContainerCountsWhereItAsksForMoreAndOneThatStaysIsAdded) {
  json stays = Container({{"cpu", "100m"}});
  stays["restartPolicy"] = "Always";
  const json spec = {{"initContainers", {stays, Container({{"cpu", "3"}})}},
                     {"containers", {Container({{"cpu", "1"}, {"memory", "1Gi"}})}},
                     {"overhead", {{"memory", "1Gi"}}}};
  EXPECT_EQ(ShapeOf(spec).request, (scheduling::Resources{3'100, 2LL << 30}));
}

TEST(PodClaim, SaysWhereThePodMayStand) {
  const json spec = {{"containers", json::array()},
                     {"nodeSelector", {{"pool", "gpu"}}},
                     {"tolerations",
                      {{{"key", "spot"}, {"operator", "Exists"}, {"effect", "NoSchedule"}},
                       {{"key", "team"}, {"value", "ml"}},
                       {{"key", "soft"}, {"operator", "Exists"}, {"effect", "PreferNoSchedule"}}}}};
  const auto shape = ShapeOf(spec);
  EXPECT_EQ(shape.selector, (std::map<std::string, std::string>{{"pool", "gpu"}}));
  ASSERT_EQ(shape.tolerations.size(), 2U);
  EXPECT_EQ(shape.tolerations[0], (scheduling::Toleration{"spot", std::nullopt}));
  EXPECT_EQ(shape.tolerations[1], (scheduling::Toleration{"team", "ml"}));
}

TEST(PodClaim, MoreGpusThanAnyNodeHasStaysMore) {
  const json spec = {{"containers", {Container({{"nvidia.com/gpu", "99999999999"}})}}};
  EXPECT_GT(ShapeOf(spec).gpus, scheduling::kMostGpus);
}

}  // namespace
}  // namespace keelson::kubernetes
