#include "training/parzen.h"

#include <gtest/gtest.h>

#include <cmath>

namespace keelson::training {
namespace {

using Kind = Range::Kind;

ParzenEstimator Estimate(const std::vector<Range>& space, const std::vector<Point>& points,
                         const std::vector<double>& weights, double prior_weight = 1) {
  std::vector<const Point*> places;
  for (const Point& point : points) places.push_back(&point);
  return ParzenEstimator(space, places, weights, prior_weight);
}

TEST(ParzenTest, TheDensityOfANumberIsOne) {
  const std::vector<Range> space = {{"x", Kind::kFloat, -1, 3, false, {}}};
  const auto x = Estimate(space, {{-1}, {0.2}, {2.9}, {0.2}}, {1, 1, 0.5, 1});
  double mass = 0;
  for (int i = 0; i < 4000; ++i) mass += std::exp(x.LogDensity({-1 + (i + 0.5) / 1000})) / 1000;
  EXPECT_NEAR(mass, 1, 1e-3);
  EXPECT_GT(x.LogDensity({0.2}), x.LogDensity({1.5}));
}

TEST(ParzenTest, TheMassOfWholeNumbersAndStepsIsOne) {
  for (const Range& range : {Range{"n", Kind::kInt, 1, 9, true, {}}, Range{"s", Kind::kFloat, 1, 9, true, {}, 1},
                             Range{"b", Kind::kInt, 1, 9, false, {}, 0, true}}) {
    const std::vector<Range> space = {range};
    const auto n = Estimate(space, {{1}, {4}, {9}}, {1, 1, 1});
    double mass = 0;
    for (int i = 1; i <= 9; ++i) mass += std::exp(n.LogDensity({static_cast<double>(i)}));
    EXPECT_NEAR(mass, 1, 1e-9) << range.name;
  }
}

TEST(ParzenTest, ChoicesAreSmoothedCounts) {
  const std::vector<Range> space = {{"c", Kind::kChoice, 0, 0, false, {"a", "b", "c"}}};
  const auto c = Estimate(space, {{1}, {1}, {2}}, {1, 1, 1});
  EXPECT_NEAR(std::exp(c.LogDensity({0})) + std::exp(c.LogDensity({1})) + std::exp(c.LogDensity({2})), 1, 1e-9);
  EXPECT_GT(c.LogDensity({1}), c.LogDensity({2}));
  EXPECT_GT(c.LogDensity({2}), c.LogDensity({0}));
  const auto blurred = Estimate(space, {{1}, {1}, {2}}, {1, 1, 1}, /*prior_weight=*/50);
  EXPECT_NEAR(blurred.LogDensity({1}), blurred.LogDensity({0}), 0.1);
}

TEST(ParzenTest, DrawsFollowTheDensity) {
  const std::vector<Range> space = {{"c", Kind::kChoice, 0, 0, false, {"a", "b"}}, {"n", Kind::kInt, 1, 4, false, {}}};
  const auto joint = Estimate(space, {{0, 1}, {1, 4}, {1, 4}}, {1, 1, 1});
  Random random(3);
  std::vector<std::vector<int>> seen(2, std::vector<int>(5));
  constexpr int kDraws = 20'000;
  for (int i = 0; i < kDraws; ++i) {
    const Point point = joint.Draw(random);
    ++seen[static_cast<std::size_t>(point[0])][static_cast<std::size_t>(point[1])];
  }
  for (int c = 0; c < 2; ++c) {
    for (int n = 1; n <= 4; ++n) {
      const double wanted = std::exp(joint.LogDensity({static_cast<double>(c), static_cast<double>(n)}));
      const int drawn = seen[static_cast<std::size_t>(c)][static_cast<std::size_t>(n)];
      EXPECT_NEAR(drawn / double{kDraws}, wanted, 0.015) << c << " " << n;
    }
  }
}

TEST(ParzenTest, WhatWasSeenTogetherIsLikelierTogether) {
  const std::vector<Range> space = {{"x", Kind::kFloat, 0, 1, false, {}}, {"y", Kind::kFloat, 0, 1, false, {}}};
  const auto joint = Estimate(space, {{0.1, 0.1}, {0.9, 0.9}, {0.12, 0.1}, {0.9, 0.88}}, {1, 1, 1, 1});
  EXPECT_GT(joint.LogDensity({0.1, 0.1}), joint.LogDensity({0.1, 0.9}) + 1);
}

TEST(ParzenTest, WithoutPointsThereIsThePriorAndARangeOfOneValueIsThatValue) {
  const std::vector<Range> space = {{"x", Kind::kFloat, 0, 2, false, {}}, {"one", Kind::kFloat, 4, 4, false, {}}};
  const auto prior = Estimate(space, {}, {});
  Random random(1);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(prior.Draw(random)[1], 4);
  EXPECT_GT(prior.LogDensity({1, 4}), prior.LogDensity({0, 4}));
}

}  // namespace
}  // namespace keelson::training
