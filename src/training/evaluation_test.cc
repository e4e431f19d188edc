#include "training/evaluation.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"

namespace keelson::training {
namespace {

using Values = std::vector<float>;

TEST(EvaluationTest, AucCountsPairsAndHalvesTies) {
  EXPECT_DOUBLE_EQ(*Auc(Values{0, 0, 1, 1}, Values{0.1f, 0.4f, 0.35f, 0.8f}), 0.75);
  EXPECT_DOUBLE_EQ(*Auc(Values{0, 1}, Values{0.5f, 0.5f}), 0.5);
  EXPECT_DOUBLE_EQ(*Auc(Values{0, 1, 1}, Values{0.5f, 0.5f, 0.9f}), 0.75);
  EXPECT_DOUBLE_EQ(*Auc(Values{1, 0}, Values{-7, 3}), 0.0);
  EXPECT_EQ(Auc(Values{1, 1}, Values{0.1f, 0.2f}).error().code, ErrorCode::kFailedPrecondition);
}

TEST(EvaluationTest, AucEqualsTheCountOfAllPairs) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Random random(seed);
    Values labels, scores;
    for (int i = 0; i < 80; ++i) {
      labels.push_back(static_cast<float>(random.Below(2)));
      scores.push_back(static_cast<float>(random.Below(12)) / 12);  // many ties
    }
    labels[0] = 0;
    labels[1] = 1;
    double right = 0, pairs = 0;
    for (std::size_t p = 0; p < labels.size(); ++p) {
      for (std::size_t n = 0; n < labels.size(); ++n) {
        if (labels[p] == 0 || labels[n] == 1) continue;
        pairs += 1;
        right += scores[p] > scores[n] ? 1 : scores[p] == scores[n] ? 0.5 : 0;
      }
    }
    ASSERT_DOUBLE_EQ(*Auc(labels, scores), right / pairs) << "seed " << seed;
  }
}

TEST(EvaluationTest, LossesByHand) {
  EXPECT_NEAR(*LogLoss(Values{1, 0}, Values{0.8f, 0.3f}), -(std::log(0.8) + std::log(0.7)) / 2, 1e-7);
  EXPECT_NEAR(*LogLoss(Values{1}, Values{0}), -std::log(1e-15), 1e-9);
  EXPECT_NEAR(*LogLoss(Values{0}, Values{1}), -std::log(1e-15), 0.1);
  EXPECT_DOUBLE_EQ(*Accuracy(Values{1, 0, 1, 0}, Values{0.5f, 0.49f, 0.2f, 0.9f}), 0.5);
  EXPECT_DOUBLE_EQ(*Rmse(Values{1, 2}, Values{4, 6}), std::sqrt(12.5));
  EXPECT_DOUBLE_EQ(*Mae(Values{1, 2}, Values{4, 6}), 3.5);
}

TEST(EvaluationTest, CalibrationKeepsTheEndsInTheirBins) {
  const auto bins = Calibration(Values{0, 1, 1, 0}, Values{0, 1, 0.95f, 0.05f}, 10);
  ASSERT_EQ(bins->size(), 2u);
  EXPECT_EQ((*bins)[0].rows, 2u);
  EXPECT_NEAR((*bins)[0].mean_score, 0.025, 1e-7);
  EXPECT_DOUBLE_EQ((*bins)[0].mean_label, 0);
  EXPECT_DOUBLE_EQ((*bins)[1].mean_label, 1);
  EXPECT_FALSE(Calibration(Values{0}, Values{0.5f}, 0).has_value());
}

TEST(EvaluationTest, EvaluateChoosesWhatMakesSense) {
  const auto two = Evaluate(Values{0, 1}, Values{0.2f, 0.7f});
  EXPECT_EQ(two->size(), 5u);
  EXPECT_DOUBLE_EQ(two->at("auc"), 1);
  EXPECT_EQ(Evaluate(Values{1, 1}, Values{0.2f, 0.7f})->count("auc"), 0u);
  const auto numbers = Evaluate(Values{3, 1}, Values{2, 1});
  EXPECT_EQ(numbers->size(), 2u);
  EXPECT_DOUBLE_EQ(numbers->at("mae"), 0.5);
  EXPECT_TRUE(HigherIsBetter("auc"));
  EXPECT_FALSE(HigherIsBetter("logloss"));
}

TEST(EvaluationTest, NothingIsMeasuredOfBrokenRows) {
  const float nan = std::nanf("");
  for (const auto& [labels, scores] : std::vector<std::pair<Values, Values>>{{{}, {}},
                                                                             {{1, 0}, {0.5f}},
                                                                             {{1, nan}, {0.5f, 0.5f}},
                                                                             {{1, 0}, {0.5f, nan}},
                                                                             {{1, INFINITY}, {0.5f, 0.5f}}}) {
    EXPECT_FALSE(Auc(labels, scores).has_value());
    EXPECT_FALSE(LogLoss(labels, scores).has_value());
    EXPECT_FALSE(Accuracy(labels, scores).has_value());
    EXPECT_FALSE(Rmse(labels, scores).has_value());
    EXPECT_FALSE(Mae(labels, scores).has_value());
    EXPECT_FALSE(Calibration(labels, scores).has_value());
    EXPECT_EQ(Evaluate(labels, scores).error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_FALSE(LogLoss(Values{2}, Values{0.5f}).has_value());
  EXPECT_FALSE(LogLoss(Values{1}, Values{1.5f}).has_value());
}

}  // namespace
}  // namespace keelson::training
