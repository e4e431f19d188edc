#include "training/median_stop.h"

#include <gtest/gtest.h>

#include <cmath>

namespace keelson::training {
namespace {

TEST(MedianStopTest, RungsAreEvenAndEndWithTheMost) {
  EXPECT_EQ(Rungs(MedianPolicy{25, 100, 3}), (std::vector<int>{25, 50, 75, 100}));
  EXPECT_EQ(Rungs(MedianPolicy{30, 100, 3}), (std::vector<int>{30, 60, 90, 100}));
  EXPECT_EQ(Rungs(MedianPolicy{500, 100, 3}), (std::vector<int>{100}));
  EXPECT_EQ(Rungs(MedianPolicy{0, 2, 3}), (std::vector<int>{1, 2}));
}

TEST(MedianStopTest, WhatIsWorseThanTheMedianAverageEnds) {
  const MedianPolicy policy{25, 100, 3};
  // Averages as far as the second rung: 0.5, 0.4 and 0.6.
  std::vector<RungResults> trials = {{0, {0.6, 0.4, 0.3, 0.2}}, {1, {0.5, 0.3, 0.2, 0.1}}, {2, {0.7, 0.5, 0.4, 0.3}}};
  EXPECT_EQ(TrialToGoOn(trials, policy), std::nullopt);  // all have ended
  trials.push_back({3, {0.9, 0.51}});
  EXPECT_EQ(TrialToGoOn(trials, policy), std::nullopt);
  trials[3].objectives = {0.9, 0.49};
  EXPECT_EQ(TrialToGoOn(trials, policy), 3);
  trials[3].objectives = {0.45, 0.9};  // its best counts, not its last
  EXPECT_EQ(TrialToGoOn(trials, policy), 3);
  trials[3].running = true;
  EXPECT_EQ(TrialToGoOn(trials, policy), std::nullopt);
}

TEST(MedianStopTest, NobodyIsStoppedBeforeThereAreEnoughToCompareWith) {
  const MedianPolicy policy{25, 100, 3};
  std::vector<RungResults> trials = {{0, {0.1}, true}, {1, {0.2}, true}, {2, {9.0}}};
  EXPECT_EQ(TrialToGoOn(trials, policy), 2);
  trials.push_back({3, {0.3}, true});
  EXPECT_EQ(TrialToGoOn(trials, policy), std::nullopt);
  trials[3].objectives = {std::nan("")};  // failed: nothing to compare with, and never to go on with
  trials[3].running = false;
  EXPECT_EQ(TrialToGoOn(trials, policy), 2);
  trials[2].running = true;
  EXPECT_EQ(TrialToGoOn(trials, policy), std::nullopt);
}

}  // namespace
}  // namespace keelson::training
