#include "wire/katib/suggestions.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "base/strings.h"
#include "wire/katib/experiment_testing.h"

namespace keelson::wire::katib {
namespace {

std::vector<std::vector<Named>> Asked(const SuggestionsAsked& asked) {
  auto suggestions = Suggest(asked);
  EXPECT_TRUE(suggestions) << suggestions.error().ToString();
  return suggestions.value_or(std::vector<std::vector<Named>>{});
}

std::string Why(const SuggestionsAsked& asked) {
  const auto suggestions = Suggest(asked);
  return suggestions ? "fine" : suggestions.error().ToString();
}

const std::string& ValueOf(const std::vector<Named>& suggestion, const std::string& name) {
  for (const auto& [given, value] : suggestion) {
    if (given == name) return value;
  }
  ADD_FAILURE() << "no " << name;
  static const std::string kNone;
  return kNone;
}

TEST(KatibSuggestions, EachHasEveryParameterInItsSpace) {
  for (const char* algorithm : {"tpe", "random"}) {
    const auto suggestions = Asked({MakeExperiment(algorithm), {}, 20, 20});
    ASSERT_EQ(suggestions.size(), 20u);
    for (const auto& suggestion : suggestions) {
      ASSERT_EQ(suggestion.size(), 4u);
      const auto n = ParseInt(ValueOf(suggestion, "n"));
      EXPECT_TRUE(n && *n >= 1 && *n <= 5);
      EXPECT_TRUE(ValueOf(suggestion, "kind").starts_with("cat"));
      EXPECT_TRUE((std::set<std::string>{"2", "3", "6"}).contains(ValueOf(suggestion, "size")));
      const auto rate = ParseDouble(ValueOf(suggestion, "rate"));
      EXPECT_TRUE(rate && *rate >= 0.001 && *rate <= 1);
    }
  }
}

TEST(KatibSuggestions, TheSameQuestionHasTheSameAnswerAndTheNextAnother) {
  const auto first = Asked({MakeExperiment(), {}, 2, 2});
  EXPECT_EQ(first, Asked({MakeExperiment(), {}, 2, 2}));
  EXPECT_NE(first, Asked({MakeExperiment(), {}, 2, 4}));
  EXPECT_NE(first[0], first[1]);
  // Three at once are what one and then two are, while nothing is known of them.
  const auto three = Asked({MakeExperiment("random"), {}, 3, 3});
  EXPECT_EQ(three[0], Asked({MakeExperiment("random"), {}, 1, 1})[0]);
  EXPECT_EQ(three[2], Asked({MakeExperiment("random"), {}, 2, 3})[1]);
  EXPECT_EQ(Asked({MakeExperiment(), {}, 0, 0}).size(), 0u);
}

// Trials in which "cat2" with a small rate is best.
std::vector<Trial> Shown(bool maximize) {
  std::vector<Trial> trials;
  for (int i = 0; i < 60; ++i) {
    const std::string kind = "cat" + std::to_string(i % 3 + 1);
    const double rate = 0.001 + i / 60.0;
    const double loss = (kind == "cat2" ? 0 : 1) + rate;
    trials.push_back(
        MakeTrial("t" + std::to_string(i),
                  {{"n", std::to_string(i % 5 + 1)}, {"kind", kind}, {"size", "2"}, {"rate", std::to_string(rate)}},
                  Condition::kSucceeded, std::to_string(maximize ? -loss : loss)));
  }
  return trials;
}

TEST(KatibSuggestions, LearnsFromWhatTrialsHaveShown) {
  for (const bool maximize : {false, true}) {
    Experiment experiment = MakeExperiment();
    experiment.maximize = maximize;
    int best = 0;
    for (const auto& suggestion : Asked({experiment, Shown(maximize), 20, 80})) {
      best += ValueOf(suggestion, "kind") == "cat2" ? 1 : 0;
    }
    EXPECT_GE(best, 14);
    experiment.maximize = !maximize;
    best = 0;
    for (const auto& suggestion : Asked({experiment, Shown(maximize), 20, 80})) {
      best += ValueOf(suggestion, "kind") == "cat2" ? 1 : 0;
    }
    EXPECT_LE(best, 6);
  }
}

TEST(KatibSuggestions, WhatWasStoppedCountsAndWhatFailedIsTheWorst) {
  auto trials = Shown(false);
  const auto all = Asked({MakeExperiment(), trials, 1, 61});
  for (auto& trial : trials) trial.condition = Condition::kEarlyStopped;
  EXPECT_EQ(Asked({MakeExperiment(), trials, 1, 61}), all);
  for (auto& trial : trials) {
    if (trial.assignments[1].second == "cat2") trial.condition = Condition::kFailed;
  }
  int failing = 0;
  for (const auto& suggestion : Asked({MakeExperiment(), trials, 20, 80})) {
    failing += ValueOf(suggestion, "kind") == "cat2" ? 1 : 0;
  }
  EXPECT_LE(failing, 6);
  // Without the objective a trial does not count, as Katib has it.
  for (auto& trial : trials) {
    trial.condition = Condition::kSucceeded;
    trial.metrics.pop_back();
  }
  EXPECT_EQ(Asked({MakeExperiment(), trials, 1, 61}), Asked({MakeExperiment(), {}, 1, 61}));
}

TEST(KatibSuggestions, StepsAndDistributionsAreKept) {
  Experiment experiment;
  experiment.name = "steps";
  experiment.algorithm.name = "tpe";
  experiment.parameters = {{"q", ParameterType::kDouble, "5", "10", "0.8", {}, Distribution::kUniform},
                           {"lq", ParameterType::kDouble, "1", "5", "0.5", {}, Distribution::kLogUniform},
                           {"bell", ParameterType::kDouble, "-3", "3", "", {}, Distribution::kNormal},
                           {"lbell", ParameterType::kInt, "1", "1000", "", {}, Distribution::kLogNormal}};
  int middle = 0;
  for (const auto& suggestion : Asked({experiment, {}, 200, 200})) {
    const double steps = (*ParseDouble(ValueOf(suggestion, "q")) - 5) / 0.8;
    EXPECT_NEAR(steps, std::round(steps), 1e-9);
    EXPECT_LE(std::round(steps), 6);
    middle += std::abs(*ParseDouble(ValueOf(suggestion, "bell"))) < 1 ? 1 : 0;
    EXPECT_TRUE(ParseInt(ValueOf(suggestion, "lbell")));
  }
  EXPECT_GT(middle, 110);  // two thirds are within one deviation; of a uniform one it would be a third
}

TEST(KatibSuggestions, WhatMakesNoSenseIsNamed) {
  const auto with = [](const Parameter& parameter) {
    Experiment experiment = MakeExperiment();
    experiment.parameters = {parameter};
    return Why({experiment, {}, 1, 1});
  };
  EXPECT_EQ(with({"p", ParameterType::kInt, "1.5", "5", "", {}, {}}), "min is \"1.5\", expected a whole number (p)");
  EXPECT_EQ(with({"p", ParameterType::kDouble, "1", "", "", {}, {}}), "max is \"\", expected a number (p)");
  EXPECT_EQ(with({"p", ParameterType::kDouble, "1", "2", "-1", {}, {}}), "the step must be a number above 0 (p)");
  EXPECT_EQ(with({"p", ParameterType::kDouble, "3", "2", "", {}, {}}), "low is above high (p)");
  EXPECT_EQ(with({"p", ParameterType::kDouble, "0", "2", "", {}, Distribution::kLogUniform}),
            "a logarithmic range must begin above 0 (p)");
  EXPECT_EQ(with({"p", ParameterType::kCategorical, "", "", "", {}, {}}), "there is nothing to choose from (p)");
  EXPECT_EQ(with({"p", ParameterType::kUnknown, "", "", "", {}, {}}),
            "the parameter has no type; there are DOUBLE, INT, DISCRETE and CATEGORICAL (p)");
  Experiment nothing = MakeExperiment();
  nothing.parameters.clear();
  EXPECT_EQ(Why({nothing, {}, 1, 1}), "there is nothing to search: no ranges");
  EXPECT_EQ(Why({MakeExperiment("grid"), {}, 1, 1}), "unknown algorithm name grid");
  EXPECT_EQ(Why({MakeExperiment(), {}, -1, 0}), "a number of suggestions below 0 (current_request_number)");
}

TEST(KatibSuggestions, TrialsThatMakeNoSenseAreNamedIfTheyCount) {
  const std::vector<Named> whole = {{"n", "2"}, {"kind", "cat1"}, {"size", "2"}, {"rate", "0.5"}};
  const auto with = [&](const std::vector<Named>& assignments, Condition condition, const std::string& objective) {
    return Why({MakeExperiment(), {MakeTrial("t", assignments, condition, objective)}, 1, 1});
  };
  EXPECT_EQ(with(whole, Condition::kSucceeded, "0.5"), "fine");
  EXPECT_EQ(with(whole, Condition::kSucceeded, "NaN"), "fine");
  EXPECT_EQ(with(whole, Condition::kSucceeded, "good"), "the objective auc is \"good\", expected a number (t)");
  EXPECT_EQ(with({{"n", "2"}}, Condition::kSucceeded, "0.5"), "the trial has no value of the parameter kind (t)");
  EXPECT_EQ(with({{"n", "2"}}, Condition::kRunning, ""), "fine");
  EXPECT_EQ(with({{"n", "2"}, {"kind", "dog"}, {"size", "2"}, {"rate", "0.5"}}, Condition::kSucceeded, "0.5"),
            "the trial's value \"dog\" is none of the parameter kind (t)");
  // A value that the space has no more is taken for the nearest.
  EXPECT_EQ(with({{"n", "900"}, {"kind", "cat1"}, {"size", "2"}, {"rate", "-4"}}, Condition::kSucceeded, "1"), "fine");
}

TEST(KatibSuggestions, MoreThanOneAnswerMayTakeIsRefused) {
  EXPECT_TRUE(Why({MakeExperiment(), {}, 1'000'000, 1'000'000}).find("ask for fewer at a time") != std::string::npos);
  EXPECT_EQ(Suggest({MakeExperiment("tpe", {{"n_EI_candidates", "2000000000"}}), {}, 1, 1}).error().code,
            ErrorCode::kResourceExhausted);
}

}  // namespace
}  // namespace keelson::wire::katib
