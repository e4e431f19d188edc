#include "app/replay/row_text.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace keelson::app {
namespace {

using Json = nlohmann::json;
using data::ColumnType;

Instant At(const char* text) {
  return ParseInstant(text).value();
}

// Two flights; the second has no delay yet and a name that JSON escapes.
ReplaySource Flights() {
  ReplaySource source;
  source.name = "flights";
  source.described.time = "at";
  source.described.key = "id";
  source.described.known = {{"delay", "landed"}};
  source.rows = data::Table({{"id", ColumnType::kString},
                             {"at", ColumnType::kTimestamp},
                             {"landed", ColumnType::kTimestamp},
                             {"delay", ColumnType::kInt64},
                             {"cloudy", ColumnType::kBool},
                             {"miles", ColumnType::kDouble}});
  EXPECT_TRUE(source.rows.AppendRow(
      {"a", At("2013-07-08T10:00:00Z"), At("2013-07-08T12:30:00Z"), std::int64_t{-7}, true, 0.1}));
  EXPECT_TRUE(source.rows.AppendRow(
      {"b \"x\"", At("2013-07-20T10:00:00.5Z"), data::Value{}, data::Value{}, data::Value{}, data::Value{}}));
  return source;
}

Json RowOf(const RowText& text, std::size_t row, bool partial = false) {
  std::string out;
  text.Append(row, partial, out);
  return Json::parse(out);
}

TEST(RowTextTest, EveryCellByItsColumn) {
  const ReplaySource source = Flights();
  const RowText text(source, {});
  EXPECT_EQ(RowOf(text, 0), Json({{"id", "a"},
                                  {"at", "2013-07-08T10:00:00Z"},
                                  {"landed", "2013-07-08T12:30:00Z"},
                                  {"delay", -7},
                                  {"cloudy", true},
                                  {"miles", 0.1}}));
  EXPECT_EQ(RowOf(text, 1).at("id"), "b \"x\"");
  EXPECT_EQ(RowOf(text, 1).at("at"), "2013-07-20T10:00:00.5Z");
  EXPECT_TRUE(RowOf(text, 1).at("miles").is_null());
}

TEST(RowTextTest, APartialRowTellsNothingOfWhatIsKnownLater) {
  const ReplaySource source = Flights();
  const Json row = RowOf(RowText(source, {}), 0, /*partial=*/true);
  EXPECT_TRUE(row.at("delay").is_null());
  EXPECT_TRUE(row.at("landed").is_null());
  EXPECT_EQ(row.at("miles"), 0.1);
}

TEST(RowTextTest, CorruptionsHoldInTheirTimeOnly) {
  Past past;
  past.sources.push_back(Flights());
  const Calendar utc = Calendar::Utc();
  const std::vector<Corruption> corruptions = {
      *ParseCorruption("flights:2013-07-08..2013-07-15:miles=miles * 1.609344", utc),
      *ParseCorruption("flights:2013-07-20..2013-07-21:delay->lateness", utc)};
  const auto bound = BindCorruptions(corruptions, past);
  ASSERT_TRUE(bound) << bound.error().ToString();
  const RowText text(past.sources[0], {&bound->at(0), &bound->at(1)});
  EXPECT_DOUBLE_EQ(RowOf(text, 0).at("miles").get<double>(), 0.1609344);
  EXPECT_TRUE(RowOf(text, 0).contains("delay"));
  EXPECT_FALSE(RowOf(text, 1).contains("delay"));
  EXPECT_TRUE(RowOf(text, 1).contains("lateness"));
}

TEST(CorruptionTest, MistakesAreNamed) {
  const Calendar utc = Calendar::Utc();
  for (const char* bad : {"", "flights", "flights:2013-07-08:miles=1", "flights:2013-07-08..2013-07-15",
                          "flights:2013-07-08..2013-07-15:miles", "flights:2013-07-08..2013-07-15:=1",
                          "flights:2013-07-08..2013-07-15:miles->", "flights:soon..2013-07-15:miles=1"}) {
    EXPECT_FALSE(ParseCorruption(bad, utc)) << bad;
  }
  Past past;
  past.sources.push_back(Flights());
  const auto bind = [&](const char* text) { return BindCorruptions({*ParseCorruption(text, utc)}, past); };
  EXPECT_EQ(bind("trains:2013-07-08..2013-07-15:miles=1").error().where, "trains");
  EXPECT_EQ(bind("flights:2013-07-08..2013-07-15:mile=1").error().where, "flights.mile");
  EXPECT_FALSE(bind("flights:2013-07-08..2013-07-15:miles=miles *"));
}

TEST(RequestTextTest, IsARequestOfTheOpenInferenceProtocol) {
  const ReplaySource source = Flights();
  const RequestText text(source, {"miles", "delay", "cloudy", "id"});
  const Json first = Json::parse(text.Of(0));
  EXPECT_EQ(first.at("id"), "a");
  ASSERT_EQ(first.at("inputs").size(), 4u);
  EXPECT_EQ(first.at("inputs").at(0), Json({{"name", "miles"}, {"shape", {1}}, {"datatype", "FP64"}, {"data", {0.1}}}));
  EXPECT_EQ(first.at("inputs").at(1).at("datatype"), "INT64");
  EXPECT_EQ(first.at("inputs").at(2).at("datatype"), "BOOL");
  EXPECT_EQ(first.at("inputs").at(3).at("datatype"), "BYTES");
  const Json second = Json::parse(text.Of(1));
  EXPECT_EQ(second.at("inputs").at(1),
            Json({{"name", "delay"}, {"shape", {1}}, {"datatype", "FP64"}, {"data", {nullptr}}}))
      << "a whole number that is missing";
  EXPECT_EQ(text.At(1), At("2013-07-20T10:00:00.5Z"));
}

}  // namespace
}  // namespace keelson::app
