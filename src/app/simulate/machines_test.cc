#include "app/simulate/machines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::app {
namespace {

using testing::HasSubstr;

TEST(MachinesTest, AreReadFromWords) {
  const auto fleet = ParseMachines({"2x16,64Gi", "1x96,680Gi,8xA100", "1x500m,1Gi,1xA100"}, {});
  ASSERT_TRUE(fleet) << fleet.error().ToString();
  const auto cluster = simulation::ClusterOf(*fleet);
  ASSERT_EQ(cluster.nodes.size(), 4U);
  EXPECT_EQ(cluster.nodes[1].capacity, (scheduling::Resources{16'000, std::int64_t{64} << 30}));
  EXPECT_EQ(cluster.nodes[1].gpus, 0);
  EXPECT_EQ(cluster.nodes[2].gpus, 8);
  EXPECT_EQ(cluster.nodes[2].model, cluster.nodes[3].model);
  EXPECT_EQ(cluster.models.names(), std::vector<std::string>{"A100"});
  EXPECT_EQ(cluster.nodes[0].name, "pool-1-0");
  EXPECT_EQ(cluster.nodes[3].name, "pool-3-0");
  EXPECT_FALSE(fleet->priced());
  EXPECT_TRUE(simulation::ClusterOf(ParseMachines({}, {}).value()).nodes.empty());
}

TEST(MachinesTest, WhatIsKnownOfThemComesBehind) {
  const auto fleet = ParseMachines({"4x8,32Gi,name=gpu,2xT4,price=3.2,spot-price=0.95,spot=0.5,interruptions=0.1,"
                                    "zone=b,label:gpu=t4",
                                    "1x8,32Gi,spot"},
                                   {});
  ASSERT_TRUE(fleet) << fleet.error().ToString();
  const auto& pool = fleet->pools[0];
  EXPECT_EQ(pool.name, "gpu");
  EXPECT_EQ(pool.node.gpus, 2);
  EXPECT_EQ(pool.price, 3'200'000);
  EXPECT_EQ(pool.spot_price, 950'000);
  EXPECT_EQ(pool.spot_nodes(), 2);
  EXPECT_EQ(pool.PriceOf(0), 950'000);
  EXPECT_EQ(pool.PriceOf(2), 3'200'000);
  EXPECT_EQ(pool.interruptions, 0.1);
  EXPECT_EQ(pool.labels.at("gpu"), "t4");
  EXPECT_EQ(fleet->pools[1].spot_share, 1);
  EXPECT_TRUE(fleet->priced());
  const auto cluster = simulation::ClusterOf(*fleet);
  EXPECT_NE(cluster.nodes[0].domains, cluster.nodes[4].domains) << "another zone";
  EXPECT_EQ(cluster.pools[0].labels, pool.labels);
}

TEST(MachinesTest, OneOfTheTableOfPricesBringsItsSizeAndPrices) {
  scheduling::PriceTable prices;
  prices.currency = "EUR";
  prices.instances = {{"own", "cellar", "box", {8'000, std::int64_t{32} << 30}, 1, "T4", 2'000'000, 700'000, 0.2}};
  const auto fleet = ParseMachines({"3xown:cellar:box,spot"}, prices);
  ASSERT_TRUE(fleet) << fleet.error().ToString();
  const auto& pool = fleet->pools[0];
  EXPECT_EQ(pool.nodes, 3);
  EXPECT_EQ(pool.node.capacity, prices.instances[0].resources);
  EXPECT_EQ(pool.node.gpus, 1);
  EXPECT_EQ(pool.PriceOf(0), 700'000);
  EXPECT_EQ(pool.interruptions, 0.2);
  EXPECT_EQ(fleet->currency, "EUR");
  EXPECT_THAT(ParseMachines({"3xown:cellar:bax"}, prices).error().message,
              HasSubstr("the prices have no 'own:cellar:bax'"));
}

TEST(MachinesTest, MistakesAreQuoted) {
  for (const char* wrong : {"",
                            "4",
                            "4x",
                            "4x16",
                            "x16,1Gi",
                            "0x16,1Gi",
                            "-1x16,1Gi",
                            "4x16,64Gi,A100",
                            "4x16,64Gi,99xA100",
                            "4x16,64Gi,1x",
                            "4x16,64Gi,1xA,1xB",
                            "100001x1,1Gi",
                            "4xmany,1Gi",
                            "4x16,1Kib",
                            "4x0,1Gi",
                            "4x1,0",
                            "1x10001,1Gi",
                            "1x1,17Ti",
                            "4x-1,1Gi",
                            "1x1,1Gi,spot=2",
                            "1x1,1Gi,price=-1",
                            "1x1,1Gi,price=nan",
                            "1x1,1Gi,price=1,spot",
                            "1x1,1Gi,interruptions=61",
                            "1x1,1Gi,name=",
                            "1x1,1Gi,colour=red",
                            "1x1,1Gi,label:=x",
                            "1xa:b:c",
                            "1xa:b"}) {
    const auto fleet = ParseMachines({wrong}, {});
    ASSERT_FALSE(fleet) << wrong;
    EXPECT_THAT(fleet.error().message, HasSubstr("'" + std::string(wrong) + "'"));
  }
  EXPECT_THAT(ParseMachines({"1x1,1Gi,name=a", "1x1,1Gi,name=a"}, {}).error().message,
              HasSubstr("two pools named 'a'"));
  EXPECT_THAT(ParseMachines({"60000x1,1Gi", "60000x1,1Gi"}, {}).error().message,
              HasSubstr("more than 100000 machines"));
}

}  // namespace
}  // namespace keelson::app
