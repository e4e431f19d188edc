#include "tracking/run_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <thread>

#include "base/clock.h"
#include "base/random.h"
#include "base/sanitized_testing.h"
#include "io/database_testing.h"
#include "io/temp_folder.h"
#include "tracking/experiments.h"
#include "tracking/runs.h"
#include "tracking/store.h"

namespace keelson::tracking {
namespace {

const std::vector<std::string> kMetrics = {"a", "b", "c"};
const std::vector<std::string> kTexts = {"p", "q", "r"};
const std::vector<double> kNumbers = {0, 1,    -1,       2.5,   0.1, 1e300, -1e300, 16'777'217, std::nan(""),
                                      3, 1e-9, HUGE_VAL, 1e-320};
// All that a text is compared with; not kRLike, of which some values would be no expressions.
const std::vector<Compare> kOfTexts = {Compare::kEqual,       Compare::kNotEqual, Compare::kLess,
                                       Compare::kLessOrEqual, Compare::kGreater,  Compare::kGreaterOrEqual,
                                       Compare::kLike,        Compare::kILike,    Compare::kIn,
                                       Compare::kNotIn,       Compare::kIsNull,   Compare::kIsNotNull};
const std::vector<std::string> kValues = {"",      "adam",  "Adam", "sgd", "0.1",  "a%m", "a_m",
                                          "ÄPFEL", "äpfel", "[",    "*",   "日本", "b"};

Search SearchFor(std::vector<Condition> conditions, std::vector<Order> order = {}) {
  Search search;
  search.conditions = std::move(conditions);
  search.order = std::move(order);
  return search;
}

Runs::NewRun NewRunOf(Pairs tags = {}) {
  Runs::NewRun run;
  run.name = "n";
  run.tags = std::move(tags);
  return run;
}

class RunIndexTest : public testing::Test {
 protected:
  void SetUp() override {
    database_ = std::move(*io::OpenTestDatabase(folder_.File("keelson.db")));
    store_ = std::move(*Store::Open(*database_, clock_, folder_.File("artifacts")));
    experiments_ = std::make_unique<Experiments>(*database_, clock_);
    indexed_ = std::make_unique<Runs>(*database_, clock_);
    plain_ = std::make_unique<Runs>(*database_, clock_, RunIndex::Options{.most_bytes = 0});
    for (const char* name : {"one", "two"}) ASSERT_TRUE(experiments_->Create(name, "", {}));
    indexed_->index().WaitUntilBuilt();
    plain_->index().WaitUntilBuilt();
  }
  template <typename T>
  const T& One(const std::vector<T>& of) {
    return of[random_.Below(of.size())];
  }
  void MakeRun() {
    Runs::NewRun run = NewRunOf({{One(kTexts), One(kValues)}});
    run.experiment_id = static_cast<std::int64_t>(random_.Below(3));
    run.started_ms = static_cast<std::int64_t>(random_.Below(4));
    const auto made = indexed_->Create(run);
    if (made.has_value()) runs_.push_back(made->id);
  }
  // Anything that changes what a search sees; what is refused is refused.
  void Change() {
    if (runs_.empty() || random_.Below(4) == 0) return MakeRun();
    const std::string& run = One(runs_);
    switch (random_.Below(12)) {
      case 0:
        static_cast<void>(indexed_->Delete(run));
        break;
      case 1:
        static_cast<void>(indexed_->Restore(run));
        break;
      case 2:
        static_cast<void>(indexed_->Update(run, {RunStatus::kFinished, 5, "x"}));
        break;
      case 3:
        static_cast<void>(indexed_->DeleteTag(run, One(kTexts)));
        break;
      case 4:
        static_cast<void>(indexed_->LogParam(run, One(kTexts), One(kValues)));
        break;
      case 5:
        static_cast<void>(store_->LogBatch(run, {}, {{One(kMetrics), One(kNumbers), clock_.WallNow(), 1}}, {}));
        break;
      case 6:
        if (random_.Below(10) == 0) static_cast<void>(experiments_->Delete(1));
        break;
      case 7:
        static_cast<void>(experiments_->Restore(1));
        break;
      case 8:
        if (random_.Below(30) == 0) static_cast<void>(store_->DeleteExperiment("2"));
        break;
      case 9:
        static_cast<void>(store_->EndRun(run, RunStatus::kFailed));
        break;
      default: {
        std::vector<MetricPoint> metrics;
        for (std::uint64_t i = random_.Below(4); i > 0; --i) {
          metrics.push_back({.key = One(kMetrics),
                             .value = One(kNumbers),
                             .time_ms = static_cast<std::int64_t>(random_.Below(3)),
                             .step = static_cast<std::int64_t>(random_.Below(3))});
        }
        static_cast<void>(
            indexed_->LogBatch(run, metrics, {{One(kTexts), One(kValues)}}, {{One(kTexts), One(kValues)}}));
      }
    }
  }
  Condition AnyCondition() {
    Condition condition;
    switch (random_.Below(8)) {
      case 0:
        condition = {Entity::kAttribute, "status", kOfTexts[random_.Below(10)], {}};
        condition.values = {random_.Below(2) == 0 ? "RUNNING" : "FIN%"};
        if (condition.compare == Compare::kIn || condition.compare == Compare::kNotIn) {
          condition.values.emplace_back("FAILED");
        }
        return condition;
      case 1:
        return {Entity::kAttribute,
                "start_time",
                static_cast<Compare>(random_.Below(6)),
                {static_cast<std::int64_t>(random_.Below(4))}};
      case 2:
      case 3:
      case 4: {
        double value = One(kNumbers);
        if (std::isnan(value)) value = 0;
        return {Entity::kMetric,
                random_.Below(20) == 0 ? "none" : One(kMetrics),
                static_cast<Compare>(random_.Below(6)),
                {value}};
      }
      default:
        condition.entity = random_.Below(2) == 0 ? Entity::kParam : Entity::kTag;
        condition.key = random_.Below(20) == 0 ? "none" : One(kTexts);
        condition.compare = One(kOfTexts);
        if (condition.compare == Compare::kIsNull || condition.compare == Compare::kIsNotNull) return condition;
        condition.values.emplace_back(One(kValues));
        if (condition.compare == Compare::kLike || condition.compare == Compare::kILike) {
          static const std::vector<std::string> kPatterns = {"%",   "a%", "A%m", "_dam", "%_%m", "____l",
                                                             "%[%", "*",  "?",   "__",   "%ä%",  "%P%L",
                                                             "a_m", "",   "%%b", "_%_",  "日_"};
          condition.values[0] = One(kPatterns);
        }
        if (condition.compare == Compare::kIn || condition.compare == Compare::kNotIn) {
          condition.values.emplace_back(One(kValues));
        }
        return condition;
    }
  }
  Search AnySearch() {
    Search search;
    for (std::uint64_t i = random_.Below(4); i > 0; --i) search.conditions.push_back(AnyCondition());
    for (std::uint64_t i = random_.Below(3); i > 0; --i) {
      const bool ascending = random_.Below(2) == 0;
      switch (random_.Below(4)) {
        case 0:
          search.order.push_back({Entity::kAttribute, "start_time", ascending});
          break;
        case 1:
          search.order.push_back({random_.Below(2) == 0 ? Entity::kParam : Entity::kTag, One(kTexts), ascending});
          break;
        default:
          search.order.push_back({Entity::kMetric, One(kMetrics), ascending});
      }
    }
    search.at_most = static_cast<std::int64_t>(1 + random_.Below(20));
    return search;
  }
  static std::vector<std::string> Ids(const Page<RunRecord>& page) {
    std::vector<std::string> ids;
    for (const auto& run : page.records) ids.push_back(run.id);
    return ids;
  }

  Random random_{20261130};
  ManualClock clock_{*ParseInstant("2026-01-01T00:00:00Z")};
  io::TempFolder folder_ = *io::TempFolder::Make();
  std::unique_ptr<io::Database> database_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Experiments> experiments_;
  std::unique_ptr<Runs> indexed_;
  std::unique_ptr<Runs> plain_;
  std::vector<std::string> runs_;
};

TEST_F(RunIndexTest, AnswersAsSqlDoesAfterEveryWrite) {
  std::uint64_t searches = 0;
  for (int round = 0; round < Rounds(600); ++round) {
    Change();
    if (round == Rounds(300)) {  // built anew from what there is
      indexed_ = std::make_unique<Runs>(*database_, clock_);
      indexed_->index().WaitUntilBuilt();
      searches = 0;
    }
    Search search = AnySearch();
    const View view = static_cast<View>(random_.Below(3));
    const std::vector<std::int64_t> experiments =
        random_.Below(3) == 0 ? std::vector<std::int64_t>{1, 77} : std::vector<std::int64_t>{0, 1, 2};
    for (int page = 0; page < 3; ++page) {
      const auto ours = indexed_->Find(experiments, search, view);
      const auto theirs = plain_->Find(experiments, search, view);
      ASSERT_TRUE(ours.has_value() && theirs.has_value());
      ++searches;
      ASSERT_EQ(Ids(*ours), Ids(*theirs)) << "round " << round << ", page " << page;
      // A token of the one goes on with the other.
      ASSERT_EQ(ours->next, theirs->next);
      if (ours->next.empty()) break;
      search.page = ours->next;
    }
  }
  EXPECT_EQ(indexed_->index().answers(), searches);
  EXPECT_EQ(plain_->index().answers(), 0u);
}

TEST_F(RunIndexTest, WhatItDoesNotHoldSqlAnswers) {
  Change();
  const auto answers = [&](const Search& search) {
    const auto before = indexed_->index().answers();
    const auto found = indexed_->Find({0, 1, 2}, search, View::kAll);
    EXPECT_TRUE(found.has_value());
    return indexed_->index().answers() - before;
  };
  EXPECT_EQ(answers({}), 1u);
  EXPECT_EQ(answers(SearchFor({{Entity::kAttribute, "run_name", Compare::kEqual, {"n"}}})), 0u);
  EXPECT_EQ(answers(SearchFor({{Entity::kDataset, "name", Compare::kEqual, {"n"}}})), 0u);
  EXPECT_EQ(answers(SearchFor({{Entity::kTag, "p", Compare::kRLike, {"a|b"}}})), 0u);
  EXPECT_EQ(answers(SearchFor({}, {{Entity::kAttribute, "end_time", true}})), 0u);
}

TEST_F(RunIndexTest, AKeyOfManyValuesIsLeftToSql) {
  for (int i = 0; i < 1100; ++i) {
    const auto run = indexed_->Create(NewRunOf({{"unique", "u" + std::to_string(i)}, {"same", "s"}}));
    ASSERT_TRUE(run.has_value());
  }
  const auto find = [&](const std::string& key, const std::string& value) {
    return indexed_->Find({0}, SearchFor({{Entity::kTag, key, Compare::kEqual, {value}}}), View::kAll)->records;
  };
  EXPECT_EQ(find("same", "s").size(), 1000u);
  const auto before = indexed_->index().answers();
  EXPECT_EQ(find("unique", "u1099").size(), 1u);
  EXPECT_EQ(indexed_->index().answers(), before);
}

TEST_F(RunIndexTest, AfterManyChangesSqlAnswersUntilItHasCaughtUp) {
  Runs runs(*database_, clock_, RunIndex::Options{.most_changes = 5, .period = std::chrono::milliseconds(5)});
  runs.index().WaitUntilBuilt();
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(indexed_->Create(NewRunOf()));
  EXPECT_GE(runs.Find({0}, {}, View::kAll)->records.size(), 50u);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  for (const auto before = runs.index().answers(); runs.index().answers() == before;) {
    ASSERT_LT(std::chrono::steady_clock::now(), until);
    EXPECT_GE(runs.Find({0}, {}, View::kAll)->records.size(), 50u);
  }
}

TEST_F(RunIndexTest, WhatNobodyAsksForIsGivenBackAndBuiltAgain) {
  Runs runs(*database_, clock_,
            RunIndex::Options{.idle = std::chrono::seconds(0), .period = std::chrono::milliseconds(5)});
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  runs.index().WaitUntilBuilt();
  while (runs.index().bytes() > 0) ASSERT_LT(std::chrono::steady_clock::now(), until);
  for (auto before = runs.index().answers(); runs.index().answers() == before;) {
    ASSERT_LT(std::chrono::steady_clock::now(), until);
    EXPECT_EQ(Ids(*runs.Find({0, 1, 2}, {}, View::kAll)), Ids(*plain_->Find({0, 1, 2}, {}, View::kAll)));
  }
}

TEST_F(RunIndexTest, SearchersAndWritersDoNotDisturbEachOther) {
  std::atomic<bool> done = false;
  std::vector<std::thread> searchers;
  for (int i = 0; i < 3; ++i) {
    searchers.emplace_back([&] {
      while (!done) {
        const auto found = indexed_->Find(
            {0, 1, 2},
            SearchFor({{Entity::kMetric, "a", Compare::kGreaterOrEqual, {0.0}}}, {{Entity::kMetric, "a", false}}),
            View::kAll);
        ASSERT_TRUE(found.has_value());
        for (std::size_t j = 1; j < found->records.size(); ++j) {
          const auto value = [&](std::size_t at) { return found->records[at].metrics.at(0).value; };
          EXPECT_GE(value(j - 1), value(j));
        }
      }
    });
  }
  for (int i = 0; i < Rounds(60); ++i) {
    const auto made = indexed_->Create(NewRunOf());
    ASSERT_TRUE(made.has_value());
    ASSERT_TRUE(indexed_->LogBatch(made->id, {{.key = "a", .value = static_cast<double>(i % 7)}}, {}, {}));
  }
  done = true;
  for (auto& thread : searchers) thread.join();
}

TEST(IsLike, MatchesAsSqliteDoes) {
  EXPECT_TRUE(IsLike("", "", false));
  EXPECT_TRUE(IsLike("", "%", false));
  EXPECT_FALSE(IsLike("", "_", false));
  EXPECT_TRUE(IsLike("abcabd", "%abd", false));
  EXPECT_TRUE(IsLike("aab", "%a_", false));
  EXPECT_FALSE(IsLike("abc", "ab", false));
  EXPECT_TRUE(IsLike("ABC", "a%c", true));
  EXPECT_FALSE(IsLike("ABC", "a%c", false));
  EXPECT_TRUE(IsLike("ä", "_", false));
  EXPECT_FALSE(IsLike("Ä", "ä", true));
}

}  // namespace
}  // namespace keelson::tracking
