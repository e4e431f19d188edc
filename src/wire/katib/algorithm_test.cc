#include "wire/katib/algorithm.h"

#include <gtest/gtest.h>

#include "wire/katib/experiment_testing.h"

namespace keelson::wire::katib {
namespace {

std::string Why(const std::string& algorithm, const std::vector<Named>& settings) {
  const auto read = SettingsOf(MakeExperiment(algorithm, settings));
  if (read) return "fine";
  EXPECT_EQ(read.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(read.error().where, "");
  return read.error().message;
}

TEST(KatibAlgorithm, TakesTheSettingsOfBothOfKatibsServices) {
  const auto read = SettingsOf(MakeExperiment("tpe", {{"random_state", "10"},
                                                      {"gamma", "0.25"},
                                                      {"prior_weight", "1.5"},
                                                      {"n_EI_candidates", "48"},
                                                      {"n_startup_trials", "20"}}));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->seed, 10u);
  EXPECT_EQ(read->gamma, 0.25);
  EXPECT_EQ(read->prior_weight, 1.5);
  EXPECT_EQ(read->candidates, 48);
  EXPECT_EQ(read->startup, 20);
  EXPECT_EQ(SettingsOf(MakeExperiment("tpe", {{"n_ei_candidates", "0"}}))->candidates, 1);
}

TEST(KatibAlgorithm, WithoutASeedTheNameIsOne) {
  Experiment other = MakeExperiment();
  other.name = "other";
  EXPECT_EQ(SettingsOf(MakeExperiment())->seed, SettingsOf(MakeExperiment("random"))->seed);
  EXPECT_NE(SettingsOf(MakeExperiment())->seed, SettingsOf(other)->seed);
}

TEST(KatibAlgorithm, RefusesInKatibsWords) {
  EXPECT_EQ(Why("unknown", {}), "unknown algorithm name unknown");
  EXPECT_EQ(Why("random", {{"unknown_conf", "1111"}}), "unknown setting unknown_conf for algorithm random");
  EXPECT_EQ(Why("random", {{"gamma", "0.5"}}), "unknown setting gamma for algorithm random");
  EXPECT_EQ(Why("tpe", {{"invalid", "5"}}), "unknown setting invalid for algorithm tpe");
  EXPECT_EQ(Why("tpe", {{"gamma", "1.5"}}), "gamma should be in the range of (0, 1)");
  EXPECT_EQ(Why("tpe", {{"gamma", "nan"}}), "gamma should be in the range of (0, 1)");
  EXPECT_EQ(Why("tpe", {{"n_EI_candidates", "0"}}), "n_EI_candidates should be great than zero");
  EXPECT_EQ(Why("tpe", {{"n_startup_trials", "-1"}}), "n_startup_trials should be greate or equal than zero");
  EXPECT_EQ(Why("tpe", {{"random_state", "-1"}}), "random_state should be great or equal than zero");
  EXPECT_EQ(Why("tpe", {{"prior_weight", "aaa"}}),
            "failed to validate prior_weight(aaa): could not convert string to float: 'aaa'");
  EXPECT_EQ(Why("tpe", {{"random_state", "1.5"}}),
            "failed to validate random_state(1.5): invalid literal for int() with base 10: '1.5'");
  EXPECT_EQ(Why("tpe", {{"n_EI_candidates", "99999999999"}}), "fine");
}

}  // namespace
}  // namespace keelson::wire::katib
