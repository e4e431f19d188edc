#include "features/as_of.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::features {
namespace {

using data::ColumnType;
using testing::ElementsAre;
using testing::HasSubstr;

const data::Schema kSchema = {{"id", ColumnType::kString},
                              {"at", ColumnType::kTimestamp},
                              {"landed", ColumnType::kTimestamp},
                              {"delay", ColumnType::kDouble},
                              {"gate", ColumnType::kString}};

data::Value At(std::int64_t second) {
  return InstantFromMicros(second * 1'000'000);
}

data::Table Make(const std::vector<std::vector<data::Value>>& rows) {
  data::Table table(kSchema);
  for (const auto& row : rows) EXPECT_TRUE(table.AppendRow(row).has_value());
  return table;
}

std::vector<data::Value> Row(const data::Table& table, std::size_t row) {
  std::vector<data::Value> cells;
  for (std::size_t i = 0; i < table.columns().size(); ++i) cells.push_back(table.At(row, i));
  return cells;
}

const std::vector<data::Value> kA = {std::string("a"), At(10), At(20), 5.0, std::string("C3")};
const std::vector<data::Value> kB = {std::string("b"), At(15), {}, 7.0, std::string("C4")};

TEST(VisibleAtTest, RowsByTheirTimeAndValuesByTheirs) {
  const data::Table table = Make({kA, kB, {std::string("c"), {}, At(1), 1.0, {}}});
  const std::map<std::string, std::string> known = {{"delay", "landed"}, {"gate", "landed"}};
  const auto at = [&](std::int64_t second) {
    return *VisibleAt(table, "at", known, InstantFromMicros(second * 1'000'000));
  };
  EXPECT_EQ(at(9).rows(), 0u);
  ASSERT_EQ(at(10).rows(), 1u);
  EXPECT_EQ(Row(at(10), 0), (std::vector<data::Value>{std::string("a"), At(10), {}, {}, {}}));
  ASSERT_EQ(at(19).rows(), 2u);
  EXPECT_EQ(Row(at(20), 0), kA);
  // Never said to be known: never seen, though a value is there.
  EXPECT_EQ(Row(at(1000), 1), (std::vector<data::Value>{std::string("b"), At(15), {}, {}, {}}));
  EXPECT_EQ(at(1000).rows(), 2u);
  EXPECT_EQ(at(10).columns()[3].doubles[0], 0);  // the masked number itself is gone
  EXPECT_EQ(at(10).columns()[4].strings[0], "");
}

TEST(VisibleAtTest, WhatIsVisibleKeepsItsOrderAndItsCells) {
  const auto row = [](const std::string& id, std::int64_t at) {
    return std::vector<data::Value>{id + " with a name of some length", At(at), At(at), 0.5, std::string("C3")};
  };
  const auto seen = VisibleAt(Make({row("late", 30), row("a", 3), row("later", 40), row("b", 1), row("c", 2)}), "at",
                              {{"delay", "landed"}}, InstantFromMicros(20'000'000));
  ASSERT_EQ(seen->rows(), 3u);
  EXPECT_EQ(Row(*seen, 0), row("a", 3));
  EXPECT_EQ(Row(*seen, 1), row("b", 1));
  EXPECT_EQ(Row(*seen, 2), row("c", 2));
}

TEST(VisibleAtTest, WithoutTimeEverythingIsVisible) {
  EXPECT_EQ(VisibleAt(Make({kA, kB}), "", {}, Instant{})->rows(), 2u);
  EXPECT_EQ(Row(*VisibleAt(Make({kA}), "at", {}, InstantFromMicros(10'000'000)), 0), kA);
}

TEST(VisibleAtTest, RefusesColumnsThatAreNot) {
  EXPECT_EQ(VisibleAt(Make({}), "when", {}, Instant{}).error().code, ErrorCode::kNotFound);
  EXPECT_THAT(VisibleAt(Make({}), "delay", {}, Instant{}).error().message, HasSubstr("double, not timestamp"));
  EXPECT_FALSE(VisibleAt(Make({}), "at", {{"delay", "gate"}}, Instant{}).has_value());
  EXPECT_FALSE(VisibleAt(Make({}), "at", {{"dely", "landed"}}, Instant{}).has_value());
}

TEST(UpsertTest, TheLastRowOfAKeyStandsWhereTheFirstStood) {
  auto newer = kA;
  newer[3] = 6.0;
  auto newest = kA;
  newest[3] = 7.0;
  const auto merged = Upsert(Make({kA, kB}), Make({{std::string("c"), At(1), {}, {}, {}}, newer, newest}), "id");
  ASSERT_TRUE(merged.has_value());
  EXPECT_THAT(merged->columns()[0].strings, ElementsAre("a", "b", "c"));
  EXPECT_EQ(Row(*merged, 0), newest);
  EXPECT_EQ(Upsert(*merged, Make({newest, kB}), "id")->rows(), 3u);  // the same again changes nothing
}

TEST(UpsertTest, WithoutAKeyEqualRowsAreOne) {
  auto other = kA;
  other[4] = std::string("C5");
  EXPECT_EQ(Upsert(Make({kA, kB}), Make({kA, other}), "")->rows(), 3u);
}

TEST(UpsertTest, RefusesWhatDoesNotFit) {
  EXPECT_EQ(Upsert(Make({kA}), data::Table({{"id", ColumnType::kString}}), "id").error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(Upsert(Make({kA}), Make({}), "key").error().code, ErrorCode::kNotFound);
  auto nameless = kA;
  nameless[0] = data::Value{};
  EXPECT_THAT(Upsert(Make({kA}), Make({nameless}), "id").error().message, HasSubstr("row 1 has no \"id\""));
}

}  // namespace
}  // namespace keelson::features
