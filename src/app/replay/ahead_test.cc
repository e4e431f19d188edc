#include "app/replay/ahead.h"

#include <gtest/gtest.h>

namespace keelson::app {
namespace {

// Parcels, each known whole when it arrives, and the weather.
class AheadTest : public testing::Test {
 protected:
  AheadTest() {
    ReplaySource parcels{.name = "parcels", .described = {}, .rows = {}};
    parcels.described.time = "sent_at";
    parcels.described.key = "parcel";
    parcels.described.known = {{"hours", "arrived_at"}, {"hurt", "arrived_at"}};
    parcels.rows = data::Table({{"parcel", data::ColumnType::kString}, {"number", data::ColumnType::kInt64}});
    for (const char* key : {"a", "b", "c"}) parcels.rows.columns()[0].AppendFitting(std::string(key));
    for (const std::int64_t number : {1, 1, 2}) parcels.rows.columns()[1].AppendFitting(number);
    ReplaySource weather{.name = "weather", .described = {}, .rows = {}};
    weather.described.time = "observed_at";
    past_.sources = {parcels, weather};
    past_.events.push_back({Instant{}, ReplayEvent::Kind::kRow, 0, 0});
    past_.events.push_back({Instant{}, ReplayEvent::Kind::kAsk, 0, 1});
  }
  static Corruption Of(const std::string& source, const std::string& column) {
    return {.source = source, .from = {}, .to = {}, .column = column, .expression = "1", .rename = ""};
  }
  project::Source& parcels() { return past_.sources[0].described; }

  Past past_;
};

TEST_F(AheadTest, RowsThatAreKnownWholeWhenTheyArePushedMayRunAhead) {
  EXPECT_TRUE(MayRunAhead(past_, {}));
  EXPECT_TRUE(MayRunAhead(past_, {Of("weather", "temp"), Of("parcels", "hours"), Of("weather", "parcel")}));
}

TEST_F(AheadTest, ARowThatComesInPartsMayNot) {
  past_.events.push_back({Instant{}, ReplayEvent::Kind::kPartialRow, 0, 2});
  EXPECT_FALSE(MayRunAhead(past_, {}));
}

TEST_F(AheadTest, ARowOfWhichSomethingIsKnownBeforeItIsPushedMayNot) {
  parcels().known["hurt"] = "opened_at";
  EXPECT_FALSE(MayRunAhead(past_, {}));
}

TEST_F(AheadTest, ARowThatTakesThePlaceOfAnotherMayNot) {
  parcels().key = "number";
  EXPECT_FALSE(MayRunAhead(past_, {}));
  past_.sources[0].rows.columns()[0].strings[2] = "a";
  parcels().key = "parcel";
  EXPECT_FALSE(MayRunAhead(past_, {}));
}

TEST_F(AheadTest, ChangedInstantsAndKeysMayNot) {
  for (const char* column : {"sent_at", "arrived_at", "parcel"}) {
    EXPECT_FALSE(MayRunAhead(past_, {Of("weather", "temp"), Of("parcels", column)})) << column;
  }
}

}  // namespace
}  // namespace keelson::app
