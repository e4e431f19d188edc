#include "tracking/run_columns.h"

#include <gtest/gtest.h>

namespace keelson::tracking {
namespace {

MetricColumn::Value Number(double number) {
  return {MetricColumn::Value::kNumber, number};
}

TEST(MetricColumnTest, KeepsWhatItWasGivenAndFloatsForAsLongAsTheyAreExact) {
  MetricColumn column;
  column.Set(5, Number(0.5));
  const std::size_t floats = column.bytes();
  EXPECT_GE(floats, kPieceRows * sizeof(float));
  EXPECT_LT(floats, kPieceRows * sizeof(double));
  column.Set(6, {MetricColumn::Value::kNan, 0});
  EXPECT_EQ(column.bytes(), floats);
  column.Set(7, Number(0.1));
  EXPECT_GE(column.bytes(), kPieceRows * sizeof(double));
  EXPECT_EQ(column.At(5).number, 0.5);
  EXPECT_EQ(column.At(6).kind, MetricColumn::Value::kNan);
  EXPECT_EQ(column.At(7).number, 0.1);
  EXPECT_EQ(column.At(8).kind, MetricColumn::Value::kMissing);
  EXPECT_EQ(column.At(1'000'000).kind, MetricColumn::Value::kMissing);
  column.Set(5, {});
  EXPECT_EQ(column.At(5).kind, MetricColumn::Value::kMissing);
}

// A key that only late runs have: what leads to its pieces is memory too, and RunIndex::Options::most_bytes a promise.
TEST(MetricColumnTest, CountsWhatLeadsToThePiecesOfLateRuns) {
  constexpr std::size_t kLate = 10'000'000;
  MetricColumn metric;
  metric.Set(kLate, {});
  EXPECT_EQ(metric.bytes(), 0u) << "no value, no memory";
  metric.Set(kLate, Number(1));
  EXPECT_GE(metric.bytes(), kLate / kPieceRows * sizeof(void*));
  TextColumn text;
  text.Set(kLate, "x");
  EXPECT_GE(text.bytes(), kLate / kPieceRows * sizeof(void*));
  EXPECT_EQ(text.Text(text.CodeAt(kLate)), "x");
}

TEST(TextColumnTest, GivesUpAKeyThatNearlyEveryRunHasAnotherValueOf) {
  TextColumn column;
  for (std::size_t i = 0; i < 900; ++i) column.Set(i, "u" + std::to_string(i));
  EXPECT_FALSE(column.gave_up());
  EXPECT_EQ(column.Text(column.CodeAt(899)), "u899");
  for (std::size_t i = 900; i < 1100; ++i) column.Set(i, "u" + std::to_string(i));
  EXPECT_TRUE(column.gave_up());
  EXPECT_EQ(column.bytes(), 0u);
  EXPECT_EQ(column.CodeAt(5), 0u);
  column.Set(5, "again");
  EXPECT_EQ(column.CodeAt(5), 0u);
}

}  // namespace
}  // namespace keelson::tracking
