#include "kubernetes/operator/quantity.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace keelson::kubernetes {
namespace {

TEST(Quantity, IsReadAsKubernetesWritesIt) {
  EXPECT_EQ(ParseQuantity("500m", 1'000), 500);
  EXPECT_EQ(ParseQuantity("2", 1'000), 2'000);
  EXPECT_EQ(ParseQuantity("0.5", 1'000), 500);
  EXPECT_EQ(ParseQuantity("0.1", 1'000), 100);
  EXPECT_EQ(ParseQuantity("+2.", 1), 2);
  EXPECT_EQ(ParseQuantity("1536Mi", 1), 1536LL << 20);
  EXPECT_EQ(ParseQuantity("2000Gi", 1), 2000LL << 30);
  EXPECT_EQ(ParseQuantity("1Ei", 1), 1LL << 60);
  EXPECT_EQ(ParseQuantity("128974848", 1), 128'974'848);
  EXPECT_EQ(ParseQuantity("129e6", 1), 129'000'000);
  EXPECT_EQ(ParseQuantity("129M", 1), 129'000'000);
  EXPECT_EQ(ParseQuantity("12E+2", 1), 1'200);
  EXPECT_EQ(ParseQuantity("3E", 1), 3'000'000'000'000'000'000);
}

TEST(Quantity, IsRoundedUp) {
  EXPECT_EQ(ParseQuantity("1n", 1'000), 1);
  EXPECT_EQ(ParseQuantity("1500u", 1'000), 2);
  EXPECT_EQ(ParseQuantity("0.5", 1), 1);
  EXPECT_EQ(ParseQuantity("0", 1), 0);
}

TEST(Quantity, IsNothingWhenItIsNone) {
  for (const char* text : {"", "m", "-1", "1x", "1.2.3", "1e", "1e99", "1 Gi", "Gi", ".", "0x10", "100Ei", "nan"}) {
    EXPECT_EQ(ParseQuantity(text, 1'000), std::nullopt) << text;
  }
}

TEST(Quantity, OfAListThatMayLackIt) {
  const nlohmann::json list = {{"cpu", "250m"}, {"pods", 110}, {"odd", {1}}};
  EXPECT_EQ(QuantityOf(list, "cpu", 1'000), 250);
  EXPECT_EQ(QuantityOf(list, "pods", 1), 110);
  EXPECT_EQ(QuantityOf(list, "odd", 1), 0);
  EXPECT_EQ(QuantityOf(list, "memory", 1), 0);
  EXPECT_EQ(QuantityOf(nullptr, "cpu", 1), 0);
}

TEST(Quantity, IsTheSameHoweverItIsWritten) {
  EXPECT_TRUE(SameQuantity("1000m", "1"));
  EXPECT_TRUE(SameQuantity("1024Mi", "1Gi"));
  EXPECT_FALSE(SameQuantity("1", "2"));
  EXPECT_FALSE(SameQuantity("a", "a"));
}

}  // namespace
}  // namespace keelson::kubernetes
