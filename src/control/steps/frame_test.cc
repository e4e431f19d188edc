#include "control/steps/frame.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/temp_folder.h"

namespace keelson::control::steps {
namespace {

using std::chrono::hours;
using testing::ElementsAre;

Instant Day(int day) {
  return InstantFromMicros(0) + hours(24 * day);
}

// Rows whose days are given; the delay of the third is not known.
data::Table Trips(const std::vector<int>& days) {
  data::Table table(
      {{"at", data::ColumnType::kTimestamp}, {"from", data::ColumnType::kString}, {"delay", data::ColumnType::kInt64}});
  for (std::size_t i = 0; i < days.size(); ++i) {
    const data::Value delay = i == 2 ? data::Value{} : data::Value{std::int64_t{days[i] * 10}};
    EXPECT_TRUE(table.AppendRow({Day(days[i]), std::string(1, static_cast<char>('a' + i)), delay}));
  }
  return table;
}

TEST(FrameTest, RowsAreSplitByTimeAndThoseWithoutALabelLeftOut) {
  const data::Table trips = Trips({9, 1, 3, 8, 2, 4, 11});
  const auto rows = ChooseFrameRows(trips, "at", "", "delay > 30", Day(10), {}, hours(24 * 3));
  ASSERT_TRUE(rows) << rows.error().ToString();
  EXPECT_THAT(rows->train, ElementsAre(1, 4, 5));
  EXPECT_THAT(rows->test, ElementsAre(3, 0)) << "in (7, 10]";
  const auto shorter = ChooseFrameRows(trips, "at", "", "delay > 30", Day(10), hours(24 * 5), hours(24 * 3));
  EXPECT_THAT(shorter->train, ElementsAre(5)) << "in (2, 7]";
}

TEST(FrameTest, TheOrderIsTheSameHoweverTheRowsCame) {
  const data::Table trips = Trips({9, 1, 3, 8, 1, 8, 1});
  const std::vector<std::size_t> came = {6, 5, 0, 4, 3, 2, 1};
  const auto names = [](const data::Table& table) {
    const auto rows = ChooseFrameRows(table, "at", "from", "delay > 30", Day(10), {}, hours(24 * 3)).value();
    std::string order;
    for (const auto* part : {&rows.train, &rows.test}) {
      for (const std::size_t row : *part) order += table.Find("from")->strings[row];
    }
    return order;
  };
  EXPECT_EQ(names(trips), "begdfa");
  EXPECT_EQ(names(trips.Take(came)), "begdfa");
}

TEST(FrameTest, AnEmptyPartIsSaidWithItsNumbers) {
  const auto rows = ChooseFrameRows(Trips({1, 2, 3}), "at", "", "delay > 30", Day(10), {}, hours(24 * 3));
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(rows.error().message.find("2 labelled rows to train on and 0 to test on"), std::string::npos);
  EXPECT_FALSE(ChooseFrameRows(Trips({1, 2}), "when", "", "delay > 30", Day(10), {}, hours(24)));
  EXPECT_FALSE(ChooseFrameRows(Trips({1, 2}), "at", "", "lateness > 30", Day(10), {}, hours(24)));
}

TEST(FrameTest, InputsFeaturesLabelAndTimeStandTogetherAndReadBack) {
  const data::Table trips = Trips({9, 1, 3, 8, 2, 4});
  const auto rows = ChooseFrameRows(trips, "at", "", "delay > 30", Day(10), {}, hours(24 * 3)).value();
  std::vector<std::size_t> order = rows.train;
  order.insert(order.end(), rows.test.begin(), rows.test.end());
  data::Table features(data::Schema{{"mean", data::ColumnType::kDouble}});
  for (const std::size_t row : order) ASSERT_TRUE(features.AppendRow({static_cast<double>(row)}));
  const auto frame = MakeFrame(rows, trips.Take(order), features, {"from"}, "at", nullptr);
  ASSERT_TRUE(frame) << frame.error().ToString();
  ASSERT_EQ(frame->train.rows(), 3u);
  ASSERT_EQ(frame->test.rows(), 2u);
  EXPECT_THAT(frame->train.Find("from")->strings, ElementsAre("b", "e", "f"));
  EXPECT_THAT(frame->train.Find("mean")->doubles, ElementsAre(1, 4, 5));
  EXPECT_THAT(frame->train.Find(kLabelColumn)->doubles, ElementsAre(0, 0, 1));
  EXPECT_THAT(frame->test.Find(kLabelColumn)->doubles, ElementsAre(1, 1));
  EXPECT_EQ(frame->encoder.inputs().size(), 2u);

  const auto folder = io::TempFolder::Make().value();
  ASSERT_TRUE(WriteFrame(*frame, folder.File("frame")));
  const auto read = ReadFrame(folder.File("frame"));
  ASSERT_TRUE(read) << read.error().ToString();
  EXPECT_EQ(MatrixOf(read->train, read->encoder)->Hash(), MatrixOf(frame->train, frame->encoder)->Hash());

  EXPECT_FALSE(MakeFrame(rows, trips.Take(order), {}, {"to"}, "at", nullptr));
}

}  // namespace
}  // namespace keelson::control::steps
