#include "app/backtest/backtest.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "app/backtest/report.h"
#include "app/commands.h"
#include "base/random.h"
#include "io/files.h"
#include "io/temp_folder.h"
#include "project/bundle.h"

namespace keelson::app {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr int kDays = 90;
constexpr int kADay = 60;
constexpr int kTurn = 50;  // from this day on high x means the opposite, and x is larger

constexpr const char* kProject = R"(apiVersion: keelson.dev/v1
kind: Project
metadata: {name: orders, time_zone: UTC}
sources: {orders: {path: orders.csv, time: placed_at, known: {late: done_at}, key: id}}
features:
  entities: {shop: [shop]}
  views: {recent: {entity: shop, source: orders, aggregate: {late_3d: {of: late, fn: mean, window: 3d}}}}
train:
  table: orders
  label: late
  inputs: [shop, x]
  split: {by: time, test: 7d}
  trainer: {xgboost: {rounds: 10, max_depth: 3}}
  declared_duration: 2h
promote: {require: {auc: ">= 0.55"}, not_worse_than: champion, tolerance: 0.01}
serve: {canary: {steps: [50, 100], interval: 12h}}
monitor:
  drift: {threshold: 0.25, window: 5d, columns: [x]}
  performance: {floor: 0.6, window: 5d, labels: orders}
  interval: 1d
  consecutive: 2
  cool_down: 10d
  on_breach: retrain
)";

// A shop whose orders turn on one day.
std::string Orders() {
  std::string csv = "id,placed_at,shop,x,late,done_at\n";
  Random random(7);
  for (int day = 0; day < kDays; ++day) {
    for (int i = 0; i < kADay; ++i) {
      const bool turned = day >= kTurn;
      const double x = random.Uniform() + (turned ? 0.5 : 0);
      const double chance = turned ? 1.4 - x : x;
      const Instant placed =
          ParseInstant("2024-01-01").value() + std::chrono::hours(24 * day) + std::chrono::minutes(i * 24);
      const bool never = random.Below(50) == 0;  // cancelled: its outcome is never known
      csv += fmt::format("o{}-{},{},s{},{:.3f},{},{}\n", day, i, FormatInstant(placed), i % 3, x,
                         never                       ? ""
                         : random.Uniform() < chance ? "1"
                                                     : "0",
                         never ? "" : FormatInstant(placed + std::chrono::hours(5)));
    }
  }
  return csv;
}

class BacktestTest : public testing::Test {
 protected:
  BacktestTest() {
    Write("keelson.yaml", kProject);
    Write("orders.csv", Orders());
    options_.project_folder = folder_.path();
    options_.from = ParseInstant("2024-02-10").value();  // day 40
    options_.cancelled = [] { return false; };
    options_.progress = [](const std::string&, double, const std::string&) {};
  }
  void Write(const std::string& name, const std::string& content) {
    ASSERT_TRUE(io::WriteFileAtomically(folder_.File(name), content));
  }
  void Change(const std::string& from, const std::string& to) {
    std::string text = io::ReadFile(folder_.File("keelson.yaml")).value();
    const std::size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    Write("keelson.yaml", text.replace(at, from.size(), to));
  }
  project::Project Load() const {
    const auto loaded = project::LoadProject(folder_.File("keelson.yaml"));
    EXPECT_TRUE(loaded) << project::ToString(loaded.error());
    return loaded->parsed.project;
  }
  Result<BacktestResult> Run() const { return RunBacktest(Load(), options_); }
  BacktestResult Ran() const {
    auto result = Run();
    EXPECT_TRUE(result) << result.error().ToString();
    return std::move(result).value_or(BacktestResult{});
  }

  const io::TempFolder folder_ = io::TempFolder::Make().value();
  BacktestOptions options_;
};

TEST_F(BacktestTest, SeesTheTurnRetrainsAndGains) {
  const BacktestResult result = Ran();
  EXPECT_EQ(result.asked, 50u * kADay - 1) << "but for the one at the very instant of the beginning";
  EXPECT_LT(result.labelled, result.asked);
  EXPECT_GT(result.labelled, result.asked * 9 / 10);
  ASSERT_FALSE(result.alarms.empty());
  const Instant turn = ParseInstant("2024-01-01").value() + std::chrono::hours(24 * kTurn);
  EXPECT_GT(result.alarms.front().at, turn);
  EXPECT_LT(result.alarms.front().at, turn + std::chrono::hours(24 * 8));

  ASSERT_GE(result.trainings.size(), 2u);
  const Training& first = result.trainings[0];
  EXPECT_EQ(first.as_of, options_.from);
  EXPECT_EQ(first.outcome, "promoted");
  EXPECT_EQ(first.in_service, options_.from + std::chrono::hours(12));
  EXPECT_TRUE(first.champion_metrics.is_null());
  EXPECT_EQ(first.trials, 0);
  // Of what was labelled by then: the last 7 days measure.
  EXPECT_NEAR(static_cast<double>(first.rows), 33 * kADay * 0.98, 30);
  EXPECT_NEAR(static_cast<double>(first.test_rows), 7 * kADay * 0.98, 30);
  const Training& second = result.trainings[1];
  EXPECT_EQ(second.version, 2);
  EXPECT_GT(second.rows, first.rows);
  EXPECT_GT(second.train_seconds, 0);
  EXPECT_FALSE(second.champion_metrics.is_null());

  std::uint64_t promotions = 0;
  for (const Training& training : result.trainings) {
    if (training.outcome != "promoted" || training.version == 1) continue;
    ++promotions;
    // Its declared time, then two steps of the canary.
    EXPECT_EQ(training.in_service, training.as_of + std::chrono::hours(2 + 24));
  }
  ASSERT_GT(promotions, 0u);
  std::uint64_t told = 0;
  for (const auto& month : result.months) told += month.promotions;
  EXPECT_EQ(told, promotions);
  ASSERT_EQ(result.months.size(), 2u);
  const auto& last = result.months.back().report;
  EXPECT_GT(*last.live.auc, *last.baseline.auc + 0.1);
  EXPECT_LT(*last.live.log_loss, *last.baseline.log_loss);
}

TEST_F(BacktestTest, TellsTheSameEveryTimeAndWhateverTheFutureHolds) {
  const auto told = [&](BacktestResult result) {
    for (auto& training : result.trainings)
      training.search_seconds = training.train_seconds = training.other_seconds = 0;
    result.seconds = result.reading_seconds = 0;
    return BacktestJson(Load(), result).dump();
  };
  options_.to = ParseInstant("2024-03-15").value();
  const std::string first = told(Ran());
  EXPECT_EQ(told(Ran()), first);
  // Other rows after the end change nothing.
  std::string csv = io::ReadFile(folder_.File("orders.csv")).value();
  csv.resize(csv.find("o76-"));
  Write("orders.csv", csv);
  EXPECT_EQ(told(Ran()), first);
}

TEST_F(BacktestTest, TheGateKeepsOutWhatIsNotGoodEnough) {
  Change("tolerance: 0.01", "tolerance: 0");
  Change("auc: \">= 0.55\"", "auc: \">= 0.62\"");
  const BacktestResult result = Ran();
  std::size_t kept_out = 0;
  for (const Training& training : result.trainings) {
    if (!training.outcome.starts_with("kept out by the gate: ")) continue;
    ++kept_out;
    EXPECT_EQ(training.in_service, std::nullopt);
  }
  EXPECT_GT(kept_out, 0u);
}

TEST_F(BacktestTest, AnAlertTrainsNothing) {
  Change("on_breach: retrain", "on_breach: alert");
  const BacktestResult result = Ran();
  EXPECT_FALSE(result.alarms.empty());
  EXPECT_EQ(result.trainings.size(), 1u);
  for (const auto& month : result.months) EXPECT_EQ(month.report.live, month.report.baseline);
}

TEST_F(BacktestTest, ExpectationsStopARetrainingAndItIsSaid) {
  Write("suite.json", R"({"name": "s", "expectations": [
    {"type": "expect_column_values_to_be_between", "kwargs": {"column": "x", "max_value": 1.0}}]})");
  Change("features:", "expectations: {orders: suite.json}\nfeatures:");
  const BacktestResult result = Ran();
  ASSERT_GE(result.trainings.size(), 2u);
  EXPECT_EQ(result.trainings[0].outcome, "promoted");
  EXPECT_THAT(result.trainings[1].outcome, StartsWith("stopped by the expectations of orders: "));
  EXPECT_EQ(result.trainings[1].version, std::nullopt);
}

TEST_F(BacktestTest, TheSearchIsRunOnceAndCanBeLeftOut) {
  Change("  declared_duration",
         "  search: {trials: 3, parallel: 2, pruner: none, space: {eta: {float: [0.1, 0.3]}}}\n  declared_duration");
  options_.to = ParseInstant("2024-03-20").value();
  const BacktestResult searched = Ran();
  EXPECT_EQ(searched.trainings[0].trials, 3);
  ASSERT_GE(searched.trainings.size(), 2u);
  EXPECT_EQ(searched.trainings[1].trials, 0);
  options_.search = false;
  EXPECT_EQ(Ran().trainings[0].trials, 0);
}

TEST_F(BacktestTest, WithoutAPerformanceSectionTheGainIsStillTold) {
  Change("  performance: {floor: 0.6, window: 5d, labels: orders}\n", "");
  const BacktestResult result = Ran();
  EXPECT_GT(result.labelled, 0u);
  EXPECT_TRUE(result.months.back().report.live.auc.has_value());
}

TEST_F(BacktestTest, WhatCannotBeLivedThroughIsSaid) {
  const auto fails = [&](ErrorCode code, const std::string& text) {
    const auto result = Run();
    ASSERT_FALSE(result) << text;
    EXPECT_EQ(result.error().code, code) << result.error().ToString();
    EXPECT_THAT(result.error().ToString(), HasSubstr(text));
  };
  options_.from = ParseInstant("2030-01-01").value();
  fails(ErrorCode::kFailedPrecondition, "its rows are of 2024-01-01T00:00:00Z to 2024-03-30T");
  options_.from = ParseInstant("2024-01-01").value();
  fails(ErrorCode::kFailedPrecondition, "0 labelled rows to train on");
  options_.from = ParseInstant("2024-02-10").value();
  options_.cancelled = [] { return true; };
  fails(ErrorCode::kAborted, "");
  options_.cancelled = [] { return false; };
  Change("time: placed_at", "time: when");
  fails(ErrorCode::kInvalidArgument, "no column \"when\"");
  Change("time: when", "time: placed_at");
  const std::string text = io::ReadFile(folder_.File("keelson.yaml")).value();
  Write("keelson.yaml", text.substr(0, text.find("serve:")));  // the monitor watches what is served, so it goes too
  fails(ErrorCode::kFailedPrecondition, "needs a `serve` section");
}

TEST_F(BacktestTest, TheCommandPrintsAllThreeFormats) {
  const auto run = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(),
                     {"backtest", "-f", folder_.File("keelson.yaml"), "--from", "2024-02-10", "--to", "2024-03-01"});
    std::ostringstream out, err;
    const int code = RunCommandLine(Commands(), arguments, {out, err});
    EXPECT_EQ(code, kExitOk) << err.str();
    EXPECT_THAT(err.str(), HasSubstr("living through 2024-02")) << "progress goes to standard error";
    return out.str();
  };
  const std::string table = run({});
  EXPECT_THAT(table, HasSubstr("AUC FROZEN"));
  EXPECT_THAT(table, HasSubstr("gain, mean of the months: live AUC"));
  EXPECT_THAT(table, HasSubstr("cost: "));
  const auto json = nlohmann::json::parse(run({"-o", "json", "--summary", folder_.File("figures.json")}));
  EXPECT_EQ(json.at("project"), "orders");
  EXPECT_EQ(json.at("trainings").at(0).at("declared_seconds"), 7200);
  EXPECT_EQ(nlohmann::json::parse(io::ReadFile(folder_.File("figures.json")).value()), json);
  EXPECT_THAT(run({"-o", "yaml"}), StartsWith("project: orders\n"));
}

}  // namespace
}  // namespace keelson::app
