#include "tracking/metric_history.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <set>

#include "base/clock.h"
#include "base/random.h"
#include "base/sanitized_testing.h"
#include "io/database_testing.h"
#include "io/temp_folder.h"
#include "tracking/runs.h"
#include "tracking/store.h"

namespace keelson::tracking {
namespace {

using Points = std::vector<HistoryPoint>;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

class MetricHistoryTest : public testing::Test {
 protected:
  void SetUp() override {
    database_ = std::move(*io::OpenTestDatabase(folder_.File("keelson.db")));
    store_ = std::move(*Store::Open(*database_, clock_, folder_.File("artifacts")));
    ASSERT_TRUE(store_->CreateRun("0", "r", "r", {}).has_value());
  }
  void Append(const Points& points, std::size_t keys = 1) {
    const Status written =
        database_->Write([&](io::SqlSession& session) { return AppendHistory(session, 1, points, keys); });
    ASSERT_TRUE(written.has_value()) << written.error().ToString();
  }
  void Fold() {
    const Status folded = database_->Write([&](io::SqlSession& session) { return FoldHistory(session, 1); });
    ASSERT_TRUE(folded.has_value()) << folded.error().ToString();
  }
  template <typename Read>
  Points Reading(const Read& read) {
    Points points;
    const Status status = database_->Read([&](io::SqlSession& session) -> Status {
      KEELSON_ASSIGN_OR_RETURN(points, read(session));
      return {};
    });
    EXPECT_TRUE(status.has_value()) << status.error().ToString();
    return points;
  }
  Points History(std::int64_t key, StepRange steps = std::nullopt) {
    return Reading([&](io::SqlSession& session) { return ReadHistory(session, 1, key, steps); });
  }
  Points Sample(std::int64_t key, std::size_t at_most, StepRange steps = std::nullopt) {
    return Reading([&](io::SqlSession& session) { return SampleHistory(session, 1, key, at_most, steps); });
  }
  std::int64_t Count(const std::string& what) {
    std::int64_t count = 0;
    EXPECT_TRUE(database_->Read([&](io::SqlSession& session) -> Status {
      KEELSON_ASSIGN_OR_RETURN(const auto rows, session.Query("SELECT count(*) FROM " + what));
      count = io::AsInt(rows.at(0)[0]);
      return {};
    }));
    return count;
  }

  ManualClock clock_{*ParseInstant("2026-01-01T00:00:00Z")};
  io::TempFolder folder_ = *io::TempFolder::Make();
  std::unique_ptr<io::Database> database_;
  std::unique_ptr<Store> store_;
};

// The plain rule, from all points.
Points Chosen(const Points& all, std::size_t at_most) {
  const std::size_t buckets = std::min(at_most, all.size());
  Points chosen;
  std::size_t place = 0;
  for (std::size_t bucket = 0; bucket < buckets; ++bucket) {
    chosen.push_back(all[place]);
    place += all.size() / buckets + (bucket < all.size() % buckets ? 1 : 0);
  }
  if (!chosen.empty()) chosen.back() = all.back();
  return chosen;
}

TEST_F(MetricHistoryTest, LivesThroughFoldingWhateverTheOrderItCameIn) {
  Random random(11);
  for (int round = 0; round < Rounds(10); ++round) {
    ASSERT_TRUE(database_->Write([&](io::SqlSession& session) -> Status {
      KEELSON_RETURN_IF_ERROR(session.Execute("DELETE FROM metric_log"));
      KEELSON_RETURN_IF_ERROR(session.Execute("DELETE FROM metric_block"));
      return {};
    }));
    std::set<HistoryPoint> expected;
    const std::uint64_t disorder = random.Below(3);  // steps that grow, that repeat, anything
    std::int64_t next = 0;
    for (int batch = 0; batch < 30; ++batch) {
      Points points;
      for (std::uint64_t i = random.Below(400); i > 0; --i) {
        HistoryPoint point{static_cast<std::int64_t>(random.Below(3)), next, static_cast<std::int64_t>(random.Below(3)),
                           static_cast<double>(random.Below(4)), random.Below(50) == 0};
        if (point.is_nan) point.value = 0;
        if (disorder == 2) point.step = static_cast<std::int64_t>(random.Below(4000)) - 2000;
        if (disorder == 0 || random.Below(300) == 0) ++next;
        points.push_back(point);
      }
      Append(points);
      if (random.Below(4) == 0) Append(points);  // a client that tried again
      expected.insert(points.begin(), points.end());
      if (random.Below(3) == 0) Fold();
    }
    for (std::int64_t key = 0; key < 4; ++key) {
      Points all;
      std::ranges::copy_if(expected, std::back_inserter(all), [&](const HistoryPoint& p) { return p.key == key; });
      ASSERT_EQ(History(key), all);
      const std::int64_t from = static_cast<std::int64_t>(random.Below(2000)) - 1000;
      Points some;
      std::ranges::copy_if(all, std::back_inserter(some),
                           [&](const HistoryPoint& p) { return p.step >= from && p.step <= from + 500; });
      EXPECT_EQ(History(key, std::pair(from, from + 500)), some);
      for (const std::size_t at_most : {1U, 2U, 3U, 100U, 1000U, 100'000U}) {
        EXPECT_EQ(Sample(key, at_most), Chosen(all, at_most));
        EXPECT_EQ(Sample(key, at_most, std::pair(from, from + 500)), Chosen(some, at_most));
      }
    }
    Fold();
    EXPECT_EQ(Count("metric_log"), 0);
    // No two blocks of a key overlap.
    EXPECT_EQ(Count("metric_block a JOIN metric_block b ON a.key = b.key AND (b.first_step, b.first_ms, b.first_value, "
                    "b.first_nan) > (a.first_step, a.first_ms, a.first_value, a.first_nan) AND (b.first_step, "
                    "b.first_ms, b.first_value, b.first_nan) <= (a.last_step, a.last_ms, a.last_value, a.last_nan)"),
              0);
  }
}

TEST_F(MetricHistoryTest, ALogIsFoldedBeforeItGrowsLong) {
  std::int64_t step = 0;
  for (int batch = 0; batch < 50; ++batch) {
    Points points;
    for (int i = 0; i < 200; ++i) points.push_back({1, step++, 0, 1, false});
    Append(points);
  }
  EXPECT_LT(Count("metric_log"), 30);
  EXPECT_GE(Count("metric_block"), 8);
  const std::int64_t before = step;
  ASSERT_TRUE(database_->Write([&](io::SqlSession& session) -> Status {
    for (step = before; step < before + 1100; ++step) {
      KEELSON_RETURN_IF_ERROR(AppendHistory(session, 1, {{1, step, 0, 1, false}}, 1));
    }
    return {};
  }));
  EXPECT_LT(Count("metric_log"), 1100);
  EXPECT_EQ(History(1).size(), static_cast<std::size_t>(step));
  // Blocks are filled, not left as they were folded.
  Fold();
  EXPECT_LE(Count("metric_block"), step / static_cast<std::int64_t>(kBlockPoints) + 1);
}

TEST_F(MetricHistoryTest, GoesWithItsRun) {
  Append({{1, 1, 1, 1, false}});
  Fold();
  Append({{1, 2, 1, 1, false}});
  ASSERT_TRUE(database_->Write([&](io::SqlSession& session) -> Status {
    KEELSON_RETURN_IF_ERROR(session.Execute("DELETE FROM run"));
    return {};
  }));
  EXPECT_EQ(Count("metric_log") + Count("metric_block"), 0);
  EXPECT_TRUE(database_->CheckIntegrity()->empty());
}

TEST_F(MetricHistoryTest, PagesGoByTimeWhateverTheSteps) {
  Runs runs(*database_, clock_);
  std::vector<MetricPoint> points;
  for (int i = 0; i < 25; ++i) {
    points.push_back({.key = "m", .value = i == 3 ? kInfinity : i * 0.5, .time_ms = 100 - i / 2, .step = i});
  }
  ASSERT_TRUE(runs.LogBatch("r", points, {}, {}).has_value());
  const auto all = *runs.History({"r", "m", std::nullopt, ""});
  ASSERT_EQ(all.records.size(), 25u);
  EXPECT_EQ(all.next, "");
  EXPECT_EQ(all.records[0].step, 24);
  std::vector<std::int64_t> steps;
  std::string page;
  do {
    const auto some = *runs.History({"r", "m", 4, page});
    EXPECT_LE(some.records.size(), 4u);
    for (const auto& point : some.records) steps.push_back(point.step);
    page = some.next;
  } while (!page.empty());
  ASSERT_EQ(steps.size(), 25u);
  for (std::size_t i = 0; i < steps.size(); ++i) EXPECT_EQ(steps[i], all.records[i].step);
  EXPECT_EQ(runs.History({"r", "m", 4, "00"}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(runs.History({"r", "none", 4, ""})->records.empty());
}

}  // namespace
}  // namespace keelson::tracking
