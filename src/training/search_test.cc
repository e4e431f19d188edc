#include "training/search.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <numbers>
#include <set>

#include "base/random.h"
#include "training/random_search.h"
#include "training/search_plan.h"

namespace keelson::training {
namespace {

using Kind = Range::Kind;
using Objective = std::function<double(const Point&)>;

double Sphere(const Point& x) {
  double sum = 0;
  for (const double each : x) sum += each * each;
  return sum;
}

double Branin(const Point& x) {
  constexpr double kPi = std::numbers::pi;
  const double a = x[1] - 5.1 / (4 * kPi * kPi) * x[0] * x[0] + 5 / kPi * x[0] - 6;
  return a * a + 10 * (1 - 1 / (8 * kPi)) * std::cos(x[0]) + 10;
}

double Hartmann6(const Point& x) {
  constexpr std::array<double, 4> kAlpha = {1.0, 1.2, 3.0, 3.2};
  constexpr double kA[4][6] = {
      {10, 3, 17, 3.5, 1.7, 8}, {0.05, 10, 17, 0.1, 8, 14}, {3, 3.5, 1.7, 10, 17, 8}, {17, 8, 0.05, 10, 0.1, 14}};
  constexpr double kP[4][6] = {{1312, 1696, 5569, 124, 8283, 5886},
                               {2329, 4135, 8307, 3736, 1004, 9991},
                               {2348, 1451, 3522, 2883, 3047, 6650},
                               {4047, 8828, 8732, 5743, 1091, 381}};
  double sum = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    double inner = 0;
    for (std::size_t j = 0; j < 6; ++j) inner += kA[i][j] * (x[j] - 1e-4 * kP[i][j]) * (x[j] - 1e-4 * kP[i][j]);
    sum -= kAlpha[i] * std::exp(-inner);
  }
  return sum;
}

std::vector<Range> Box(std::size_t dimensions, double low, double high) {
  std::vector<Range> space;
  for (std::size_t i = 0; i < dimensions; ++i)
    space.push_back({"x" + std::to_string(i), Kind::kFloat, low, high, false, {}});
  return space;
}

double BestOf(const std::string& algorithm, std::uint64_t seed, const std::vector<Range>& space,
              const Objective& objective, int trials) {
  const auto sampler = MakeSampler(algorithm, {.seed = seed});
  std::vector<TrialOutcome> outcomes;
  double best = INFINITY;
  for (int i = 0; i < trials; ++i) {
    const Point point = (*sampler)->Suggest(space, static_cast<std::uint64_t>(i), outcomes, {});
    outcomes.push_back({point, objective(point)});
    best = std::min(best, outcomes.back().objective);
  }
  return best;
}

double MedianOf20(const std::string& algorithm, const std::vector<Range>& space, const Objective& objective,
                  int trials) {
  std::vector<double> best;
  for (std::uint64_t seed = 0; seed < 20; ++seed) best.push_back(BestOf(algorithm, seed, space, objective, trials));
  std::sort(best.begin(), best.end());
  return (best[9] + best[10]) / 2;
}

TEST(TpeTest, BeatsRandomSearchInTheMedianOf20Seeds) {
  const std::vector<Range> branin = {{"x", Kind::kFloat, -5, 10, false, {}}, {"y", Kind::kFloat, 0, 15, false, {}}};
  const struct {
    const char* name;
    std::vector<Range> space;
    Objective objective;
    double least;
  } cases[] = {{"sphere", Box(4, -5, 5), Sphere, 0},
               {"Branin", branin, Branin, 0.397887},
               {"Hartmann6", Box(6, 0, 1), Hartmann6, -3.32237}};
  for (const auto& each : cases) {
    const double tpe = MedianOf20("tpe", each.space, each.objective, 80) - each.least;
    const double random = MedianOf20("random", each.space, each.objective, 80) - each.least;
    EXPECT_LT(tpe, 0.7 * random) << each.name;
    EXPECT_GE(tpe, -1e-4) << each.name;
    RecordProperty(each.name, "tpe " + std::to_string(tpe) + ", random " + std::to_string(random));
  }
}

TEST(TpeTest, FindsTheChoiceTheWholeNumberAndTheMagnitude) {
  const std::vector<Range> space = {{"kind", Kind::kChoice, 0, 0, false, {"a", "b", "c", "d"}},
                                    {"depth", Kind::kInt, 1, 12, false, {}},
                                    {"rate", Kind::kFloat, 1e-5, 1, true, {}}};
  const Objective objective = [](const Point& x) {
    return (x[0] == 2 ? 0 : 1) + std::abs(x[1] - 7) / 6 + std::abs(std::log10(x[2]) + 2);
  };
  EXPECT_LT(MedianOf20("tpe", space, objective, 60), 0.6 * MedianOf20("random", space, objective, 60));
}

TEST(SamplerTest, PointsStayInTheirRanges) {
  const std::vector<Range> space = {{"i", Kind::kInt, 3, 6, false, {}},
                                    {"li", Kind::kInt, 1, 100, true, {}},
                                    {"f", Kind::kFloat, -2, 7, false, {}},
                                    {"lf", Kind::kFloat, 1e-8, 1e3, true, {}},
                                    {"c", Kind::kChoice, 0, 0, false, {"x", "y"}},
                                    {"one", Kind::kFloat, 4, 4, false, {}},
                                    {"one_int", Kind::kInt, 4, 4, false, {}},
                                    {"stepped", Kind::kFloat, 1, 2.1, false, {}, 0.25},
                                    {"log_stepped", Kind::kFloat, 0.1, 5, true, {}, 0.5},
                                    {"whole_steps", Kind::kInt, 2, 33, false, {}, 5},
                                    {"bell", Kind::kFloat, -3, 3, false, {}, 0, true}};
  for (const char* algorithm : {"tpe", "random"}) {
    const auto sampler = MakeSampler(algorithm, {.seed = 5});
    Random noise(1);
    std::vector<TrialOutcome> outcomes;
    std::set<double> whole;
    for (std::uint64_t i = 0; i < 150; ++i) {
      const Point point = (*sampler)->Suggest(space, i, outcomes, {});
      for (std::size_t range = 0; range < space.size(); ++range) {
        if (space[range].kind == Kind::kChoice) {
          ASSERT_TRUE(point[range] == 0 || point[range] == 1);
          continue;
        }
        ASSERT_GE(point[range], space[range].low) << space[range].name;
        ASSERT_LE(point[range], space[range].high) << space[range].name;
        if (space[range].kind == Kind::kInt) {
          ASSERT_EQ(point[range], std::round(point[range]));
        }
        if (space[range].step > 0) {
          const double steps = (point[range] - space[range].low) / space[range].step;
          ASSERT_NEAR(steps, std::round(steps), 1e-9) << space[range].name << " " << point[range];
        }
      }
      whole.insert(point[0]);
      // Failed trials and ties are among the outcomes too.
      outcomes.push_back({point, i % 7 == 0 ? std::nan("") : i % 3 == 0 ? 1.0 : noise.Normal()});
    }
    if (algorithm == std::string_view("random")) {
      EXPECT_EQ(whole.size(), 4u);
    }
  }
}

TEST(SamplerTest, ANormalRangeIsLikelierInTheMiddle) {
  const std::vector<Range> space = {{"bell", Kind::kFloat, 0, 6, false, {}, 0, true},
                                    {"flat", Kind::kFloat, 0, 6, false, {}}};
  const auto sampler = MakeSampler("random", {.seed = 9});
  int bell = 0, flat = 0;
  for (std::uint64_t i = 0; i < 2000; ++i) {
    const Point point = (*sampler)->Suggest(space, i, {}, {});
    bell += point[0] > 2 && point[0] < 4 ? 1 : 0;
    flat += point[1] > 2 && point[1] < 4 ? 1 : 0;
  }
  EXPECT_NEAR(bell, 2000 * 0.683, 90);
  EXPECT_NEAR(flat, 2000 / 3.0, 90);
}

TEST(TpeTest, SettingsSayHowLongItIsRandomAndWhatCountsAsGood) {
  const std::vector<Range> space = Box(2, 0, 1);
  std::vector<TrialOutcome> outcomes;
  for (int i = 0; i < 30; ++i) outcomes.push_back({{i / 30.0, 0.5}, std::abs(i / 30.0 - 0.2)});
  const auto suggest = [&](const SamplerSettings& settings) {
    return (*MakeSampler("tpe", settings))->Suggest(space, 7, outcomes, {});
  };
  EXPECT_EQ(suggest({.startup = 31}), (*MakeSampler("random", {}))->Suggest(space, 7, {}, {}));
  EXPECT_NE(suggest({.startup = 30}), suggest({.startup = 31}));
  EXPECT_NE(suggest({.candidates = 2}), suggest({}));
  EXPECT_NE(suggest({.gamma = 0.9}), suggest({}));
  EXPECT_NE(suggest({.prior_weight = 20}), suggest({}));
  EXPECT_EQ(suggest({.startup = 0}), suggest({}));
}

TEST(SamplerTest, EqualSeedsGiveEqualSequences) {
  const std::vector<Range> space = DefaultXgboostSpace();
  const auto sequence = [&](const std::string& algorithm, std::uint64_t seed) {
    const auto sampler = MakeSampler(algorithm, {.seed = seed});
    std::vector<TrialOutcome> outcomes;
    std::vector<Point> points;
    for (std::uint64_t i = 0; i < 30; ++i) {
      points.push_back((*sampler)->Suggest(space, i, outcomes, {}));
      outcomes.push_back({points.back(), points.back()[0] + points.back()[3]});
    }
    return points;
  };
  for (const char* algorithm : {"tpe", "random"}) {
    EXPECT_EQ(sequence(algorithm, 1), sequence(algorithm, 1));
    EXPECT_NE(sequence(algorithm, 1), sequence(algorithm, 2));
  }
}

TEST(SamplerTest, ParallelTrialsKeepAwayFromEachOther) {
  const std::vector<Range> space = Box(1, 0, 1);
  const auto sampler = MakeSampler("tpe", {.seed = 3});
  std::vector<TrialOutcome> outcomes;
  for (int i = 0; i < 30; ++i) outcomes.push_back({{i / 30.0}, std::abs(i / 30.0 - 0.5)});
  double alone = 0, crowded = 0;
  for (std::uint64_t i = 0; i < 50; ++i) {
    const Point first = (*sampler)->Suggest(space, 100 + i, outcomes, {});
    const Point same = (*sampler)->Suggest(space, 200 + i, outcomes, {});
    const Point away = (*sampler)->Suggest(space, 200 + i, outcomes, {first, first, first});
    alone += std::abs(same[0] - first[0]);
    crowded += std::abs(away[0] - first[0]);
  }
  EXPECT_GT(crowded, alone);
}

TEST(SearchTest, ParametersAreWrittenAsTheTrainerReadsThem) {
  const std::vector<Range> space = {{"eta", Kind::kFloat, 0, 1, false, {}},
                                    {"max_depth", Kind::kInt, 1, 9, false, {}},
                                    {"booster", Kind::kChoice, 0, 0, false, {"gbtree", "dart"}}};
  EXPECT_EQ(ToParameters(space, {0.1, 6, 1}),
            (std::map<std::string, std::string>{{"eta", "0.1"}, {"max_depth", "6"}, {"booster", "dart"}}));
}

TEST(SearchTest, RangesThatMakeNoSenseAreRefused) {
  const auto why = [](Range range) {
    const auto status = CheckRanges({std::move(range)});
    return status.has_value() ? std::string("fine") : status.error().message;
  };
  EXPECT_EQ(why({"x", Kind::kFloat, 0, 1, false, {}}), "fine");
  EXPECT_EQ(why({"x", Kind::kFloat, 2, 1, false, {}}), "low is above high");
  EXPECT_EQ(why({"x", Kind::kFloat, 0, 1, true, {}}), "a logarithmic range must begin above 0");
  EXPECT_EQ(why({"x", Kind::kFloat, 0, INFINITY, false, {}}), "the ends must be finite numbers");
  EXPECT_EQ(why({"x", Kind::kInt, 0.5, 3, false, {}}),
            "the ends and the step of a range of whole numbers must be whole");
  EXPECT_EQ(why({"x", Kind::kInt, 1, 3, false, {}, 0.5}),
            "the ends and the step of a range of whole numbers must be whole");
  EXPECT_EQ(why({"x", Kind::kInt, 1, 1e16, false, {}}), "whole numbers end at 2^53");
  EXPECT_EQ(why({"x", Kind::kFloat, -1e308, 1e308, false, {}}), "the range is wider than numbers are");
  EXPECT_EQ(why({"x", Kind::kFloat, 1, 3, false, {}, -1}), "the step must be a number above 0");
  EXPECT_EQ(why({"x", Kind::kChoice, 0, 0, false, {}}), "there is nothing to choose from");
  EXPECT_EQ(why({"", Kind::kFloat, 0, 1, false, {}}), "a range has no name");
  EXPECT_FALSE(CheckRanges({}).has_value());
  EXPECT_FALSE(CheckRanges({{"x", Kind::kFloat, 0, 1, false, {}}, {"x", Kind::kFloat, 0, 1, false, {}}}).has_value());
  EXPECT_NE(MakeSampler("tpee", {}).error().message.find("did you mean tpe"), std::string::npos);
  EXPECT_TRUE(CheckRanges(DefaultXgboostSpace()).has_value());
}

}  // namespace
}  // namespace keelson::training
