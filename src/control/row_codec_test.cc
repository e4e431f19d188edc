#include "control/row_codec.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace keelson::control {
namespace {

using data::ColumnType;

const data::Schema kEveryType = {{"b", ColumnType::kBool},
                                 {"i", ColumnType::kInt64},
                                 {"d", ColumnType::kDouble},
                                 {"s", ColumnType::kString},
                                 {"t", ColumnType::kTimestamp}};
const Instant kNoon = InstantFromMicros(1'364'817'600'000'000);

data::Table Rows() {
  data::Table table(kEveryType);
  EXPECT_TRUE(table.AppendRow({true, std::int64_t{-3}, 0.1, "Zürich", kNoon}));
  EXPECT_TRUE(table.AppendRow({data::Value{}, data::Value{}, data::Value{}, data::Value{}, data::Value{}}));
  EXPECT_TRUE(table.AppendRow({false, std::int64_t{9'007'199'254'740'993}, -0.0, "", kNoon}));
  return table;
}

TEST(RowCodecTest, ColumnsReadBack) {
  const std::string frame = EncodeColumns(kEveryType);
  EXPECT_TRUE(IsColumnsFrame(frame));
  EXPECT_EQ(DecodeColumns(frame).value(), kEveryType);
}

TEST(RowCodecTest, ABatchReadsBackCellByCell) {
  const data::Table rows = Rows();
  const std::string frame = EncodeBatch(17, kNoon, rows);
  EXPECT_FALSE(IsColumnsFrame(frame));
  const auto batch = DecodeBatch(frame, kEveryType);
  ASSERT_TRUE(batch) << batch.error().ToString();
  EXPECT_EQ(batch->sequence, 17u);
  EXPECT_EQ(batch->clock, kNoon);
  ASSERT_EQ(batch->rows.rows(), rows.rows());
  for (std::size_t row = 0; row < rows.rows(); ++row) {
    for (std::size_t column = 0; column < kEveryType.size(); ++column)
      EXPECT_EQ(batch->rows.At(row, column), rows.At(row, column)) << row << " " << kEveryType[column].name;
  }
}

TEST(RowCodecTest, EveryTruncationIsDamage) {
  const std::string columns = EncodeColumns(kEveryType);
  for (std::size_t length = 0; length < columns.size(); ++length)
    EXPECT_FALSE(DecodeColumns(std::string_view(columns).substr(0, length))) << length;
  const std::string batch = EncodeBatch(1, kNoon, Rows());
  for (std::size_t length = 0; length < batch.size(); ++length)
    EXPECT_FALSE(DecodeBatch(std::string_view(batch).substr(0, length), kEveryType)) << length;
  EXPECT_FALSE(DecodeColumns(columns + "x"));
  EXPECT_FALSE(DecodeBatch(batch + "x", kEveryType));
}

TEST(RowCodecTest, ABatchOfOtherColumnsOrOfNoneIsDamage) {
  const std::string batch = EncodeBatch(1, kNoon, Rows());
  EXPECT_FALSE(DecodeBatch(batch, {}));
  EXPECT_FALSE(DecodeBatch(batch, {{"s", ColumnType::kString}}));
  EXPECT_FALSE(DecodeBatch(EncodeColumns(kEveryType), kEveryType));
  EXPECT_FALSE(DecodeColumns(batch));
}

TEST(RowCodecTest, AnyBytesGiveAnErrorOrARowBatchAndNothingElse) {
  Random random(3);
  const std::string batch = EncodeBatch(1, kNoon, Rows());
  for (int i = 0; i < 5'000; ++i) {
    std::string changed = batch;
    changed[random.Below(changed.size())] = static_cast<char>(random.Below(256));
    if (const auto read = DecodeBatch(changed, kEveryType)) {
      for (const auto& column : read->rows.columns()) ASSERT_EQ(column.size(), read->rows.rows());
    }
  }
}

}  // namespace
}  // namespace keelson::control
