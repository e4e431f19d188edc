#include "features/online.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <thread>

#include "features/join.h"

namespace keelson::features {
namespace {

using data::ColumnType;
using std::chrono::hours;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsNan;

const data::Schema kFlights = {{"id", ColumnType::kString},        {"at", ColumnType::kTimestamp},
                               {"landed", ColumnType::kTimestamp}, {"delay", ColumnType::kDouble},
                               {"carrier", ColumnType::kString},   {"number", ColumnType::kInt64}};

Definitions Example() {
  Definitions d;
  d.entities = {{"carrier", {"carrier"}}, {"flight", {"carrier", "number"}}};
  d.views = {
      {"c",
       "carrier",
       "flights",
       {},
       {{"mean", "delay", AggregateFunction::kMean, hours(6)}, {"count", "1", AggregateFunction::kCount, hours(24)}}},
      {"f", "flight", "flights", {}, {{"last", "delay", AggregateFunction::kLast, hours(24)}}}};
  d.sources = {{"flights", kFlights, "at", {{"delay", "landed"}}, "id"}};
  return d;
}

Instant Hour(int hour) {
  return Instant{} + hours(24 * 365 + hour);
}

std::vector<data::Value> Flight(const char* id, int at, std::optional<int> landed, double delay,
                                const char* carrier = "UA", int number = 1) {
  std::vector<data::Value> row = {
      std::string(id), Hour(at), {}, {}, std::string(carrier), static_cast<std::int64_t>(number)};
  if (landed) {
    row[2] = Hour(*landed);
    row[3] = delay;
  }
  return row;
}

const std::vector<data::Value> kUnited = {std::string("UA"), std::int64_t{1}};

TEST(OnlineTest, RowsBecomeFeaturesWhenTheyAreKnown) {
  const auto online = *OnlineFeatures::Create(Example());
  EXPECT_THAT(online->feature_names(), ElementsAre("c__mean", "c__count", "f__last"));
  EXPECT_TRUE(online->Uses("flights"));
  ASSERT_TRUE(online->Apply("flights", Flight("a", 1, 3, 10)).has_value());
  ASSERT_TRUE(online->Apply("flights", Flight("b", 2, 4, 20)).has_value());
  EXPECT_THAT(*online->Lookup(kUnited, 1, Hour(0)), ElementsAre(IsNan(), 0, IsNan()));
  EXPECT_THAT(*online->Lookup(kUnited, 1, Hour(2)), ElementsAre(IsNan(), 2, IsNan()));
  EXPECT_THAT(*online->Lookup(kUnited, 1, Hour(3)), ElementsAre(10, 2, 10));
  EXPECT_THAT(*online->Lookup(kUnited, 1, Hour(4)), ElementsAre(15, 2, 20));
  EXPECT_THAT(*online->Lookup(kUnited, 1, Hour(9)), ElementsAre(20, 2, 20));  // (t - window, t]
  EXPECT_THAT(*online->Lookup(kUnited, 1, Hour(25)), ElementsAre(IsNan(), 1, 20));
}

TEST(OnlineTest, ARowAgainReplacesItself) {
  const auto online = *OnlineFeatures::Create(Example());
  ASSERT_TRUE(online->Apply("flights", Flight("a", 1, {}, 0)).has_value());  // planned, not landed
  EXPECT_THAT(*online->Lookup(kUnited, 1, Hour(5)), ElementsAre(IsNan(), 1, IsNan()));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(online->Apply("flights", Flight("a", 1, 3, 10)).has_value());
  EXPECT_THAT(*online->Lookup(kUnited, 1, Hour(5)), ElementsAre(10, 1, 10));
  EXPECT_EQ(online->events(), 3u);
  ASSERT_TRUE(online->Apply("flights", Flight("a", 1, 4, 12)).has_value());  // corrected
  EXPECT_THAT(*online->Lookup(kUnited, 1, Hour(5)), ElementsAre(12, 1, 12));
  EXPECT_THAT(*online->Lookup(kUnited, 1, Hour(3)), ElementsAre(IsNan(), 1, IsNan()));
  ASSERT_TRUE(online->Apply("flights", Flight("a", 1, 4, 12, "AA")).has_value());  // another carrier
  EXPECT_THAT(*online->Lookup(kUnited, 1, Hour(5)), ElementsAre(IsNan(), 0, IsNan()));
  EXPECT_EQ(online->events(), 3u);
}

TEST(OnlineTest, ManyRowsAtOnceAndUnknownEntities) {
  const auto online = *OnlineFeatures::Create(Example());
  ASSERT_TRUE(online->Apply("flights", Flight("a", 1, 2, 10, "UA", 1)).has_value());
  ASSERT_TRUE(online->Apply("flights", Flight("b", 1, 2, 30, "UA", 2)).has_value());
  const std::vector<data::Value> keys = {std::string("UA"), 2.0, std::string("ZZ"), std::int64_t{1}, {}, {},
                                         std::string("UA"), {}};
  EXPECT_THAT(*online->Lookup(keys, 4, Hour(2)),
              ElementsAre(20, 2, 30, IsNan(), 0, IsNan(), IsNan(), 0, IsNan(), 20, 2, IsNan()));
}

TEST(OnlineTest, RefusesWhatDoesNotFitAndChangesNothing) {
  const auto online = *OnlineFeatures::Create(Example());
  ASSERT_TRUE(online->Apply("flights", Flight("a", 1, 2, 10)).has_value());
  auto row = Flight("a", 1, 2, 1e300);
  EXPECT_THAT(online->Apply("flights", row).error().ToString(), HasSubstr("out of range"));
  row[3] = std::string("late");
  EXPECT_FALSE(online->Apply("flights", row).has_value());
  row = Flight("a", 1, 2, 10);
  row[0] = data::Value{};
  EXPECT_THAT(online->Apply("flights", row).error().ToString(), HasSubstr("no \"id\""));
  row.pop_back();
  EXPECT_THAT(online->Apply("flights", row).error().ToString(), HasSubstr("6 cells, not 5"));
  EXPECT_THAT(online->Apply("flight", row).error().ToString(), HasSubstr("did you mean \"flights\""));
  EXPECT_THAT(*online->Lookup(kUnited, 1, Hour(2)), ElementsAre(10, 1, 10));
  EXPECT_THAT(online->Lookup(kUnited, 2, Hour(2)).error().ToString(), HasSubstr("2 rows of 2 keys"));
  EXPECT_THAT(online->Lookup(std::vector<data::Value>{1.0, 1.0}, 1, Hour(2)).error().where, "carrier");
  EXPECT_FALSE(online->Lookup(std::vector<data::Value>{std::string("UA"), 1.5}, 1, Hour(2)).has_value());
}

TEST(OnlineTest, ForgetsOnlyWhatNoLookupMayAsk) {
  const auto keeping = *OnlineFeatures::Create(Example());
  const auto forgetting = *OnlineFeatures::Create(Example(), {.slack = hours(2)});
  for (int hour = 0; hour < 500; ++hour) {
    const auto row = Flight(std::to_string(hour).c_str(), hour, hour + 1, hour % 7);
    ASSERT_TRUE(keeping->Apply("flights", row).has_value());
    ASSERT_TRUE(forgetting->Apply("flights", row).has_value());
    forgetting->Advance(Hour(hour));
    for (const int back : {0, 1, 2}) {
      const auto expected = *keeping->Lookup(kUnited, 1, Hour(hour - back));
      const auto got = *forgetting->Lookup(kUnited, 1, Hour(hour - back));
      for (std::size_t i = 0; i < got.size(); ++i)
        EXPECT_TRUE(got[i] == expected[i] || std::isnan(expected[i])) << hour;
    }
  }
  EXPECT_LT(forgetting->events(), 200u);
  EXPECT_GT(keeping->events(), 1400u);
  EXPECT_EQ(forgetting->Lookup(kUnited, 1, Hour(400)).error().code, ErrorCode::kFailedPrecondition);
  const std::size_t held = forgetting->events();
  ASSERT_TRUE(forgetting->Apply("flights", Flight("3", 3, 4, 99)).has_value());  // long gone
  EXPECT_EQ(forgetting->events(), held);
}

TEST(OnlineTest, OneWriterManyReaders) {
  const auto online = *OnlineFeatures::Create(Example());
  std::atomic<bool> done = false;
  std::atomic<int> wrong = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!done) {
        const auto values = online->Lookup(kUnited, 1, Hour(10));
        if (!values.has_value() || ((*values)[1] > 0 && (*values)[2] != 5)) ++wrong;  // whole rows only
      }
    });
  }
  for (int i = 0; i < 3000; ++i) {
    ASSERT_TRUE(online->Apply("flights", Flight(std::to_string(i).c_str(), 8, 9, 5)).has_value());
    if (i % 100 == 0) online->Advance(Hour(10));
  }
  done = true;
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_THAT(*online->Lookup(kUnited, 1, Hour(10)), ElementsAre(5, 3000, 5));
}

TEST(OnlineTest, LoadsTables) {
  const auto online = *OnlineFeatures::Create(Example());
  data::Table table(kFlights);
  ASSERT_TRUE(table.AppendRow(Flight("a", 1, 2, 10)).has_value());
  ASSERT_TRUE(table.AppendRow(Flight("b", 1, 2, 20)).has_value());
  ASSERT_TRUE(online->Load("flights", table).has_value());
  ASSERT_TRUE(online->Load("flights", table).has_value());
  EXPECT_THAT(*online->Lookup(kUnited, 1, Hour(2)), ElementsAre(15, 2, 20));
  EXPECT_FALSE(online->Load("flights", data::Table({{"id", ColumnType::kString}})).has_value());
}

TEST(PlanTest, MistakesAreNamed) {
  const auto error = [](auto change) {
    Definitions d = Example();
    change(d);
    const auto plan = FeaturePlan::Create(d);
    return plan.has_value() ? "" : plan.error().ToString();
  };
  EXPECT_EQ(error([](Definitions&) {}), "");
  EXPECT_THAT(error([](auto& d) { d.views[0].entity = "carriers"; }),
              HasSubstr("no entity \"carriers\"; did you mean \"carrier\""));
  EXPECT_THAT(error([](auto& d) { d.views[0].source = "flight"; }), HasSubstr("did you mean \"flights\""));
  EXPECT_THAT(error([](auto& d) { d.views[0].aggregates[0].of = "dely"; }),
              HasSubstr("did you mean \"delay\"? (c.mean, column 1)"));
  EXPECT_THAT(error([](auto& d) { d.views[0].aggregates[0].of = "carrier"; }), HasSubstr("mean needs numbers"));
  EXPECT_THAT(error([](auto& d) { d.views[0].aggregates[1].name = "mean"; }), HasSubstr("two features \"c__mean\""));
  EXPECT_THAT(error([](auto& d) { d.views[1].name = "c"; }), HasSubstr("two views \"c\""));
  EXPECT_THAT(error([](auto& d) { d.views[0].ttl = Duration(0); }), HasSubstr("ttl must be positive"));
  EXPECT_THAT(error([](auto& d) { d.views[0].aggregates[0].window = Duration(-1); }), HasSubstr("not be negative"));
  EXPECT_THAT(error([](auto& d) { d.sources[0].time = ""; }), HasSubstr("no time column"));
  EXPECT_THAT(error([](auto& d) { d.sources[0].time = "delay"; }), HasSubstr("must be a timestamp, not double"));
  EXPECT_THAT(error([](auto& d) { d.sources[0].known["delay"] = "lande"; }), HasSubstr("did you mean \"landed\""));
  EXPECT_THAT(error([](auto& d) { d.sources[0].key = "delay"; }), HasSubstr("must not be a double"));
  EXPECT_THAT(error([](auto& d) { d.entities[1].keys[1] = "delay"; }), HasSubstr("\"delay\" is a double"));
  EXPECT_THAT(error([](auto& d) { d.entities[1].keys[1] = "numbr"; }), HasSubstr("did you mean \"number\""));
}

}  // namespace
}  // namespace keelson::features
