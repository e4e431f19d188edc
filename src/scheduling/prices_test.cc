#include "scheduling/prices.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::scheduling {
namespace {

constexpr std::int64_t kGib = std::int64_t{1} << 30;

InstancePrice Instance(const std::string& type, std::int64_t cores, std::int64_t gibs, std::int64_t price,
                       std::optional<std::int64_t> spot = {}, int gpus = 0) {
  return {.cloud = "own",
          .region = "here",
          .type = type,
          .resources = {cores * 1'000, gibs * kGib},
          .gpus = gpus,
          .gpu = gpus > 0 ? "T4" : "",
          .on_demand = price,
          .spot = spot,
          .interruptions = {}};
}

PriceTable Table() {
  PriceTable table;
  table.instances = {Instance("small", 2, 8, 100'000), Instance("large", 8, 32, 400'000, 500'000),
                     Instance("gpu", 8, 32, 900'000, 200'000, 1)};
  return table;
}

TEST(PricesTest, TheCheapestIsTheCheapestWithRoom) {
  const PriceTable table = Table();
  EXPECT_EQ(Cheapest(table, {1'000, kGib}, 0, "", false)->type, "small");
  EXPECT_EQ(Cheapest(table, {1'000, 9 * kGib}, 0, "", false)->type, "large");
  EXPECT_EQ(Cheapest(table, {1'000, kGib}, 0, "", true)->type, "gpu") << "its spot price is the lowest";
  EXPECT_EQ(Cheapest(table, {1'000, kGib}, 1, "", false)->type, "gpu");
  EXPECT_EQ(Cheapest(table, {1'000, kGib}, 1, "A100", false), nullptr);
  EXPECT_EQ(Cheapest(table, {9'000, kGib}, 0, "", false), nullptr);
}

TEST(PricesTest, WhatIsOwnTakesThePlaceOfItsName) {
  PriceTable own;
  own.instances = {Instance("small", 2, 8, 50'000), Instance("new", 1, 1, 1)};
  const PriceTable both = Overlay(Table(), own);
  EXPECT_EQ(both.instances.size(), 4U);
  EXPECT_EQ(both.Find("own", "here", "small")->on_demand, 50'000);
  EXPECT_NE(both.Find("own", "here", "new"), nullptr);
  EXPECT_EQ(both.Find("own", "there", "new"), nullptr);
}

TEST(PricesTest, AMachinesPriceIsSplitOverAllOfIt) {
  const Resources machine{4'000, 16 * kGib};
  const auto price = PriceOfMachine(Table(), MachineIs{460'000, "", "", "", false}, machine).value();
  EXPECT_EQ(price.hour, 460'000);
  EXPECT_DOUBLE_EQ(price.core_hour, 7.5 * price.gib_hour);
  EXPECT_NEAR(4 * price.core_hour + 16 * price.gib_hour, 460'000, 1e-6);
}

TEST(PricesTest, AMachineThatNobodyNamedIsTakenForTheCheapestThatIsLargeEnough) {
  const auto fits = PriceOfMachine(Table(), {}, {2'000, 8 * kGib}).value();
  EXPECT_EQ(fits.how, "as own small in here, on demand");
  EXPECT_EQ(fits.instance->type, "small");
  const auto several = PriceOfMachine(Table(), {}, {16'000, 32 * kGib}).value();
  EXPECT_EQ(several.how, "as 2.00 times own large in here, on demand");
  EXPECT_EQ(several.hour, 800'000);
  EXPECT_FALSE(several.instance);
  EXPECT_EQ(PriceOfMachine({}, {}, {2'000, kGib})->hour, 0);
}

TEST(PricesTest, AMachineThatIsNamedMustBeThere) {
  const auto spot = PriceOfMachine(Table(), MachineIs{{}, "own", "here", "gpu", true}, {8'000, kGib}).value();
  EXPECT_EQ(spot.hour, 200'000);
  EXPECT_TRUE(spot.spot);
  EXPECT_EQ(PriceOfMachine(Table(), MachineIs{{}, "own", "here", "huge", false}, {}).error().code,
            ErrorCode::kNotFound);
  EXPECT_EQ(PriceOfMachine(Table(), MachineIs{{}, "own", "here", "small", true}, {}).error().where, "machine.spot");
}

TEST(PricesTest, MoneyIsReadable) {
  EXPECT_EQ(FormatMoney(1'250'000, "USD"), "1.25 USD");
  EXPECT_EQ(FormatMoney(5'200, "USD"), "0.0052 USD");
  EXPECT_EQ(FormatMoney(0, "EUR"), "0.00 EUR");
}

}  // namespace
}  // namespace keelson::scheduling
