#include "control/json_rows.h"

#include <gtest/gtest.h>

namespace keelson::control {
namespace {

using data::ColumnType;

const data::Schema kSchema = {{"id", ColumnType::kString},
                              {"temp", ColumnType::kDouble},
                              {"gusts", ColumnType::kInt64},
                              {"wet", ColumnType::kBool},
                              {"at", ColumnType::kTimestamp}};

JsonRows Read(std::string_view body) {
  auto read = ReadJsonRows(body, kSchema, 3);
  EXPECT_TRUE(read) << read.error().ToString();
  return read ? *std::move(read) : JsonRows{};
}
Error ErrorOf(std::string_view body) {
  const auto read = ReadJsonRows(body, kSchema, 3);
  EXPECT_FALSE(read) << body;
  return read ? Error{} : read.error();
}

TEST(JsonRowsTest, CellsGetTheTypesOfTheirColumns) {
  const JsonRows read = Read(
      R"({"clock": "x", "rows": [{"id": "a", "temp": 7, "gusts": 3.0, "wet": true, "at": "2013-04-01T12:00:00Z"},
                                 {"at": null, "wet": false, "gusts": -4, "temp": 0.5, "id": "\u00fc"}]})");
  EXPECT_EQ(read.rows, 2u);
  EXPECT_TRUE(read.unknown.empty());
  ASSERT_EQ(read.table.schema(), kSchema);
  EXPECT_EQ(read.table.At(0, 1), data::Value(7.0));
  EXPECT_EQ(read.table.At(0, 2), data::Value(std::int64_t{3}));
  EXPECT_EQ(read.table.At(0, 3), data::Value(true));
  EXPECT_EQ(read.table.At(0, 4), data::Value(InstantFromMicros(1'364'817'600'000'000)));
  EXPECT_EQ(read.table.At(1, 0), data::Value("ü"));
  EXPECT_EQ(read.table.At(1, 1), data::Value(0.5));
  EXPECT_EQ(read.table.At(1, 3), data::Value(false));
  EXPECT_EQ(read.table.At(1, 4), data::Value{});
}

TEST(JsonRowsTest, OnlyColumnsThatSomeRowHasAndTheUnknownByName) {
  const JsonRows read = Read(R"({"rows": [{"temp": 1, "zone": 1}, {"id": "b", "area": [1, 2], "zone": null}]})");
  EXPECT_EQ(read.table.schema(), (data::Schema{kSchema[0], kSchema[1]}));
  EXPECT_EQ(read.table.At(0, 0), data::Value{});
  EXPECT_EQ(read.table.At(1, 0), data::Value("b"));
  EXPECT_EQ(read.unknown, (std::vector<std::string>{"area", "zone"}));
}

TEST(JsonRowsTest, OfANameTwiceTheLastCounts) {
  EXPECT_EQ(Read(R"({"rows": [{"temp": 1, "temp": 2}]})").table.At(0, 0), data::Value(2.0));
}

TEST(JsonRowsTest, NoRowsHaveNoColumns) {
  const JsonRows read = Read(R"({"rows": []})");
  EXPECT_EQ(read.rows, 0u);
  EXPECT_TRUE(read.table.columns().empty());
}

TEST(JsonRowsTest, MistakesNameTheirPlace) {
  EXPECT_EQ(ErrorOf(R"({"rows": [{"id": "a"}, {"temp": "warm"}]})").where, "rows[1].temp");
  EXPECT_EQ(ErrorOf(R"({"rows": [{"gusts": 1.5}]})").where, "rows[0].gusts");
  EXPECT_EQ(ErrorOf(R"({"rows": [{"gusts": 18446744073709551615}]})").where, "rows[0].gusts");
  EXPECT_EQ(ErrorOf(R"({"rows": [{"wet": 1}]})").where, "rows[0].wet");
  EXPECT_EQ(ErrorOf(R"({"rows": [{"at": "noon"}]})").where, "rows[0].at");
  EXPECT_EQ(ErrorOf(R"({"rows": [{"id": {"nested": 1}}]})").where, "rows[0].id");
  EXPECT_EQ(ErrorOf(R"({"rows": [{"id": "a"}, 5]})").where, "rows[1]");
  EXPECT_EQ(ErrorOf(R"({"rows": [{}, {}, {}, {}]})").code, ErrorCode::kInvalidArgument);
}

TEST(JsonRowsTest, WhatIsNoBodyIsRefused) {
  for (const char* body :
       {"", "{", "[]", "null", R"({"rows": {}})", R"({"rows": 1})", R"({"row": []})", R"({"rows": [{"id": "a"}]} more)",
        R"({"rows": [{"temp": NaN}]})", R"({"rows": [{"temp": 1e999}]})", R"({"rows": [{"id": "\ud800"}]})",
        "{\"rows\": [{\"id\": \"\xff\"}]}"}) {
    const Error error = ErrorOf(body);
    EXPECT_EQ(error.code, ErrorCode::kInvalidArgument) << body;
    EXPECT_EQ(error.where, "rows") << body;
  }
}

}  // namespace
}  // namespace keelson::control
