#include "features/window.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "base/random.h"

namespace keelson::features {
namespace {

constexpr WindowValues::Needs kAll = {.sums = true, .squares = true, .extremes = true};
constexpr AggregateFunction kFunctions[] = {
    AggregateFunction::kMean, AggregateFunction::kSum, AggregateFunction::kCount, AggregateFunction::kMin,
    AggregateFunction::kMax,  AggregateFunction::kStd, AggregateFunction::kLast};

double Ask(const WindowValues& values, AggregateFunction fn, std::int64_t after, std::int64_t until) {
  const std::size_t high = values.PositionAfter(until);
  return values.Aggregate(fn, values.PositionAfter(after, high), high);
}

TEST(WindowTest, KnownValues) {
  WindowValues values;
  for (const std::int64_t known : {3, 1, 2}) values.Insert(kAll, known, static_cast<double>(known * known));  // 1 4 9
  using enum AggregateFunction;
  EXPECT_EQ(Ask(values, kCount, 0, 3), 3);
  EXPECT_EQ(Ask(values, kSum, 0, 3), 14);
  EXPECT_EQ(Ask(values, kMean, 1, 3), 6.5);
  EXPECT_EQ(Ask(values, kStd, 1, 3), 2.5);  // of the population
  EXPECT_EQ(Ask(values, kMin, 0, 3), 1);
  EXPECT_EQ(Ask(values, kMax, 0, 2), 4);
  EXPECT_EQ(Ask(values, kLast, 0, 2), 4);
  EXPECT_EQ(Ask(values, kStd, 2, 3), 0);
  EXPECT_EQ(Ask(values, kCount, 3, 9), 0);
  for (const auto fn : {kMean, kSum, kStd, kMin, kMax, kLast}) EXPECT_TRUE(std::isnan(Ask(values, fn, 3, 9)));
}

TEST(WindowTest, OfEqualInstantsTheGreatestIsLast) {
  for (const auto& order : {std::vector<double>{1, 5, 3}, {5, 3, 1}, {3, 1, 5}}) {
    WindowValues values;
    for (const double value : order) values.Insert(kAll, 7, value);
    EXPECT_EQ(Ask(values, AggregateFunction::kLast, 0, 7), 5);
  }
}

// After any course of insertions, erasures and forgetting, everything equals, bit for bit, what a fresh object with the
// remaining values in order says.
TEST(WindowTest, TheStateIsAFunctionOfTheSet) {
  Random random(8);
  for (int round = 0; round < 30; ++round) {
    WindowValues values;
    std::vector<std::pair<std::int64_t, double>> held;
    std::int64_t forgotten = -1;
    for (int step = 0; step < 600; ++step) {
      const auto what = random.Below(20);
      if (what < 15 || held.empty()) {
        const auto known = forgotten + 1 + static_cast<std::int64_t>(random.Below(what < 8 ? 300 : 30));
        const double value = random.Normal() * 1000;
        values.Insert(kAll, known, value);
        held.emplace_back(known, value);
      } else if (what < 19) {
        const auto at = static_cast<std::ptrdiff_t>(random.Below(held.size()));
        EXPECT_TRUE(
            values.Erase(kAll, held[static_cast<std::size_t>(at)].first, held[static_cast<std::size_t>(at)].second));
        held.erase(held.begin() + at);
      } else {
        forgotten += static_cast<std::int64_t>(random.Below(40));
        values.ForgetUntil(kAll, forgotten);
        std::erase_if(held, [&](const auto& item) { return item.first <= forgotten; });
      }
    }
    std::ranges::sort(held);
    WindowValues fresh;
    for (const auto& [known, value] : held) fresh.Insert(kAll, known, value);
    ASSERT_EQ(values.size(), held.size());
    for (int ask = 0; ask < 200; ++ask) {
      const auto until = forgotten + static_cast<std::int64_t>(random.Below(350));
      const auto after = std::max(forgotten, until - static_cast<std::int64_t>(random.Below(350)));
      for (const auto fn : kFunctions) {
        EXPECT_EQ(std::bit_cast<std::uint64_t>(Ask(values, fn, after, until)),
                  std::bit_cast<std::uint64_t>(Ask(fresh, fn, after, until)))
            << AggregateFunctionName(fn);
      }
    }
  }
}

TEST(WindowTest, SumsDoNotLoseWhatFloatingPointWould) {
  WindowValues values;
  values.Insert(kAll, 1, 4e9);
  for (int i = 0; i < 1000; ++i) values.Insert(kAll, 2 + i, 0.125);
  EXPECT_EQ(Ask(values, AggregateFunction::kSum, 1, 2000), 125);  // the great one slid out
  EXPECT_EQ(Ask(values, AggregateFunction::kStd, 1, 2000), 0);
  EXPECT_EQ(Ask(values, AggregateFunction::kSum, 0, 2000), 4e9 + 125);
}

TEST(WindowTest, RangesAreChecked) {
  EXPECT_TRUE(WindowValues::Check({.sums = true}, 0x1p42).has_value());
  EXPECT_FALSE(WindowValues::Check({.sums = true}, std::nextafter(0x1p42, 1e300)).has_value());
  EXPECT_TRUE(WindowValues::Check(kAll, -0x1p32).has_value());
  EXPECT_FALSE(WindowValues::Check(kAll, -0x1.1p32).has_value());
  EXPECT_TRUE(WindowValues::Check({.extremes = true}, 1e300).has_value());
  EXPECT_FALSE(WindowValues::Check({}, std::nan("")).has_value());
  EXPECT_FALSE(WindowValues::Check({}, HUGE_VAL).has_value());
  WindowValues values;  // the greatest of values does not overflow
  for (int i = 0; i < 1000; ++i) values.Insert(kAll, i, i % 2 == 0 ? 0x1p32 : -0x1p32);
  EXPECT_EQ(Ask(values, AggregateFunction::kStd, -1, 1000), 0x1p32);
  EXPECT_EQ(Ask(values, AggregateFunction::kMean, -1, 1000), 0);
}

TEST(WindowTest, ErasingWhatIsNotThereSaysSo) {
  WindowValues values;
  EXPECT_FALSE(values.Erase(kAll, 1, 1));
  values.Insert(kAll, 1, 1);
  EXPECT_FALSE(values.Erase(kAll, 1, 2));
  EXPECT_FALSE(values.Erase(kAll, 2, 1));
  EXPECT_TRUE(values.Erase(kAll, 1, 1));
  EXPECT_TRUE(values.empty());
}

TEST(DefinitionTest, FunctionNamesReadBack) {
  for (const auto fn : kFunctions) EXPECT_EQ(ParseAggregateFunction(AggregateFunctionName(fn)), fn);
  EXPECT_FALSE(ParseAggregateFunction("median").has_value());
}

}  // namespace
}  // namespace keelson::features
