#include "scheduling/history.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace keelson::scheduling {
namespace {

using std::chrono::seconds;

PastRun Past(std::int64_t run_seconds, const std::string& user = "ada", std::int64_t cores = 1,
             std::optional<std::int64_t> memory = {}) {
  return {user, "flights/train", {cores * 1'000, 1 << 30}, seconds(run_seconds), memory};
}

TEST(HistoryTest, WhatNeverRanIsNotForetold) {
  History history;
  EXPECT_FALSE(history.Of("ada", "flights/train", {}));
  history.Add(Past(10));
  EXPECT_FALSE(history.Of("ada", "flights/evaluate", {1'000, 1 << 30}));
  const auto known = history.Of("bob", "flights/train", {9'000, 1});
  ASSERT_TRUE(known);
  EXPECT_EQ(known->runs, 1);
  EXPECT_EQ(known->alike, "name");
  EXPECT_EQ(known->median, seconds(10));
  EXPECT_EQ(known->high, seconds(10));
  EXPECT_FALSE(known->memory_high);
}

TEST(HistoryTest, TheMostAlikeOfWhichThereAreFiveTell) {
  History history;
  for (int i = 1; i <= 5; ++i) history.Add(Past(100, "bob", 4));
  for (int i = 1; i <= 4; ++i) history.Add(Past(10));
  EXPECT_EQ(history.Of("ada", "flights/train", {1'000, 1 << 30})->alike, "name");
  history.Add(Past(10, "bob"));
  EXPECT_EQ(history.Of("ada", "flights/train", {1'000, 1 << 30})->alike, "name and shape");
  history.Add(Past(10));
  const auto mine = history.Of("ada", "flights/train", {1'000, 1 << 30});
  EXPECT_EQ(mine->alike, "user, name and shape");
  EXPECT_EQ(mine->high, seconds(10));
  EXPECT_EQ(history.Of("bob", "flights/train", {4'000, 1 << 30})->median, seconds(100));
}

TEST(HistoryTest, QuantilesAreThoseOfNAndOne) {
  History history;
  for (int i = 1; i <= 8; ++i) history.Add(Past(i, "ada", 1, i << 20));
  EXPECT_EQ(history.Of("ada", "flights/train", {1'000, 1 << 30})->high, seconds(8)) << "the longest of so few";
  for (int i = 9; i <= 19; ++i) history.Add(Past(i));
  const auto known = history.Of("ada", "flights/train", {1'000, 1 << 30});
  EXPECT_EQ(known->median, seconds(10));
  EXPECT_EQ(known->high, seconds(18));
  EXPECT_EQ(known->memory_high, 8 << 20) << "of the eight that were measured";
}

TEST(HistoryTest, TheLatestTwoHundredTell) {
  History history;
  for (int i = 0; i < 200; ++i) history.Add(Past(1'000));
  for (int i = 0; i < 200; ++i) history.Add(Past(1));
  EXPECT_EQ(history.Of("ada", "flights/train", {1'000, 1 << 30})->high, seconds(1));
}

// Whatever the distribution, what is foretold holds as often as it says, as long as the past is like the future.
TEST(HistoryPropertyTest, ExpectationsAreCalibrated) {
  double median = 0;
  double high = 0;
  double memory = 0;
  constexpr int kSeeds = 30;
  for (int seed = 1; seed <= kSeeds; ++seed) {
    std::mt19937 random(static_cast<unsigned>(seed));
    std::lognormal_distribution<double> heavy(3, 1.0 + seed % 3);
    std::uniform_real_distribution<double> flat(1, 100);
    std::vector<PastRun> runs;
    for (int i = 0; i < 400; ++i) {
      const double time = seed % 2 == 0 ? heavy(random) : flat(random);
      PastRun run = Past(0, i % 3 == 0 ? "ada" : "bob", 1 + i % 2, static_cast<std::int64_t>(1e6 * flat(random)));
      run.run_time = Duration(static_cast<std::int64_t>(time * 1e6));
      runs.push_back(run);
    }
    const Calibration one = Calibrate(runs);
    EXPECT_EQ(one.run_times, 399) << "all but the first";
    EXPECT_GT(one.below_high, 0.84) << "seed " << seed;
    EXPECT_LT(one.below_high, 0.96) << "seed " << seed;
    median += one.below_median / kSeeds;
    high += one.below_high / kSeeds;
    memory += one.memory_below_high / kSeeds;
  }
  EXPECT_NEAR(median, 0.5, 0.04);
  EXPECT_NEAR(high, 0.9, 0.02);
  EXPECT_NEAR(memory, 0.9, 0.02);
}

TEST(HistoryPropertyTest, ABrokenQuantileWouldBeNoticed) {
  // Runs that grow for ever are like no past: the figure says so.
  std::vector<PastRun> runs;
  for (int i = 1; i <= 100; ++i) runs.push_back(Past(i));
  const Calibration calibration = Calibrate(runs);
  EXPECT_EQ(calibration.run_times, 99);
  EXPECT_EQ(calibration.below_high, 0);
  EXPECT_EQ(calibration.memories, 0);
}

}  // namespace
}  // namespace keelson::scheduling
