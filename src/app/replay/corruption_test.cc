#include "app/replay/corruption.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Result<Corruption> Parse(const std::string& text, const char* zone = "UTC") {
  return ParseCorruption(text, Calendar::Open(zone).value());
}

// Two hours of weather.
Past Weather() {
  Past past;
  ReplaySource source;
  source.name = "weather";
  source.rows = data::Table({{"at", data::ColumnType::kTimestamp}, {"temp", data::ColumnType::kDouble}});
  EXPECT_TRUE(source.rows.AppendRow({InstantFromMicros(1), 50.0}));
  EXPECT_TRUE(source.rows.AppendRow({InstantFromMicros(2), data::Value{}}));
  past.sources.push_back(std::move(source));
  return past;
}

TEST(CorruptionTest, ReadsAChangeOfValuesInTheProjectsTimeZone) {
  const auto read = Parse("weather:2013-07-08..2013-07-15: temp = (temp - 32) / 1.8", "America/New_York");
  ASSERT_TRUE(read) << read.error().ToString();
  EXPECT_EQ(read->source, "weather");
  EXPECT_EQ(FormatInstant(read->from), "2013-07-08T04:00:00Z");
  EXPECT_EQ(FormatInstant(read->to), "2013-07-15T04:00:00Z");
  EXPECT_EQ(read->column, "temp");
  EXPECT_EQ(read->expression, "(temp - 32) / 1.8");
  EXPECT_EQ(read->rename, "");
}

TEST(CorruptionTest, ReadsANewName) {
  const auto read = Parse("weather:2013-07-20..2013-07-21:temp->temperature");
  ASSERT_TRUE(read) << read.error().ToString();
  EXPECT_EQ(read->column, "temp");
  EXPECT_EQ(read->rename, "temperature");
  EXPECT_EQ(read->expression, "");
}

TEST(CorruptionTest, WhatIsNoneIsRefused) {
  for (const char* text : {"", "weather", "weather:2013-07-08:temp=1", "2013-07-08..2013-07-15:temp=1",
                           "weather:2013-07-08..2013-07-15", "weather:2013-07-08..2013-07-15:temp",
                           "weather:2013-07-08..2013-07-15:temp=", "weather:2013-07-08..2013-07-15:=1",
                           "weather:2013-07-08..2013-07-15:temp->", "weather:2013-07-08..2013-07-15:->temp",
                           "weather:soon..later:temp=1"}) {
    const auto read = Parse(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, ErrorCode::kInvalidArgument) << text;
  }
}

TEST(CorruptionTest, NewValuesAreComputedRowByRow) {
  const auto bound = BindCorruptions({*Parse("weather:2013-07-08..2013-07-15:temp=(temp - 32) / 1.8"),
                                      *Parse("weather:2013-07-08..2013-07-15:at->when")},
                                     Weather());
  ASSERT_TRUE(bound) << bound.error().ToString();
  ASSERT_EQ(bound->size(), 2u);
  EXPECT_THAT(bound->at(0).values->doubles, ElementsAre(10, 0));
  EXPECT_THAT(bound->at(0).values->valid, ElementsAre(1, 0)) << "nothing stays nothing";
  EXPECT_FALSE(bound->at(1).values);
}

TEST(CorruptionTest, WhatDoesNotFitTheSourcesIsNamed) {
  const auto refusal = [](const std::string& text) {
    const auto bound = BindCorruptions({*Parse(text)}, Weather());
    EXPECT_FALSE(bound) << text;
    return bound ? "" : bound.error().ToString();
  };
  EXPECT_THAT(refusal("flights:2013-07-08..2013-07-15:temp=1"), HasSubstr("flights"));
  EXPECT_THAT(refusal("weather:2013-07-08..2013-07-15:wind=1"), HasSubstr("weather.wind"));
  EXPECT_THAT(refusal("weather:2013-07-08..2013-07-15:temp=wind * 2"), HasSubstr("wind"));
  EXPECT_NE(refusal("weather:2013-07-08..2013-07-15:temp=temp *"), "");
}

}  // namespace
}  // namespace keelson::app
