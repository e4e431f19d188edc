#include "data/table.h"

#include <gtest/gtest.h>

namespace keelson::data {
namespace {

Table OneOfEach() {
  return Table({{"b", ColumnType::kBool},
                {"i", ColumnType::kInt64},
                {"d", ColumnType::kDouble},
                {"s", ColumnType::kString},
                {"t", ColumnType::kTimestamp}});
}

TEST(TableTest, TypeNamesReadBack) {
  for (const auto type :
       {ColumnType::kBool, ColumnType::kInt64, ColumnType::kDouble, ColumnType::kString, ColumnType::kTimestamp}) {
    EXPECT_EQ(ParseColumnType(ColumnTypeName(type)), type);
  }
  EXPECT_EQ(ParseColumnType("integer"), std::nullopt);
}

TEST(TableTest, AppendedRowsReadBack) {
  Table table = OneOfEach();
  const Instant instant = *ParseInstant("2013-04-01T04:00:00Z");
  ASSERT_TRUE(table.AppendRow({true, std::int64_t{7}, 2.5, std::string("x"), instant}).has_value());
  ASSERT_TRUE(table.AppendRow({{}, {}, {}, {}, {}}).has_value());
  ASSERT_EQ(table.rows(), 2u);
  EXPECT_EQ(table.At(0, 0), Value(true));
  EXPECT_EQ(table.At(0, 1), Value(std::int64_t{7}));
  EXPECT_EQ(table.At(0, 2), Value(2.5));
  EXPECT_EQ(table.At(0, 3), Value(std::string("x")));
  EXPECT_EQ(table.At(0, 4), Value(instant));
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(table.At(1, i), Value{});
  EXPECT_TRUE(std::isnan(table.columns()[1].Number(1)));
  EXPECT_EQ(table.columns()[1].Number(0), 7.0);
}

TEST(TableTest, ConversionsThatLoseNothing) {
  struct Case {
    ColumnType type;
    Value in;
    Value out;
  };
  const std::vector<Case> cases = {
      {ColumnType::kInt64, 3.0, std::int64_t{3}},
      {ColumnType::kInt64, -9223372036854775808.0, std::numeric_limits<std::int64_t>::min()},
      {ColumnType::kInt64, std::numeric_limits<double>::quiet_NaN(), std::monostate{}},
      {ColumnType::kDouble, std::int64_t{3}, 3.0},
      {ColumnType::kDouble, std::numeric_limits<double>::quiet_NaN(), std::monostate{}},
      {ColumnType::kTimestamp, std::string("2013-04-01T06:00:00+02:00"), *ParseInstant("2013-04-01T04:00:00Z")},
  };
  for (const Case& c : cases) {
    const auto value = ConvertValue(c.in, {"x", c.type});
    ASSERT_TRUE(value.has_value()) << value.error().ToString();
    EXPECT_EQ(*value, c.out);
  }
}

TEST(TableTest, AMisfitNamesColumnValueAndTypeAndAppendsNothing) {
  const std::string long_text(1000, 'a');
  const std::vector<std::pair<ColumnType, Value>> cases = {
      {ColumnType::kInt64, 3.5},
      {ColumnType::kInt64, 9223372036854775808.0},
      {ColumnType::kInt64, true},
      {ColumnType::kInt64, std::string("3")},
      {ColumnType::kInt64, std::numeric_limits<double>::infinity()},
      {ColumnType::kBool, std::int64_t{1}},
      {ColumnType::kDouble, std::string("1.0")},
      {ColumnType::kDouble, true},
      {ColumnType::kString, 1.0},
      {ColumnType::kString, std::string("\xff")},
      {ColumnType::kTimestamp, std::string("yesterday")},
      {ColumnType::kTimestamp, std::int64_t{5}},
      {ColumnType::kTimestamp, long_text},
  };
  for (const auto& [type, value] : cases) {
    Table table({{"first", ColumnType::kInt64}, {"wrong", type}});
    const auto status = table.AppendRow({std::int64_t{1}, value});
    ASSERT_FALSE(status.has_value());
    EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(status.error().message.find("\"wrong\""), std::string::npos) << status.error().message;
    EXPECT_NE(status.error().message.find(ColumnTypeName(type)), std::string::npos);
    EXPECT_LT(status.error().message.size(), 200u);
    EXPECT_EQ(table.rows(), 0u);
    EXPECT_TRUE(table.columns()[0].ints.empty());
  }
  Table table = OneOfEach();
  EXPECT_FALSE(table.AppendRow({true}).has_value());
  EXPECT_EQ(table.rows(), 0u);
}

TEST(TableTest, TakeAndAppendTable) {
  Table table = OneOfEach();
  for (std::int64_t i = 0; i < 4; ++i) {
    ASSERT_TRUE(table.AppendRow({{}, i, {}, "s" + std::to_string(i), InstantFromMicros(i)}).has_value());
  }
  Table taken = table.Take({3, 1, 1});
  EXPECT_EQ(taken.columns()[1].ints, (std::vector<std::int64_t>{3, 1, 1}));
  EXPECT_EQ(taken.columns()[3].strings, (std::vector<std::string>{"s3", "s1", "s1"}));
  ASSERT_TRUE(taken.AppendTable(table).has_value());
  EXPECT_EQ(taken.rows(), 7u);
  ASSERT_TRUE(taken.AppendTable(taken).has_value());
  EXPECT_EQ(taken.rows(), 14u);
  EXPECT_EQ(taken.columns()[3].strings.back(), "s3");
  EXPECT_FALSE(taken.AppendTable(Table({{"b", ColumnType::kBool}})).has_value());
  EXPECT_EQ(table.Find("s")->name, "s");
  EXPECT_EQ(table.Find("none"), nullptr);
}

}  // namespace
}  // namespace keelson::data
