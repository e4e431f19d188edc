#include "control/pushed_rows.h"

#include <gtest/gtest.h>

#include <fstream>

#include "control/row_codec.h"
#include "control/row_log.h"
#include "io/temp_folder.h"

namespace keelson::control {
namespace {

using data::ColumnType;
using Rows = std::vector<std::vector<data::Value>>;

const data::Schema kFlights = {
    {"id", ColumnType::kString}, {"delay", ColumnType::kDouble}, {"at", ColumnType::kTimestamp}};
const Instant kNoon = InstantFromMicros(1'364'817'600'000'000);

data::Table TableOf(const data::Schema& schema, const Rows& rows) {
  data::Table table(schema);
  for (const auto& row : rows) EXPECT_TRUE(table.AppendRow(row));
  return table;
}

class PushedRowsTest : public testing::Test {
 protected:
  // A log of these batches.
  void Write(const std::vector<data::Table>& batches) {
    const auto log = RowLog::Open(path_, "", [](const RowLog::Batch&) -> Status { return {}; });
    ASSERT_TRUE(log) << log.error().ToString();
    for (const auto& batch : batches) ASSERT_TRUE((*log)->Append(batch, kNoon));
  }
  std::string Ids(std::uint64_t up_to, const data::Schema& schema = kFlights) {
    const auto rows = ReadPushedRows(path_, up_to, schema);
    EXPECT_TRUE(rows) << rows.error().ToString();
    if (!rows) return "";
    EXPECT_EQ(rows->schema(), schema);
    std::string all;
    for (std::size_t row = 0; row < rows->rows(); ++row) all += std::get<std::string>(rows->At(row, 0));
    return all;
  }

  const io::TempFolder folder_ = io::TempFolder::Make().value();
  const std::string path_ = folder_.File("flights.log");
};

TEST_F(PushedRowsTest, RowsUpToASequenceInTheirOrder) {
  EXPECT_EQ(Ids(9), "") << "no log yet";
  Write({TableOf(kFlights, {{"a", 1.0, kNoon}, {"b", data::Value{}, kNoon}}), TableOf(kFlights, {{"c", 2.0, kNoon}}),
         TableOf(kFlights, {{"d", 3.0, kNoon}, {"a", 4.0, kNoon}})});
  EXPECT_EQ(Ids(0), "");
  EXPECT_EQ(Ids(1), "ab");
  EXPECT_EQ(Ids(2), "abc");
  EXPECT_EQ(Ids(3), "abcda");
  EXPECT_EQ(Ids(UINT64_MAX), "abcda");
  const data::Table rows = ReadPushedRows(path_, 9, kFlights).value();
  EXPECT_EQ(rows.At(1, 1), data::Value());
  EXPECT_EQ(rows.At(4, 1), data::Value(4.0));
  EXPECT_EQ(rows.At(4, 2), data::Value(kNoon));
}

TEST_F(PushedRowsTest, BatchesOfOtherColumnsComeWithTheOnesAskedFor) {
  const data::Schema wider = {
      {"id", ColumnType::kString}, {"delay", ColumnType::kInt64}, {"gate", ColumnType::kString}};
  Write({TableOf(kFlights, {{"a", 1.5, kNoon}}), TableOf(wider, {{"b", std::int64_t{2}, "C4"}}),
         TableOf(kFlights, {{"c", 2.5, kNoon}})});
  EXPECT_EQ(Ids(9), "abc");
  EXPECT_EQ(Ids(9, wider), "abc");
  const data::Table rows = ReadPushedRows(path_, 9, wider).value();
  EXPECT_EQ(rows.At(0, 2), data::Value());
  EXPECT_EQ(rows.At(1, 1), data::Value(std::int64_t{2}));
  EXPECT_EQ(rows.At(1, 2), data::Value("C4"));
}

TEST_F(PushedRowsTest, DamageIsTold) {
  Write({TableOf(kFlights, {{"a", 1.0, kNoon}}), TableOf(kFlights, {{"b", 1.0, kNoon}})});
  std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(20);
  file.put('\x7f');
  file.close();
  const auto rows = ReadPushedRows(path_, 9, kFlights);
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(rows.error().where, path_);
}

TEST_F(PushedRowsTest, WholeFramesThatAreNoBatchesAreDamageToo) {
  const std::string batch = EncodeBatch(1, kNoon, TableOf(kFlights, {{"a", 1.0, kNoon}}));
  for (const std::string& frame : {std::string("not a batch"), std::string("B"), batch.substr(0, 16), batch,
                                   batch.substr(0, batch.size() - 1), batch + "x", std::string("C\x01")}) {
    const io::TempFolder folder = io::TempFolder::Make().value();
    const std::string path = folder.File("x.log");
    const auto log = io::FrameLog::OpenForAppend(path);
    if (frame != batch) {  // else before any columns
      ASSERT_TRUE((*log)->Append(EncodeColumns(kFlights)));
    }
    ASSERT_TRUE((*log)->Append(frame));
    const auto rows = ReadPushedRows(path, 9, kFlights);
    ASSERT_FALSE(rows) << frame.size();
    EXPECT_EQ(rows.error().code, ErrorCode::kDataLoss);
    EXPECT_EQ(rows.error().where, path);
  }
}

TEST_F(PushedRowsTest, AHeadIsReadWithoutItsRows) {
  const std::string frame = EncodeBatch(17, kNoon, TableOf(kFlights, {{"a", 1.0, kNoon}}));
  const auto head = DecodeBatchHead(frame);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->sequence, 17u);
  EXPECT_EQ(head->clock, kNoon);
  EXPECT_TRUE(DecodeBatchHead(frame.substr(0, 17)));
  EXPECT_FALSE(DecodeBatchHead(frame.substr(0, 16)));
  EXPECT_FALSE(DecodeBatchHead(EncodeColumns(kFlights)));
  EXPECT_FALSE(DecodeBatchHead(""));
}

}  // namespace
}  // namespace keelson::control
