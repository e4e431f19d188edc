#include "app/replay/past.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::app {
namespace {

using std::chrono::hours;
using testing::ElementsAre;

Instant Day(int day) {
  return InstantFromMicros(0) + hours(24 * day);
}

// A parcel of each day from 1 to 6, known to be late or not two days after it was sent; the first never arrives.
ReplaySource Parcels(bool early = false) {
  ReplaySource source;
  source.name = "parcels";
  source.described.name = "parcels";
  source.described.time = "sent";
  source.described.known = {{"late", "arrived"}};
  source.described.key = "id";
  source.early = early;
  source.rows = data::Table({{"id", data::ColumnType::kString},
                             {"sent", data::ColumnType::kTimestamp},
                             {"late", data::ColumnType::kDouble},
                             {"arrived", data::ColumnType::kTimestamp}});
  for (int day = 1; day <= 6; ++day) {
    const bool lost = day == 1;
    EXPECT_TRUE(source.rows.AppendRow({"p" + std::to_string(day), Day(day), lost ? data::Value{} : data::Value{1.0},
                                       lost ? data::Value{} : data::Value{Day(day + 2)}}));
  }
  return source;
}

// "p1 p2+": the rows seen, + where the outcome is; each is also the row that `which` says.
std::string Told(const ReplaySource& source, int from, int as_of) {
  const auto seen = SeenAt(source, Day(from), Day(as_of));
  EXPECT_TRUE(seen) << seen.error().ToString();
  std::string told;
  for (std::size_t i = 0; i < seen->rows.rows(); ++i) {
    const std::string& id = seen->rows.Find("id")->strings[i];
    EXPECT_EQ(id, source.rows.Find("id")->strings[seen->which[i]]);
    EXPECT_EQ(seen->rows.Find("late")->is_null(i), seen->rows.Find("arrived")->is_null(i));
    told += (told.empty() ? "" : " ") + id + (seen->rows.Find("late")->is_null(i) ? "" : "+");
  }
  return told;
}

TEST(SeenAtTest, AtTheBeginningTheFilesSpeakThatInstantIncluded) {
  EXPECT_EQ(Told(Parcels(), 4, 4), "p1 p2+ p3 p4");
}

TEST(SeenAtTest, LaterWhatBecameKnownButForWhatComesAtTheVeryInstant) {
  EXPECT_EQ(Told(Parcels(), 4, 5), "p1 p2+ p3 p4") << "p3 arrives at day 5, after the clock";
  EXPECT_EQ(Told(Parcels(), 4, 6), "p1 p2+ p3+ p4");
  EXPECT_EQ(Told(Parcels(), 4, 8), "p1 p2+ p3+ p4+ p5+");
  EXPECT_EQ(Told(Parcels(), 4, 9), "p1 p2+ p3+ p4+ p5+ p6+");
}

TEST(SeenAtTest, RowsThatAreToldAsTheyBeginAreSeenWithoutTheirEnd) {
  EXPECT_EQ(Told(Parcels(/*early=*/true), 4, 6), "p1 p2+ p3+ p4 p5");
  EXPECT_EQ(Told(Parcels(/*early=*/true), 4, 7), "p1 p2+ p3+ p4+ p5 p6");
}

TEST(SeenAtTest, ASourceWhoseRowsAreKnownAtOnceAndARowWithoutATime) {
  ReplaySource source = Parcels();
  source.described.known.clear();
  ASSERT_TRUE(source.rows.AppendRow({"lost", {}, {}, {}}));
  const auto seen = SeenAt(source, Day(2), Day(5));
  ASSERT_TRUE(seen);
  EXPECT_THAT(seen->which, ElementsAre(0, 1, 2, 3));
}

}  // namespace
}  // namespace keelson::app
