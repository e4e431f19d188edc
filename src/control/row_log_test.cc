#include "control/row_log.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "io/temp_folder.h"

namespace keelson::control {
namespace {

using Rows = std::vector<std::vector<data::Value>>;
using data::ColumnType;

const data::Schema kFlights = {
    {"id", ColumnType::kString}, {"delay", ColumnType::kDouble}, {"at", ColumnType::kTimestamp}};
const Instant kNoon = InstantFromMicros(1'364'817'600'000'000);

data::Table TableOf(const data::Schema& schema, const Rows& rows) {
  data::Table table(schema);
  for (const auto& row : rows) EXPECT_TRUE(table.AppendRow(row));
  return table;
}

data::Table Flight(const std::string& id, double delay) {
  return TableOf(kFlights, {{id, delay, kNoon}});
}

Status Ignore(const RowLog::Batch&) {
  return {};
}

class RowLogTest : public testing::Test {
 protected:
  std::unique_ptr<RowLog> Open(const std::string& key = "id") {
    auto log = RowLog::Open(path_, key, [this](const RowLog::Batch& batch) -> Status {
      seen_.push_back(batch.sequence);
      return {};
    });
    EXPECT_TRUE(log) << log.error().ToString();
    return log ? *std::move(log) : nullptr;
  }

  std::vector<RowLog::Batch> Read(std::uint64_t after, std::uint64_t up_to) {
    std::vector<RowLog::Batch> batches;
    const Status read = RowLog::Read(path_, after, up_to, [&](const RowLog::Batch& batch) -> Status {
      batches.push_back(batch);
      return {};
    });
    EXPECT_TRUE(read) << read.error().ToString();
    return batches;
  }

  const io::TempFolder folder_ = io::TempFolder::Make().value();
  const std::string path_ = folder_.File("flights.log");
  std::vector<std::uint64_t> seen_;
};

TEST_F(RowLogTest, ReadsBackEveryTypeAndNull) {
  const data::Schema schema = {{"b", ColumnType::kBool},
                               {"i", ColumnType::kInt64},
                               {"d", ColumnType::kDouble},
                               {"s", ColumnType::kString},
                               {"t", ColumnType::kTimestamp}};
  const Rows rows = {{true, std::int64_t{9'007'199'254'740'993}, 0.1, std::string("a \"quote\"\n"), kNoon},
                     {data::Value{}, data::Value{}, data::Value{}, data::Value{}, data::Value{}}};
  ASSERT_TRUE(Open("")->Append(TableOf(schema, rows), kNoon));

  const auto batches = Read(0, UINT64_MAX);
  ASSERT_EQ(batches.size(), 1u);
  EXPECT_EQ(batches[0].sequence, 1u);
  EXPECT_EQ(batches[0].clock, kNoon);
  EXPECT_EQ(batches[0].rows.schema(), schema);
  for (std::size_t row = 0; row < rows.size(); ++row) {
    for (std::size_t column = 0; column < schema.size(); ++column) {
      EXPECT_EQ(batches[0].rows.At(row, column), rows[row][column]) << row << " " << schema[column].name;
    }
  }
}

TEST_F(RowLogTest, ALogThatIsNotThereHasNoBatches) {
  EXPECT_TRUE(Read(0, UINT64_MAX).empty());
}

TEST_F(RowLogTest, ReadsTheSequencesAskedFor) {
  const auto log = Open();
  for (const char* id : {"a", "b", "c", "d"}) ASSERT_TRUE(log->Append(Flight(id, 1), kNoon));
  const auto ids = [&](std::uint64_t after, std::uint64_t up_to) {
    std::string all;
    for (const auto& batch : Read(after, up_to)) all += std::get<std::string>(batch.rows.At(0, 0));
    return all;
  };
  EXPECT_EQ(ids(0, 4), "abcd");
  EXPECT_EQ(ids(1, 3), "bc");
  EXPECT_EQ(ids(0, 0), "");
  EXPECT_EQ(ids(4, 9), "");
  EXPECT_EQ(ids(3, 9), "d");
}

TEST_F(RowLogTest, GoesOnAfterReopening) {
  ASSERT_TRUE(Open()->Append(Flight("a", 1), kNoon));
  {
    const auto log = Open();
    EXPECT_EQ(seen_, (std::vector<std::uint64_t>{1}));
    EXPECT_EQ(log->sequence(), 1u);
    EXPECT_EQ(log->OnlyNew(Flight("a", 1))->rows(), 0u) << "what was pushed before the restart is still known";
    ASSERT_TRUE(log->Append(Flight("b", 1), kNoon));
  }
  EXPECT_EQ(Read(0, 9).size(), 2u);
}

TEST_F(RowLogTest, AnEmptyBatchIsNotWritten) {
  const auto log = Open();
  ASSERT_TRUE(log->Append(data::Table(kFlights), kNoon));
  EXPECT_EQ(log->sequence(), 0u);
  EXPECT_TRUE(Read(0, 9).empty());
}

TEST_F(RowLogTest, WithAKeyARowIsNewWhenItDiffersFromTheLastOfItsKey) {
  const auto log = Open();
  ASSERT_TRUE(log->Append(Flight("a", 1), kNoon));
  ASSERT_TRUE(log->Append(Flight("a", 2), kNoon));
  EXPECT_EQ(log->OnlyNew(Flight("a", 2))->rows(), 0u);
  EXPECT_EQ(log->OnlyNew(Flight("a", 1))->rows(), 1u) << "it replaces the later row again";
  EXPECT_EQ(log->OnlyNew(Flight("b", 2))->rows(), 1u);
}

TEST_F(RowLogTest, WithoutAKeyARowIsNewWhenItWasNeverThere) {
  const auto log = Open("");
  ASSERT_TRUE(log->Append(Flight("a", 1), kNoon));
  ASSERT_TRUE(log->Append(Flight("a", 2), kNoon));
  EXPECT_EQ(log->OnlyNew(Flight("a", 1))->rows(), 0u);
  EXPECT_EQ(log->OnlyNew(Flight("a", 3))->rows(), 1u);
  EXPECT_EQ(log->OnlyNew(TableOf(kFlights, {{"b", 1.0, kNoon}, {"b", 1.0, kNoon}}))->rows(), 1u);
}

TEST_F(RowLogTest, OfOneKeyTwiceInABatchTheLastRowCountsSoThatARepeatChangesNothing) {
  const auto log = Open();
  const data::Table batch = TableOf(kFlights, {{"a", 1.0, kNoon}, {"b", 5.0, kNoon}, {"a", 2.0, kNoon}});
  const auto fresh = log->OnlyNew(batch);
  ASSERT_TRUE(fresh);
  ASSERT_EQ(fresh->rows(), 2u);
  EXPECT_EQ(fresh->At(0, 0), data::Value("b"));
  EXPECT_EQ(fresh->At(1, 1), data::Value(2.0));
  ASSERT_TRUE(log->Append(*fresh, kNoon));
  EXPECT_EQ(log->OnlyNew(batch)->rows(), 0u);
}

TEST_F(RowLogTest, LargeWholeKeysAreToldApart) {
  const data::Schema schema = {{"id", ColumnType::kInt64}, {"delay", ColumnType::kDouble}};
  const auto log = Open();
  const data::Table batch =
      TableOf(schema, {{std::int64_t{9'007'199'254'740'992}, 1.0}, {std::int64_t{9'007'199'254'740'993}, 2.0}});
  EXPECT_EQ(log->OnlyNew(batch)->rows(), 2u);
  ASSERT_TRUE(log->Append(batch, kNoon));
  EXPECT_EQ(log->OnlyNew(batch)->rows(), 0u);
}

TEST_F(RowLogTest, ARowWithoutItsKeyIsRefusedWithItsPlace) {
  const auto refused = Open()->OnlyNew(TableOf(kFlights, {{"a", 1.0, kNoon}, {data::Value{}, 1.0, kNoon}}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(refused.error().where, "rows[1]");
}

TEST_F(RowLogTest, EachBatchHasTheColumnsOfItsTime) {
  const data::Schema wider = {
      {"id", ColumnType::kString}, {"delay", ColumnType::kInt64}, {"gate", ColumnType::kString}};
  {
    const auto log = Open();
    ASSERT_TRUE(log->Append(Flight("a", 1.5), kNoon));
    ASSERT_TRUE(log->Append(TableOf(wider, {{"b", std::int64_t{2}, "C4"}}), kNoon));
    ASSERT_TRUE(log->Append(TableOf(wider, {{"c", std::int64_t{3}, "C5"}}), kNoon));
  }
  const auto batches = Read(0, 9);
  ASSERT_EQ(batches.size(), 3u);
  EXPECT_EQ(batches[0].rows.schema(), kFlights);
  EXPECT_EQ(batches[1].rows.schema(), wider);
  EXPECT_EQ(batches[2].rows.At(0, 2), data::Value("C5"));
  EXPECT_EQ(Read(2, 3).at(0).rows.schema(), wider) << "the columns are known also where reading begins later";
}

TEST_F(RowLogTest, ATornTailIsCutAndItsBatchMayComeAgain) {
  {
    const auto log = Open();
    ASSERT_TRUE(log->Append(Flight("a", 1), kNoon));
    ASSERT_TRUE(log->Append(Flight("b", 1), kNoon));
  }
  std::ifstream in(path_, std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(in), {}};
  std::ofstream(path_, std::ios::binary) << whole.substr(0, whole.size() - 3);
  const auto log = Open();
  ASSERT_NE(log, nullptr);
  EXPECT_EQ(log->sequence(), 1u);
  EXPECT_EQ(log->OnlyNew(Flight("b", 1))->rows(), 1u);
}

TEST_F(RowLogTest, DamageIsTold) {
  {
    const auto log = Open();
    ASSERT_TRUE(log->Append(Flight("a", 1), kNoon));
    ASSERT_TRUE(log->Append(Flight("b", 1), kNoon));
  }
  std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(20);
  file.put('\x7f');
  file.close();
  const auto opened = RowLog::Open(path_, "id", Ignore);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kDataLoss);
  const Status read = RowLog::Read(path_, 0, 9, Ignore);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kDataLoss);
}

TEST_F(RowLogTest, WholeFramesThatAreNoBatchesAreDamageToo) {
  for (const char* frame : {"not JSON", "[]", R"({"sequence": 1})", R"({"sequence": "x", "clock": 0, "rows": []})",
                            R"({"schema": [{"name": "a", "type": "colour"}]})",
                            R"({"schema": [{"name": "a", "type": "int64"}, {"name": "b"}]})"}) {
    const io::TempFolder folder = io::TempFolder::Make().value();
    const std::string path = folder.File("x.log");
    ASSERT_TRUE((*io::FrameLog::OpenForAppend(path))->Append(frame));
    const auto opened = RowLog::Open(path, "", Ignore);
    ASSERT_FALSE(opened) << frame;
    EXPECT_EQ(opened.error().code, ErrorCode::kDataLoss) << frame;
  }
}

TEST_F(RowLogTest, AVisitorsErrorEndsTheReading) {
  ASSERT_TRUE(Open()->Append(Flight("a", 1), kNoon));
  const Status read =
      RowLog::Read(path_, 0, 9, [](const RowLog::Batch&) -> Status { return Fail(ErrorCode::kAborted, "enough"); });
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kAborted);
}

}  // namespace
}  // namespace keelson::control
