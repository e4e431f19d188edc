#include "monitoring/monitor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/random.h"
#include "monitoring/performance.h"

namespace keelson::monitoring {
namespace {

using data::ColumnType;
using std::chrono::hours;
using testing::ElementsAre;
using testing::Pair;

Instant Hour(std::int64_t hour) {
  return *ParseInstant("2013-04-01T04:00:00Z") + hours(hour);
}

data::Profile MakeProfile() {
  data::Profile profile;
  profile.rows = 100;
  profile.columns = {{"temp", ColumnType::kDouble, {10, 20}, {}, {30, 40, 30, 0}},
                     {"carrier", ColumnType::kString, {}, {"AA", "UA"}, {50, 50, 0, 0}},
                     {"score", ColumnType::kDouble, {0.5}, {}, {50, 50, 0}}};
  return profile;
}

Observation Make(const std::string& id, Instant time, double score, double temp = 15, const char* carrier = "UA") {
  return {id, "1", time, {temp, std::string(carrier)}, score, score / 2};
}

std::unique_ptr<Monitor> Create(Duration drift = hours(24), Duration performance = hours(48)) {
  return *Monitor::Create({.drift_window = drift, .performance_window = performance, .time_zone = "America/New_York"});
}

TEST(PerformanceTest, KnownValues) {
  EXPECT_EQ(Measure({}), Performance{});
  const auto one_class = Measure({{0.5, true}, {0.2, true}});
  EXPECT_FALSE(one_class.auc.has_value());
  EXPECT_NEAR(*one_class.log_loss, -(std::log(0.5) + std::log(0.2)) / 2, 1e-15);
  const auto mixed = Measure({{0.1, false}, {0.4, false}, {0.35, true}, {0.8, true}});
  EXPECT_EQ(*mixed.auc, 0.75);
  EXPECT_EQ(mixed.count, 4u);
  EXPECT_EQ(mixed.positives, 2u);
  EXPECT_EQ(*Measure({{0.5, false}, {0.5, true}}).auc, 0.5);  // ties count half
  EXPECT_EQ(*Measure({{0.5, false}, {0.5, true}, {0.7, true}}).auc, 0.75);
  EXPECT_NEAR(*Measure({{0, true}, {1, false}}).log_loss, -std::log(1e-15), 0.1);  // clipped
  EXPECT_THAT(Measure({{0.05, false}, {0.07, true}, {1.0, true}, {0.95, true}}).calibration,
              ElementsAre(Pair(testing::DoubleNear(0.06, 1e-12), 0.5), Pair(testing::DoubleNear(0.975, 1e-12), 1)));
  EXPECT_EQ(Measure({{std::nan(""), true}, {0.5, false}}).count, 1u);
}

TEST(PerformanceTest, EqualsAllPairsWhateverTheOrder) {
  Random random(4);
  std::vector<Outcome> outcomes;
  for (int i = 0; i < 400; ++i) {
    const double score = static_cast<double>(random.Below(60)) / 59;
    outcomes.push_back({score, random.Uniform() < score});
  }
  double wins = 0;
  double pairs = 0;
  for (const auto& a : outcomes) {
    for (const auto& b : outcomes) {
      if (!a.positive || b.positive) continue;
      pairs += 1;
      wins += a.score > b.score ? 1 : a.score == b.score ? 0.5 : 0;
    }
  }
  const Performance first = Measure(outcomes);
  EXPECT_EQ(*first.auc, wins / pairs);
  for (int round = 0; round < 20; ++round) {
    for (std::size_t i = outcomes.size(); i > 1; --i) std::swap(outcomes[i - 1], outcomes[random.Below(i)]);
    EXPECT_EQ(Measure(outcomes), first);
  }
}

TEST(MonitorTest, DriftCountsExactlyTheWindow) {
  const auto monitor = Create();
  monitor->SetProfile(MakeProfile());
  monitor->AddObservation(Make("a", Hour(0), 0.2, 5, "AA"));  // (0, 24] leaves it out
  monitor->AddObservation(Make("b", Hour(1), 0.2, 5, "AA"));
  monitor->AddObservation(Make("c", Hour(24), 0.7, 25, "ZZ"));
  monitor->AddObservation(Make("d", Hour(25), 0.7, 25));
  const WindowReport report = monitor->Report(Hour(24));
  EXPECT_EQ(report.predictions, 2u);
  ASSERT_EQ(report.drift.size(), 3u);
  EXPECT_EQ(report.drift[0], (DriftResult{"temp", data::PopulationStabilityIndex({30, 40, 30, 0}, {1, 0, 1, 0})}));
  EXPECT_EQ(report.drift[1], (DriftResult{"carrier", data::PopulationStabilityIndex({50, 50, 0, 0}, {1, 0, 1, 0})}));
  EXPECT_EQ(report.drift[2], (DriftResult{"score", data::PopulationStabilityIndex({50, 50, 0}, {1, 1, 0})}));
  EXPECT_EQ(monitor->Report(Hour(300)).predictions, 0u);
  EXPECT_TRUE(monitor->Report(Hour(300)).drift.empty());
}

TEST(MonitorTest, ShortOrWrongInputsCountAsMissing) {
  const auto monitor = Create();
  monitor->SetProfile(MakeProfile());
  Observation observation = Make("a", Hour(1), 0.2);
  observation.inputs = {std::string("hot")};
  monitor->AddObservation(observation);
  const auto report = monitor->Report(Hour(1));
  EXPECT_EQ(report.drift[0].value, data::PopulationStabilityIndex({30, 40, 30, 0}, {0, 0, 0, 1}));
  EXPECT_EQ(report.drift[1].value, data::PopulationStabilityIndex({50, 50, 0, 0}, {0, 0, 0, 1}));
}

TEST(MonitorTest, ANewProfileStartsAnewFromItsInstant) {
  const auto monitor = Create();
  monitor->AddObservation(Make("before", Hour(1), 0.2));
  EXPECT_EQ(monitor->Report(Hour(2)).predictions, 1u);
  EXPECT_TRUE(monitor->Report(Hour(2)).drift.empty());
  monitor->SetProfile(MakeProfile(), Hour(2));
  monitor->AddObservation(Make("late", Hour(2), 0.2));
  EXPECT_EQ(monitor->Report(Hour(3)).predictions, 0u);
  monitor->AddObservation(Make("after", Hour(3), 0.2));
  EXPECT_EQ(monitor->Report(Hour(3)).predictions, 1u);
  monitor->SetProfile({}, Hour(3));
  EXPECT_EQ(monitor->Report(Hour(3)).predictions, 0u);
  EXPECT_EQ(monitor->Months()[0].asked, 3u);  // months do not care
}

TEST(MonitorTest, PerformanceByTheInstantOfTheLabel) {
  const auto monitor = Create();
  const double scores[] = {0.1, 0.9, 0.4, 0.6};
  for (int i = 0; i < 4; ++i) monitor->AddObservation(Make(std::to_string(i), Hour(i), scores[i]));
  for (int i = 0; i < 4; ++i) monitor->AddLabel({std::to_string(i), Hour(10 * i), i % 2 == 1 ? 1.0 : 0.0});
  EXPECT_EQ(monitor->Report(Hour(9)).live.count, 1u);
  const auto report = monitor->Report(Hour(30));
  EXPECT_EQ(report.live.count, 4u);
  EXPECT_EQ(*report.live.auc, 1.0);
  EXPECT_EQ(*report.baseline.auc, 1.0);
  EXPECT_LT(*report.live.log_loss, *report.baseline.log_loss);
  EXPECT_EQ(monitor->Report(Hour(48)).live.count, 3u);  // (0, 48]
}

TEST(MonitorTest, WithoutABaselineThereIsNone) {
  const auto monitor = Create();
  Observation observation = Make("a", Hour(1), 0.5);
  observation.baseline_score.reset();
  monitor->AddObservation(observation);
  monitor->AddLabel({"a", Hour(2), 1});
  EXPECT_EQ(monitor->Report(Hour(2)).live.count, 1u);
  EXPECT_EQ(monitor->Report(Hour(2)).baseline, Performance{});
}

TEST(MonitorTest, MonthsAreLocalAndOfThePrediction) {
  const auto monitor = Create();
  const Instant may = *ParseInstant("2013-05-01T04:00:00Z");  // midnight in New York
  monitor->AddObservation(Make("april", may - std::chrono::minutes(1), 0.5));
  monitor->AddObservation(Make("may", may, 0.5));
  monitor->AddLabel({"april", may + hours(3), 1});
  const auto months = monitor->Months();
  ASSERT_EQ(months.size(), 2u);
  EXPECT_EQ(months[0].month, "2013-04");
  EXPECT_EQ(months[0].asked, 1u);
  EXPECT_EQ(months[0].live.count, 1u);
  EXPECT_EQ(months[1].month, "2013-05");
  EXPECT_EQ(months[1].live.count, 0u);
}

TEST(MonitorTest, RefusesBadOptions) {
  EXPECT_FALSE(Monitor::Create({}).has_value());
  EXPECT_FALSE(
      Monitor::Create({.drift_window = hours(1), .performance_window = hours(1), .time_zone = "Mars"}).has_value());
}

// Any order, repeats, retries answered twice with another score, labels first and labels twice: equal reports, bit for
// bit.
TEST(MonitorTest, ReportsDependOnlyOnTheSet) {
  Random random(9);
  struct Item {
    std::optional<Observation> observation;
    std::optional<Label> label;
  };
  std::vector<Item> items;
  for (int i = 0; i < 600; ++i) {
    const std::string id = std::to_string(random.Below(400));
    const Instant time = Hour(static_cast<std::int64_t>(random.Below(1000)));
    if (random.Below(2) == 0) {
      items.push_back({Make(id, time, random.Uniform(), random.Normal() * 20, random.Below(2) == 0 ? "AA" : "B6"), {}});
    } else {
      items.push_back({{}, Label{id, time, static_cast<double>(random.Below(2))}});
    }
  }
  std::vector<std::vector<WindowReport>> reports;
  std::vector<std::vector<MonthReport>> months;
  for (int round = 0; round < 5; ++round) {
    const auto monitor = Create(hours(24 * 7), hours(24 * 5));
    monitor->SetProfile(MakeProfile(), Hour(100));
    for (const Item& item : items) {
      for (std::uint64_t times = 1 + random.Below(2); times > 0; --times) {
        if (item.observation) monitor->AddObservation(*item.observation);
        if (item.label) monitor->AddLabel(*item.label);
      }
    }
    for (int hour = 0; hour <= 1000; hour += 50) {
      if (hour == 0) reports.emplace_back();
      reports.back().push_back(monitor->Report(Hour(hour)));
    }
    months.push_back(monitor->Months());
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[random.Below(i)]);
  }
  for (int round = 1; round < 5; ++round) {
    EXPECT_EQ(reports[0], reports[static_cast<std::size_t>(round)]);
    EXPECT_EQ(months[0], months[static_cast<std::size_t>(round)]);
  }
  EXPECT_GT(reports[0].back().predictions, 10u);
  EXPECT_GT(reports[0].back().live.count, 10u);
}

// A year's traffic with what is old let go between reports answers what a monitor that saw all at once answers.
TEST(MonitorTest, ForgettingChangesNoReport) {
  Random random(2);
  const auto live = Create();
  const auto whole = Create();
  live->SetProfile(MakeProfile());
  whole->SetProfile(MakeProfile());
  std::vector<WindowReport> reports;
  for (int day = 0; day < 60; ++day) {
    for (int i = 0; i < 50; ++i) {
      const std::string id = std::to_string(day * 50 + i);
      const auto observation = Make(id, Hour(day * 24 + i / 3 + 1), random.Uniform(), random.Normal() * 10 + day);
      const Label label{id, Hour(day * 24 + i + 1), static_cast<double>(random.Below(2))};
      for (const auto& monitor : {live.get(), whole.get()}) {
        monitor->AddObservation(observation);
        monitor->AddLabel(label);
      }
    }
    reports.push_back(live->Report(Hour(day * 24 + 24)));
  }
  for (int day = 0; day < 60; ++day)
    EXPECT_EQ(whole->Report(Hour(day * 24 + 24)), reports[static_cast<std::size_t>(day)]) << day;
  EXPECT_EQ(live->Months(), whole->Months());
}

}  // namespace
}  // namespace keelson::monitoring
