#include "serving/payload_parquet.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "io/files.h"
#include "io/temp_folder.h"
#include "serving/payload_log.h"
#include "serving/payload_segments.h"

namespace keelson::serving {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

PayloadRecord RecordOf(const std::string& id, const std::vector<double>& numbers) {
  PayloadRecord record;
  record.request_id = id;
  record.version = "3";
  record.time = InstantFromMicros(1'364'788'800'000'000);
  record.latency_us = 17;
  record.rows = static_cast<std::uint32_t>(numbers.size());
  data::Column x{"x", data::ColumnType::kDouble, {}, {}, {}, {}};
  data::Column carrier{"carrier", data::ColumnType::kString, {}, {}, {}, {}};
  for (const double number : numbers) {
    x.doubles.push_back(number);
    x.valid.push_back(std::isnan(number) ? 0 : 1);
    carrier.strings.emplace_back("UA");
    carrier.valid.push_back(1);
    record.outputs.push_back(static_cast<float>(number) / 2);
  }
  record.inputs = {x, carrier};
  return record;
}

class PayloadParquetTest : public testing::Test {
 protected:
  std::unique_ptr<PayloadWriter> Writer(const std::string& folder, std::uint64_t segment_bytes = 1) {
    auto writer = PayloadWriter::Open(
        from_ + "/" + folder,
        {"flights", "3", {{"x", data::ColumnType::kDouble}, {"carrier", data::ColumnType::kString}}, {"probability"}},
        {.segment_bytes = segment_bytes});
    EXPECT_TRUE(writer.has_value());
    return std::move(*writer);
  }
  Result<PayloadExport> Export(bool remove = false) {
    return ExportPayload(
        *engine_, {from_, to_, remove, batch_bytes_}, [](const std::string&, double) {}, [] { return false; });
  }
  std::vector<std::string> Ids() {
    const auto table = engine_->Query(
        fmt::format("SELECT request_id || '#' || row AS id FROM read_parquet('{}/**/*.parquet') ORDER BY id", to_));
    EXPECT_TRUE(table.has_value()) << table.error().ToString();
    return table ? table->columns()[0].strings : std::vector<std::string>{};
  }

  io::TempFolder temp_ = std::move(*io::TempFolder::Make());
  std::string from_ = temp_.File("payload"), to_ = temp_.File("parquet");
  std::uint64_t batch_bytes_ = 64u << 20;
  std::unique_ptr<data::Engine> engine_ = std::move(*data::Engine::Open({}));
};

TEST_F(PayloadParquetTest, TurnsWhatIsClosedAndLeavesWhatIsOpen) {
  auto writer = Writer("3/a");
  for (const char* id : {"q1", "q2", "q3"}) ASSERT_TRUE(writer->Append(RecordOf(id, {1.5, std::nan("")})));
  const auto done = Export();
  ASSERT_TRUE(done.has_value()) << done.error().ToString();
  EXPECT_EQ(done->segments, 2u);
  EXPECT_EQ(done->open, 1u);
  EXPECT_EQ(done->rows, 4u);
  EXPECT_THAT(Ids(), ElementsAre("q1#0", "q1#1", "q2#0", "q2#1"));
  const auto table = engine_->Query(fmt::format("SELECT * FROM '{}/3/a/000001.parquet'", to_));
  ASSERT_TRUE(table.has_value());
  EXPECT_EQ(table->schema(), (data::Schema{{"request_id", data::ColumnType::kString},
                                           {"row", data::ColumnType::kInt64},
                                           {"model", data::ColumnType::kString},
                                           {"version", data::ColumnType::kString},
                                           {"time", data::ColumnType::kTimestamp},
                                           {"latency_us", data::ColumnType::kInt64},
                                           {"input_x", data::ColumnType::kDouble},
                                           {"input_carrier", data::ColumnType::kString},
                                           {"output_probability", data::ColumnType::kDouble}}));
  EXPECT_EQ(table->At(0, 3), data::Value("3"));
  EXPECT_EQ(table->At(0, 6), data::Value(1.5));
  EXPECT_EQ(table->At(1, 6), data::Value());
  EXPECT_EQ(table->At(0, 8), data::Value(0.75));
  EXPECT_EQ(table->At(1, 8), data::Value());
  writer.reset();  // the replica ends
  EXPECT_EQ(Export()->segments, 1u);
  EXPECT_EQ(Ids().size(), 6u);
  EXPECT_EQ(Export()->segments, 0u);  // and again: nothing
  EXPECT_EQ(Ids().size(), 6u);
}

TEST_F(PayloadParquetTest, ARetriedRequestIsThereOnceWhoeverAnsweredIt) {
  {
    const auto a = Writer("3/a"), b = Writer("3/b");
    ASSERT_TRUE(a->Append(RecordOf("q1", {1})) && a->Append(RecordOf("q1", {1})));
    ASSERT_TRUE(b->Append(RecordOf("q1", {1})) && b->Append(RecordOf("q2", {1})));
  }
  const auto done = Export();
  ASSERT_TRUE(done.has_value());
  EXPECT_EQ(done->records, 4u);
  EXPECT_EQ(done->repeated, 2u);
  EXPECT_THAT(Ids(), ElementsAre("q1#0", "q2#0"));
  ASSERT_TRUE(Writer("4/c")->Append(RecordOf("q2", {1})));
  EXPECT_EQ(Export()->repeated, 1u);  // known from the files of earlier
  EXPECT_EQ(Ids().size(), 2u);
}

TEST_F(PayloadParquetTest, ARetriedRequestIsThereOnceHoweverFewSegmentsAreInMemory) {
  {
    const auto a = Writer("3/a"), b = Writer("3/b"), c = Writer("4/c");
    ASSERT_TRUE(a->Append(RecordOf("q1", {1})) && a->Append(RecordOf("a", {1})));
    ASSERT_TRUE(b->Append(RecordOf("b", {1})) && b->Append(RecordOf("q1", {1})));
    ASSERT_TRUE(c->Append(RecordOf("q1", {1})) && c->Append(RecordOf("b", {1})));
  }
  batch_bytes_ = 1;
  const auto done = Export(true);
  ASSERT_TRUE(done.has_value()) << done.error().ToString();
  EXPECT_EQ(done->segments, 6u);
  EXPECT_EQ(done->removed, 6u);
  EXPECT_EQ(done->repeated, 3u);
  EXPECT_THAT(Ids(), ElementsAre("a#0", "b#0", "q1#0"));
}

TEST_F(PayloadParquetTest, GoesOnAfterAKillAtAnyOfItsSteps) {
  ASSERT_TRUE(Writer("3/a", 1 << 20)->Append(RecordOf("q1", {1, 2})));
  // Killed while it wrote: half a file that nobody reads.
  ASSERT_TRUE(io::MakeFolders(to_ + "/3/a"));
  ASSERT_TRUE(io::WriteFileAtomically(to_ + "/3/a/000001.parquet.unfinished", "PAR1 half"));
  EXPECT_EQ(Export(true)->removed, 1u);
  EXPECT_THAT(Ids(), ElementsAre("q1#0", "q1#1"));
  EXPECT_FALSE(io::Exists(from_ + "/3/a/000001.seg"));
  EXPECT_FALSE(io::Exists(to_ + "/3/a/000001.parquet.unfinished"));
  // Killed between the file and the taking away.
  ASSERT_TRUE(Writer("3/b", 1 << 20)->Append(RecordOf("q2", {3})));
  ASSERT_EQ(Export()->segments, 1u);
  const auto again = Export(true);
  EXPECT_EQ(again->segments, 0u);
  EXPECT_EQ(again->removed, 1u);
  EXPECT_EQ(Ids().size(), 3u);
}

TEST_F(PayloadParquetTest, TellsADamagedSegmentAndTurnsTheOthers) {
  {
    const auto a = Writer("3/a", 1 << 20), b = Writer("3/b", 1 << 20);
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(a->Append(RecordOf("a" + std::to_string(i), {1})));
    ASSERT_TRUE(b->Append(RecordOf("b", {1})));
  }
  std::string bytes = *io::ReadFile(from_ + "/3/a/000001.seg");
  bytes[bytes.size() / 2] ^= 1;
  ASSERT_TRUE(io::WriteFileAtomically(from_ + "/3/a/000001.seg", bytes));
  const auto done = Export(true);
  ASSERT_TRUE(done.has_value());
  EXPECT_THAT(done->damaged, ElementsAre(HasSubstr("3/a/000001.seg")));
  EXPECT_TRUE(io::Exists(from_ + "/3/a/000001.seg"));
  EXPECT_THAT(Ids(), ElementsAre("b#0"));
  EXPECT_EQ(CountPayloadSegmentsToTurn(from_, to_), 1u);
  EXPECT_EQ(CountPayloadSegmentsToTurn(from_, to_, done->damaged), 0u) << "another look would find it as it is";
  ASSERT_TRUE(Writer("3/c", 1 << 20)->Append(RecordOf("c", {1})));
  EXPECT_EQ(CountPayloadSegmentsToTurn(from_, to_, done->damaged), 1u);
}

TEST_F(PayloadParquetTest, OneAtATimeAndItCanBeToldToEnd) {
  ASSERT_TRUE(Writer("3/a")->Append(RecordOf("q1", {1})));
  ASSERT_TRUE(io::MakeFolders(to_));
  {
    const auto lock = io::FileLock::Acquire(to_ + "/lock");
    ASSERT_TRUE(lock.has_value());
    EXPECT_EQ(Export().error().code, ErrorCode::kFailedPrecondition);
  }
  const auto ended = ExportPayload(
      *engine_, {from_, to_, false}, [](const std::string&, double) {}, [] { return true; });
  EXPECT_EQ(ended.error().code, ErrorCode::kAborted);
  EXPECT_EQ(ExportPayload(
                *engine_, {temp_.File("nothing"), to_, false}, [](const std::string&, double) {}, [] { return false; })
                ->segments,
            0u);
}

Tensor TensorOf(std::string name, Datatype datatype, std::vector<std::int64_t> shape) {
  Tensor tensor;
  tensor.name = std::move(name);
  tensor.datatype = datatype;
  tensor.shape = std::move(shape);
  return tensor;
}

TEST_F(PayloadParquetTest, TurnsTheTensorsOfAModelOfTensors) {
  PayloadSchema schema;
  schema.model = "net";
  schema.version = "2";
  schema.tensors = true;
  {
    auto writer = PayloadWriter::Open(from_ + "/2/a", schema);
    ASSERT_TRUE(writer.has_value());
    PayloadRecord record;
    record.request_id = "q1";
    record.version = "2";
    record.rows = 2;
    record.asked = {TensorOf("x", Datatype::kFp32, {2, 2}), TensorOf("n", Datatype::kInt64, {2, 1}),
                    TensorOf("u", Datatype::kUint64, {2})};
    record.asked[0].floats = {1.5F, std::nanf(""), -2, 3};
    record.asked[1].ints = {7, -8};
    record.asked[2].ints = {-1, 3};
    record.answered = {TensorOf("label", Datatype::kBytes, {2}), TensorOf("p", Datatype::kFp64, {2})};
    record.answered[0].texts = {"a\"b", ""};
    record.answered[1].doubles = {0.25, std::nan("")};
    ASSERT_TRUE((*writer)->Append(record));
    record.request_id = "q2";  // tensors that do not share a first dimension
    record.asked = {TensorOf("x", Datatype::kFp32, {3}), TensorOf("e", Datatype::kBool, {0, 4})};
    record.asked[0].floats = {1, 2, 3};
    record.answered = {TensorOf("p", Datatype::kFp64, {})};
    record.answered[0].doubles = {0.5};
    ASSERT_TRUE((*writer)->Append(record));
  }
  const auto done = Export();
  ASSERT_TRUE(done.has_value()) << done.error().ToString();
  EXPECT_EQ(done->rows, 3u);
  const auto rows = engine_->Query(fmt::format(
      "SELECT concat_ws('|', request_id, row, input_x, coalesce(input_n::VARCHAR, '-'), coalesce(input_u, '-'), "
      "coalesce(output_label, '-'), coalesce(output_p::VARCHAR, '-'), coalesce(input_e, '-')) AS t "
      "FROM read_parquet('{}/**/*.parquet') ORDER BY t",
      to_));
  ASSERT_TRUE(rows.has_value()) << rows.error().ToString();
  EXPECT_THAT(rows->columns()[0].strings, ElementsAre("q1|0|[1.5, null]|7|18446744073709551615|a\"b|0.25|-",
                                                      "q1|1|[-2, 3]|-8|3||-|-", "q2|0|[1, 2, 3]|-|-|-|0.5|[]"));
}

}  // namespace
}  // namespace keelson::serving
