#include "data/profile.h"

#include <gtest/gtest.h>

#include <numeric>

namespace keelson::data {
namespace {

Table Numbers(const std::vector<Value>& values, ColumnType type = ColumnType::kDouble) {
  Table table({{"x", type}});
  for (const Value& value : values) EXPECT_TRUE(table.AppendRow({value}).has_value());
  return table;
}

TEST(ProfileTest, DecilesOfAHundredNumbers) {
  std::vector<Value> values;
  for (int i = 100; i >= 1; --i) values.push_back(static_cast<double>(i));
  values.push_back({});
  const Profile profile = ProfileTable(Numbers(values));
  const ColumnProfile& x = *profile.Find("x");
  EXPECT_EQ(profile.rows, 101u);
  EXPECT_EQ(x.edges, (std::vector<double>{10, 20, 30, 40, 50, 60, 70, 80, 90}));
  EXPECT_EQ(x.counts, (std::vector<std::uint64_t>{10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 1}));
  EXPECT_EQ(x.BinOf(10.0), 0u);
  EXPECT_EQ(x.BinOf(10.5), 1u);
  EXPECT_EQ(x.BinOf(std::int64_t{1000}), 9u);
  EXPECT_EQ(x.BinOf(std::monostate{}), 10u);
  EXPECT_EQ(x.BinOf(std::numeric_limits<double>::quiet_NaN()), 10u);
  EXPECT_EQ(x.BinOf(std::string("text")), 10u);
}

TEST(ProfileTest, RepeatedValuesMakeFewerBins) {
  std::vector<Value> flags(99, Value(false));
  flags.push_back(true);
  const Profile flag = ProfileTable(Numbers(flags, ColumnType::kBool));
  EXPECT_EQ(flag.columns[0].edges, (std::vector<double>{0}));
  EXPECT_EQ(flag.columns[0].counts, (std::vector<std::uint64_t>{99, 1, 0}));

  const Profile rare = ProfileTable(Numbers({1.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0}));
  EXPECT_EQ(rare.columns[0].counts, (std::vector<std::uint64_t>{1, 12, 0}));

  const Profile constant = ProfileTable(Numbers({5.0, 5.0}));
  EXPECT_EQ(constant.columns[0].counts, (std::vector<std::uint64_t>{0, 2, 0, 0}));
  EXPECT_EQ(constant.columns[0].BinOf(4.9), 0u);
  EXPECT_EQ(constant.columns[0].BinOf(5.1), 2u);

  const Profile empty = ProfileTable(Numbers({Value{}, Value{}}));
  EXPECT_EQ(empty.columns[0].counts, (std::vector<std::uint64_t>{0, 2}));
}

TEST(ProfileTest, InfinitiesFallIntoTheOuterBins) {
  const double infinity = std::numeric_limits<double>::infinity();
  const Profile profile = ProfileTable(Numbers({-infinity, 1.0, 2.0, 3.0, infinity}), 3);
  EXPECT_EQ(profile.columns[0].edges, (std::vector<double>{1, 2}));
  EXPECT_EQ(profile.columns[0].counts, (std::vector<std::uint64_t>{2, 1, 2, 0}));
}

TEST(ProfileTest, TheFiftyMostFrequentCategories) {
  std::vector<Value> values;
  for (int category = 0; category < 60; ++category) {
    for (int i = 0; i <= 60 - category; ++i) values.push_back("c" + std::to_string(category));
  }
  const Profile profile = ProfileTable(Numbers(values, ColumnType::kString));
  const ColumnProfile& x = profile.columns[0];
  EXPECT_EQ(x.categories.size(), 50u);
  EXPECT_TRUE(std::is_sorted(x.categories.begin(), x.categories.end()));
  EXPECT_EQ(x.counts[x.BinOf(std::string("c0"))], 61u);
  EXPECT_EQ(x.BinOf(std::string("c50")), 50u);
  EXPECT_EQ(x.BinOf(1.0), 50u);
  EXPECT_EQ(x.BinOf({}), 51u);
  EXPECT_EQ(x.counts[50], 65u);  // 11 + 10 + ... + 2
  EXPECT_EQ(std::accumulate(x.counts.begin(), x.counts.end(), std::uint64_t{0}), values.size());
}

TEST(ProfileTest, JsonReadsBackExactly) {
  std::vector<Value> values;
  for (int i = 0; i < 1000; ++i) values.push_back(std::sin(i) / 3 * std::pow(10, i % 30 - 15));
  Table table = Numbers(values);
  table.columns().push_back(Column{"s", ColumnType::kString, {}, {}, {}, {}});
  for (int i = 0; i < 1000; ++i) {
    table.columns()[1].strings.push_back(i % 2 == 0 ? "naïve \"quoted\"\n" : "");
    table.columns()[1].valid.push_back(1);
  }
  const Profile profile = ProfileTable(table);
  const auto back = Profile::FromJson(profile.ToJson());
  ASSERT_TRUE(back.has_value()) << back.error().ToString();
  EXPECT_EQ(back->rows, 1000u);
  ASSERT_EQ(back->columns.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(back->columns[i].name, profile.columns[i].name);
    EXPECT_EQ(back->columns[i].type, profile.columns[i].type);
    EXPECT_EQ(back->columns[i].edges, profile.columns[i].edges);  // bit for bit
    EXPECT_EQ(back->columns[i].categories, profile.columns[i].categories);
    EXPECT_EQ(back->columns[i].counts, profile.columns[i].counts);
  }
  EXPECT_EQ(back->ToJson(), profile.ToJson());
}

TEST(ProfileTest, BadJsonIsRefused) {
  for (const char* text :
       {"", "[]", "{}", "{\"rows\":-1,\"columns\":[]}",
        R"({"rows":1,"columns":[{"name":"x","type":"double","edges":[],"counts":[-1,0]}]})",
        "{\"rows\":1,\"columns\":[{\"name\":\"x\"}]}",
        R"({"rows":1,"columns":[{"name":"x","type":"float","edges":[],"counts":[0,0]}]})",
        R"({"rows":1,"columns":[{"name":"x","type":"double","edges":[1],"counts":[0,0]}]})",
        R"({"rows":1,"columns":[{"name":"x","type":"double","edges":[2,1],"counts":[0,0,0,0]}]})",
        R"({"rows":1,"columns":[{"name":"x","type":"string","categories":["b","a"],"counts":[0,0,0,0]}]})",
        R"({"rows":1,"columns":[{"name":"x","type":"double","edges":[],"counts":[]}]})"}) {
    const auto profile = Profile::FromJson(text);
    ASSERT_FALSE(profile.has_value()) << text;
    EXPECT_EQ(profile.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(PopulationStabilityIndexTest, KnownValues) {
  EXPECT_EQ(PopulationStabilityIndex({10, 20, 30}, {100, 200, 300}), 0);
  EXPECT_EQ(PopulationStabilityIndex({0, 0}, {1, 2}), 0);
  EXPECT_EQ(PopulationStabilityIndex({1, 2}, {0, 0}), 0);
  // (0.4 - 0.5) ln(0.4 / 0.5) + (0.6 - 0.5) ln(0.6 / 0.5)
  EXPECT_NEAR(PopulationStabilityIndex({50, 50}, {40, 60}), 0.04054651081081644, 1e-15);
  // A bin empty on one side counts as 0.0001: (0.0001 - 0.5) ln(0.0002) + (1 - 0.5) ln 2
  EXPECT_NEAR(PopulationStabilityIndex({1, 1}, {0, 2}), 0.4999 * std::log(5000) + 0.5 * std::log(2), 1e-12);
}

}  // namespace
}  // namespace keelson::data
