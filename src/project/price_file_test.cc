#include "project/price_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

namespace keelson::project {
namespace {

using scheduling::Budget;
using testing::HasSubstr;

constexpr const char* kHead = "apiVersion: keelson.dev/v1\nkind: Prices\n";

std::string ErrorOf(const std::string& text) {
  const auto read = ReadPrices(text, "prices.yaml");
  return read ? "none" : read.error().message;
}

TEST(PriceFileTest, ReadsAllThatItMayHave) {
  const auto read = ReadPrices(std::string(kHead) + R"(currency: EUR
date: 2026-11-30
source: our contract
machine: {cloud: own, region: cellar, type: box, spot: true}
instances:
  - {cloud: own, region: cellar, type: box, cpu: 3500m, memory: 16Gi, gpus: 2, gpu: T4, on_demand: 0.526,
     spot: 0.1578, interruptions: 0.05}
  - {cloud: own, region: attic, type: box, cpu: 2, memory: 1Gi, on_demand: 0}
budgets:
  - {project: flights, limit: 50}
  - {project: taxis, limit: 0.5, per: day, warn_at: 0.5}
  - {project: once, limit: 0, per: ever}
)",
                               "prices.yaml");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->table.currency, "EUR");
  EXPECT_EQ(read->table.source, "our contract");
  ASSERT_EQ(read->table.instances.size(), 2U);
  const auto& box = read->table.instances[0];
  EXPECT_EQ(box.Name(), "own box in cellar");
  EXPECT_EQ(box.resources, (scheduling::Resources{3'500, std::int64_t{16} << 30}));
  EXPECT_EQ(box.gpus, 2);
  EXPECT_EQ(box.gpu, "T4");
  EXPECT_EQ(box.on_demand, 526'000);
  EXPECT_EQ(box.spot, 157'800);
  EXPECT_EQ(box.interruptions, 0.05);
  EXPECT_EQ(read->table.instances[1].spot, std::nullopt);
  EXPECT_TRUE(read->machine->spot);
  ASSERT_EQ(read->budgets.size(), 3U);
  EXPECT_EQ(read->budgets[0].limit, 50'000'000);
  EXPECT_EQ(read->budgets[0].per, Budget::Per::kMonth);
  EXPECT_EQ(read->budgets[0].warn_at, 0.8);
  EXPECT_EQ(read->budgets[1].per, Budget::Per::kDay);
  EXPECT_EQ(read->budgets[2].per, Budget::Per::kEver);
}

TEST(PriceFileTest, EveryMistakeIsSaidWithItsLine) {
  const std::string good = "{cloud: a, region: b, type: c, cpu: 1, memory: 1Gi, on_demand: 1";
  const std::map<std::string, std::string> cases = {
      {"kind: Prices\n", "the file.apiVersion is missing, expected keelson.dev/v1"},
      {"apiVersion: v2\nkind: Prices\n", "prices.yaml:1:1: the file.apiVersion is \"v2\""},
      {std::string(kHead) + "instnaces: []\n", "unknown field \"instnaces\" in the file, did you mean \"instances\"?"},
      {std::string(kHead) + "instances:\n  - " + good + ", sopt: 1}\n", "unknown field \"sopt\" in instances"},
      {std::string(kHead) + "instances:\n  - {cloud: a}\n", "instances.region is missing"},
      {std::string(kHead) + "instances:\n  - " + good + ", spot: -1}\n", "instances.spot is \"-1\""},
      {std::string(kHead) + "instances:\n  - " + good + ", spot: nan}\n", "instances.spot is \"nan\""},
      {std::string(kHead) + "instances:\n  - " + good + ", gpus: 1}\n", "gpus and gpu go together"},
      {std::string(kHead) + "instances:\n  - " + good + "}\n  - " + good + "}\n", "prices.yaml:5"},
      {std::string(kHead) + "instances:\n  - {cloud: a, region: b, type: c, cpu: 0, memory: 1Gi, on_demand: 1}\n",
       "without CPU or memory"},
      {std::string(kHead) + "machine: {price: 1, cloud: aws}\n", "neither a price nor an instance"},
      {std::string(kHead) + "machine: {cloud: aws, region: x}\n", "neither a price nor an instance"},
      {std::string(kHead) + "machine: {}\n", "neither a price nor an instance"},
      {std::string(kHead) + "machine: {cloud: aws, region: us-east-1, type: g5.3xlarge}\n",
       "prices.yaml:3:1: there is no price of aws g5.3xlarge in us-east-1"},
      {std::string(kHead) + "budgets:\n  - {limit: 1}\n", "budgets.project is missing"},
      {std::string(kHead) + "budgets:\n  - {project: p, limit: 1, per: week}\n", "one of month, day, ever"},
      {std::string(kHead) + "budgets:\n  - {project: p, limit: 1}\n  - {project: p, limit: 2}\n", "has two budgets"},
      {std::string(kHead) + "budgets: 7\n", "the file.budgets is no list"},
      {"[", "prices.yaml"},
  };
  for (const auto& [text, error] : cases) EXPECT_THAT(ErrorOf(text), HasSubstr(error)) << text;
}

TEST(PriceFileTest, TheBuiltInTableSaysWhereItIsFromAndHasGpusOfAllThreeClouds) {
  const auto& table = BuiltInPrices();
  EXPECT_EQ(table.currency, "USD");
  EXPECT_EQ(table.date, "2026-11-30");
  EXPECT_THAT(table.source, HasSubstr("skypilot-catalog"));
  std::map<std::string, std::set<std::string>> gpus;
  for (const auto& each : table.instances) {
    if (each.gpus > 0) gpus[each.cloud].insert(each.gpu);
    EXPECT_GT(each.on_demand, 0) << each.Name();
    EXPECT_LT(each.spot.value_or(0), each.on_demand) << each.Name();
  }
  EXPECT_GE(table.instances.size(), 60U);
  EXPECT_TRUE(gpus["aws"].contains("L4"));
  EXPECT_TRUE(gpus["gcp"].contains("A100"));
  EXPECT_TRUE(gpus["azure"].contains("V100"));
}

TEST(PriceFileTest, OnesOwnPricesLieOverTheBuiltInOnes) {
  const auto own =
      ReadPrices(std::string(kHead) +
                     "instances:\n"
                     "  - {cloud: aws, region: us-east-1, type: g5.2xlarge, cpu: 8, memory: 32Gi, gpus: 1, "
                     "gpu: A10G, on_demand: 1}\n"
                     "machine: {cloud: aws, region: us-east-1, type: g5.2xlarge}\n",
                 "own.yaml");
  const auto whole = WithBuiltIn(own.value());
  ASSERT_TRUE(whole) << whole.error().ToString();
  EXPECT_EQ(whole->table.instances.size(), BuiltInPrices().instances.size());
  EXPECT_EQ(whole->table.Find("aws", "us-east-1", "g5.2xlarge")->on_demand, 1'000'000);

  Pricing euros = own.value();
  euros.table.currency = "EUR";
  EXPECT_EQ(WithBuiltIn(euros)->table.instances.size(), 1U) << "another currency does not mix";
  Pricing wrong;
  wrong.machine = scheduling::MachineIs{{}, "aws", "us-east-1", "g5.3xlarge", false};
  EXPECT_EQ(WithBuiltIn(wrong).error().ToString(), "there is no price of aws g5.3xlarge in us-east-1 (machine)");
}

}  // namespace
}  // namespace keelson::project
