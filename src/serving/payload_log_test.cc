#include "serving/payload_log.h"

#include <gmock/gmock.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <set>
#include <thread>

#include "io/temp_folder.h"
#include "serving/payload_codec.h"

namespace keelson::serving {
namespace {

PayloadSchema TestSchema() {
  return {"flights",
          "3",
          {{"distance", data::ColumnType::kDouble}, {"carrier", data::ColumnType::kString}},
          {"probability"}};
}

PayloadRecord TestRecord(int number, std::uint32_t rows = 2) {
  PayloadRecord record;
  record.request_id = "r" + std::to_string(number);
  record.version = "3";
  record.time = InstantFromMicros(1'364'788'800'000'000 + number);
  record.latency_us = 17;
  record.rows = rows;
  data::Column distance{"distance", data::ColumnType::kDouble, {}, {}, {}, {}};
  data::Column carrier{"carrier", data::ColumnType::kString, {}, {}, {}, {}};
  for (std::uint32_t i = 0; i < rows; ++i) {
    distance.doubles.push_back(0.1 * number + i);
    distance.valid.push_back(1);
    carrier.strings.push_back(i % 2 == 0 ? "UA" : "");
    carrier.valid.push_back(i % 2 == 0 ? 1 : 0);
    record.outputs.push_back(0.25f * static_cast<float>(i));
  }
  record.inputs = {distance, carrier};
  return record;
}

std::vector<std::string> Ids(const std::vector<PayloadRecord>& records) {
  std::vector<std::string> ids;
  for (const auto& record : records) ids.push_back(record.request_id);
  return ids;
}

std::vector<std::string> ReadAll(PayloadReader& reader) {
  std::vector<std::string> ids;
  for (;;) {
    const auto records = reader.Next();
    EXPECT_TRUE(records.has_value()) << records.error().ToString();
    if (!records || records->empty()) return ids;
    for (const auto& id : Ids(*records)) ids.push_back(id);
  }
}

class PayloadLog : public testing::Test {
 protected:
  io::TempFolder temp_ = std::move(*io::TempFolder::Make());
  std::string folder_ = temp_.File("v3/r1");
};

TEST_F(PayloadLog, GivesBackWhatWasWritten) {
  auto writer = PayloadWriter::Open(folder_, TestSchema());
  ASSERT_TRUE(writer.has_value()) << writer.error().ToString();
  PayloadRecord record = TestRecord(7);
  record.inputs[0].doubles[1] = std::nan("");
  record.inputs[0].valid[1] = 0;
  ASSERT_TRUE((*writer)->Append(record).has_value());
  PayloadReader reader(folder_);
  const auto read = reader.Next();
  ASSERT_TRUE(read.has_value() && read->size() == 1);
  const PayloadRecord& back = read->front();
  EXPECT_EQ(reader.schema(), TestSchema());
  EXPECT_EQ(back.request_id, "r7");
  EXPECT_EQ(back.version, "3");
  EXPECT_EQ(back.time, record.time);
  EXPECT_EQ(back.latency_us, 17);
  EXPECT_EQ(back.inputs[0].doubles[0], record.inputs[0].doubles[0]);
  EXPECT_TRUE(back.inputs[0].is_null(1));
  EXPECT_EQ(back.inputs[1].strings, record.inputs[1].strings);
  EXPECT_EQ(back.inputs[1].valid, record.inputs[1].valid);
  EXPECT_EQ(back.outputs, record.outputs);
}

TEST_F(PayloadLog, IsReadWhileItIsWrittenAcrossSegments) {
  auto writer = *PayloadWriter::Open(folder_, TestSchema(), {.segment_bytes = 300});
  PayloadReader reader(folder_);
  EXPECT_THAT(ReadAll(reader), testing::IsEmpty());
  std::vector<std::string> wanted, seen;
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(writer->Append(TestRecord(i)).has_value());
    wanted.push_back("r" + std::to_string(i));
    if (i % 7 == 0) {
      for (const auto& id : ReadAll(reader)) seen.push_back(id);
    }
  }
  for (const auto& id : ReadAll(reader)) seen.push_back(id);
  EXPECT_EQ(seen, wanted);
  EXPECT_GT(reader.position().segment, "000003.seg");

  PayloadReader resumed(folder_, reader.position());  // as after a restart of the reader
  EXPECT_THAT(ReadAll(resumed), testing::IsEmpty());
  ASSERT_TRUE(writer->Append(TestRecord(99)).has_value());
  EXPECT_THAT(ReadAll(resumed), testing::ElementsAre("r99"));
  EXPECT_EQ(resumed.schema(), TestSchema());
}

TEST_F(PayloadLog, GoesOnBehindATornTailAfterARestart) {
  {
    auto writer = *PayloadWriter::Open(folder_, TestSchema());
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(writer->Append(TestRecord(i)).has_value());
  }
  const std::string first = folder_ + "/000001.seg";
  std::filesystem::resize_file(first, std::filesystem::file_size(first) - 5);  // the third record was never answered
  PayloadReader reader(folder_);
  EXPECT_THAT(ReadAll(reader), testing::ElementsAre("r0", "r1"));
  auto writer = *PayloadWriter::Open(folder_, TestSchema());
  ASSERT_TRUE(writer->Append(TestRecord(3)).has_value());
  EXPECT_THAT(ReadAll(reader), testing::ElementsAre("r3"));
  EXPECT_EQ(reader.position().segment, "000002.seg");
}

TEST_F(PayloadLog, SaysWhereItIsDamaged) {
  auto writer = *PayloadWriter::Open(folder_, TestSchema());
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(writer->Append(TestRecord(i)).has_value());
  writer.reset();
  const std::string path = folder_ + "/000001.seg";
  const auto size = static_cast<std::streamoff>(std::filesystem::file_size(path));
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(size - 4);
  file.put('\x7f');
  file.close();
  PayloadReader reader(folder_);
  const auto whole = reader.Next();
  ASSERT_TRUE(whole.has_value());
  EXPECT_THAT(Ids(*whole), testing::ElementsAre("r0", "r1"));
  const auto damaged = reader.Next();
  ASSERT_FALSE(damaged.has_value());
  EXPECT_EQ(damaged.error().code, ErrorCode::kDataLoss);
  EXPECT_THAT(damaged.error().where, testing::HasSubstr("000001.seg"));
}

TEST_F(PayloadLog, TakesRecordsOfManyThreads) {
  auto writer = *PayloadWriter::Open(folder_, TestSchema(), {.segment_bytes = 2'000});
  std::vector<std::thread> threads;
  for (int k = 0; k < 4; ++k) {
    threads.emplace_back([&writer, k] {
      for (int i = 0; i < 100; ++i) EXPECT_TRUE(writer->Append(TestRecord(k * 100 + i)).has_value());
    });
  }
  for (auto& thread : threads) thread.join();
  PayloadReader reader(folder_);
  const auto ids = ReadAll(reader);
  EXPECT_EQ(ids.size(), 400u);
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), 400u);
}

TEST_F(PayloadLog, SkipsSegmentsThatRetentionTook) {
  auto writer = *PayloadWriter::Open(folder_, TestSchema(), {.segment_bytes = 1});  // a segment a record
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(writer->Append(TestRecord(i)).has_value());
  std::filesystem::remove(folder_ + "/000001.seg");
  std::filesystem::remove(folder_ + "/000003.seg");
  PayloadReader reader(folder_);
  EXPECT_EQ(ReadAll(reader).size(), 2u);
  PayloadReader behind(folder_, {"000001.seg", 500});
  EXPECT_EQ(ReadAll(behind).size(), 2u);
  PayloadReader nowhere(temp_.File("none"));
  EXPECT_THAT(ReadAll(nowhere), testing::IsEmpty());
}

TEST_F(PayloadLog, RefusesOverTheLimitUntilSegmentsAreTakenAway) {
  auto writer = *PayloadWriter::Open(folder_, TestSchema(), {.segment_bytes = 1, .limit_bytes = 1'500});
  int taken = 0;
  while (writer->Append(TestRecord(taken)).has_value()) ++taken;
  EXPECT_GT(taken, 2);
  EXPECT_EQ(writer->Append(TestRecord(0)).error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(writer->counts().logged, static_cast<std::uint64_t>(taken));
  EXPECT_EQ(writer->counts().refused, 2u);
  // A restart finds what is there.
  writer.reset();
  writer = *PayloadWriter::Open(folder_, TestSchema(), {.segment_bytes = 1, .limit_bytes = 1'500});
  EXPECT_FALSE(writer->Append(TestRecord(0)).has_value());
  std::filesystem::remove(folder_ + "/000001.seg");
  std::filesystem::remove(folder_ + "/000002.seg");
  EXPECT_TRUE(writer->Append(TestRecord(99)).has_value());
}

TEST_F(PayloadLog, ASampledOneKeepsAPartByTheRequestIdAndWritesItBehind) {
  auto writer = *PayloadWriter::OpenSampled(folder_, TestSchema(), {.sample = 0.25});
  auto other = *PayloadWriter::OpenSampled(temp_.File("other"), TestSchema(), {.sample = 0.25});
  std::vector<std::string> wanted;
  for (int i = 0; i < 1'000; ++i) {
    const auto record = TestRecord(i);
    ASSERT_EQ(writer->Wants(record.request_id), other->Wants(record.request_id));
    if (!writer->Wants(record.request_id)) continue;
    wanted.push_back(record.request_id);
    ASSERT_TRUE(writer->Append(record).has_value());
  }
  EXPECT_NEAR(static_cast<double>(wanted.size()), 250, 60);
  writer.reset();  // writes what it has
  PayloadReader reader(folder_);
  EXPECT_EQ(ReadAll(reader), wanted);
  const auto all = *PayloadWriter::OpenSampled(temp_.File("all"), TestSchema(), {.sample = 1});
  for (int i = 0; i < 1'000; ++i) ASSERT_TRUE(all->Wants(std::to_string(i)));
  EXPECT_FALSE(PayloadWriter::OpenSampled(folder_, TestSchema(), {.sample = 0}).has_value());
  EXPECT_FALSE(PayloadWriter::OpenSampled(folder_, TestSchema(), {.sample = 1.5}).has_value());
}

TEST_F(PayloadLog, ASampledOneDropsWhatItHasNoRoomForAndCounts) {
  std::uint64_t dropped = 0;
  {
    auto writer = *PayloadWriter::OpenSampled(folder_, TestSchema(), {.queue_bytes = 1'000});
    for (int i = 0; i < 2'000; ++i) ASSERT_TRUE(writer->Append(TestRecord(i)).has_value());
    dropped = writer->counts().dropped;
  }
  EXPECT_GT(dropped, 0u);
  PayloadReader reader(folder_);
  EXPECT_EQ(ReadAll(reader).size(), 2'000 - dropped);
}

TEST_F(PayloadLog, ASampledOneDropsWhatIsOverTheLimit) {
  auto writer = *PayloadWriter::OpenSampled(folder_, TestSchema(), {.segment_bytes = 1, .limit_bytes = 1'000});
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(writer->Append(TestRecord(i)).has_value());
  while (writer->counts().logged + writer->counts().dropped < 50) std::this_thread::yield();
  EXPECT_GT(writer->counts().logged, 0u);
  EXPECT_GT(writer->counts().dropped, 0u);
}

TEST_F(PayloadLog, RefusesRecordsThatDoNotFit) {
  auto writer = *PayloadWriter::Open(folder_, TestSchema());
  for (int what = 0; what < 4; ++what) {
    PayloadRecord record = TestRecord(1);
    if (what == 0) record.inputs.pop_back();
    if (what == 1) record.inputs[0].doubles.pop_back();
    if (what == 2) record.outputs.push_back(1);
    if (what == 3) std::swap(record.inputs[0], record.inputs[1]);
    const auto status = writer->Append(record);
    ASSERT_FALSE(status.has_value()) << what;
    EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_FALSE(PayloadWriter::Open(folder_, {"m", "1", {{"x", data::ColumnType::kBool}}, {}}).has_value());
}

PayloadSchema NumberSchema() {
  return {"flights",
          "3",
          {{"distance", data::ColumnType::kDouble}, {"delay", data::ColumnType::kDouble}},
          {"early", "late"}};
}

constexpr float kInputs[] = {1.5f, -2, std::numeric_limits<float>::quiet_NaN(), 1e30f, 0, 7};
constexpr float kOutputs[] = {0.25f, 0.75f, 0.5f, 0.5f, 1, 0};

PayloadNumbers TestNumbers(std::string_view id) {
  return {.request_id = id,
          .version = "3",
          .time = InstantFromMicros(1'364'788'800'000'007),
          .latency_us = 17,
          .rows = 3,
          .inputs = kInputs,
          .outputs = kOutputs};
}

void ExpectTestNumbers(const PayloadRecord& back, std::string_view id) {
  EXPECT_EQ(back.request_id, id);
  EXPECT_EQ(back.version, "3");
  EXPECT_EQ(ToMicros(back.time), 1'364'788'800'000'007);
  EXPECT_EQ(back.latency_us, 17);
  ASSERT_EQ(back.rows, 3u);
  ASSERT_EQ(back.inputs.size(), 2u);
  EXPECT_EQ(back.inputs[0].name, "distance");
  EXPECT_EQ(back.inputs[1].name, "delay");
  EXPECT_EQ(back.inputs[0].doubles[0], 1.5);
  EXPECT_TRUE(back.inputs[0].is_null(1));
  EXPECT_EQ(back.inputs[0].doubles[2], 0);
  EXPECT_EQ(back.inputs[1].doubles, (std::vector<double>{-2, static_cast<double>(1e30f), 7}));
  EXPECT_EQ(back.outputs, std::vector<float>(std::begin(kOutputs), std::end(kOutputs)));
}

TEST_F(PayloadLog, NumbersReadAsARecordOfColumnsDoes) {
  auto complete = *PayloadWriter::Open(folder_, NumberSchema());
  auto sampled = *PayloadWriter::OpenSampled(temp_.File("sampled"), NumberSchema(), {});
  for (const char* id : {"first", "second"}) {
    ASSERT_TRUE(complete->Append(TestNumbers(id)).has_value());
    ASSERT_TRUE(sampled->Append(TestNumbers(id)).has_value());
  }
  PayloadRecord columns = TestRecord(1);
  columns.inputs[1] = columns.inputs[0];
  columns.outputs = {0, 1, 0, 1};
  ASSERT_TRUE(complete->Append(columns).has_value()) << "both kinds stand in one segment";
  sampled.reset();
  for (const auto& folder : {folder_, temp_.File("sampled")}) {
    const auto read = PayloadReader(folder).Next();
    ASSERT_TRUE(read.has_value()) << read.error().ToString();
    ASSERT_EQ(read->size(), folder == folder_ ? 3u : 2u);
    ExpectTestNumbers((*read)[0], "first");
    ExpectTestNumbers((*read)[1], "second");
    if (read->size() == 3) {
      EXPECT_EQ((*read)[2].inputs[1].doubles, columns.inputs[1].doubles);
    }
  }
  EXPECT_EQ(complete->counts().logged, 3u);
}

TEST_F(PayloadLog, RefusesNumbersThatDoNotFit) {
  auto writer = *PayloadWriter::Open(folder_, NumberSchema());
  auto fewer_inputs = TestNumbers("a"), fewer_outputs = TestNumbers("b"), more_rows = TestNumbers("c");
  fewer_inputs.inputs = fewer_inputs.inputs.first(5);
  fewer_outputs.outputs = fewer_outputs.outputs.first(5);
  more_rows.rows = 4;
  for (const auto& numbers : {fewer_inputs, fewer_outputs, more_rows}) {
    EXPECT_EQ(writer->Append(numbers).error().code, ErrorCode::kInvalidArgument) << numbers.request_id;
  }
  auto texts = *PayloadWriter::Open(temp_.File("texts"), TestSchema());
  EXPECT_EQ(texts->Append(TestNumbers("d")).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(writer->counts().logged + texts->counts().logged, 0u);
}

TEST(PayloadCodec, RefusesEveryTruncationOfNumbers) {
  std::string frame = "what was there before";
  ASSERT_TRUE(EncodeNumbers(NumberSchema(), TestNumbers("r1"), &frame).has_value());
  ASSERT_TRUE(DecodeRecord(NumberSchema(), frame).has_value());
  for (std::size_t length = 0; length < frame.size(); ++length) {
    EXPECT_FALSE(DecodeRecord(NumberSchema(), std::string_view(frame).substr(0, length)).has_value()) << length;
  }
  EXPECT_FALSE(DecodeRecord(NumberSchema(), frame + "x").has_value());
  EXPECT_FALSE(DecodeRecord(TestSchema(), frame).has_value()) << "where an input is a text there are no bare numbers";
  frame[17] = frame[18] = frame[19] = frame[20] = '\x7f';  // two thousand million rows
  EXPECT_FALSE(DecodeRecord(NumberSchema(), frame).has_value());
}

TEST(PayloadCodec, RefusesEveryTruncationOfARecord) {
  const auto frame = *EncodeRecord(TestSchema(), TestRecord(5));
  ASSERT_TRUE(DecodeRecord(TestSchema(), frame).has_value());
  for (std::size_t length = 0; length < frame.size(); ++length) {
    EXPECT_FALSE(DecodeRecord(TestSchema(), std::string_view(frame).substr(0, length)).has_value()) << length;
  }
  EXPECT_FALSE(DecodeRecord(TestSchema(), frame + "x").has_value());
  std::string lying = frame;
  lying[17] = lying[18] = lying[19] = lying[20] = '\x7f';  // two thousand million rows
  EXPECT_FALSE(DecodeRecord(TestSchema(), lying).has_value());
  EXPECT_FALSE(DecodeHead("{\"format\":2}").has_value());
  EXPECT_FALSE(DecodeHead("{\"format\":1,").has_value());
}

PayloadSchema TensorSchema() {
  PayloadSchema schema;
  schema.model = "net";
  schema.version = "2";
  schema.tensors = true;
  return schema;
}

Tensor TensorOf(std::string name, Datatype datatype, std::vector<std::int64_t> shape) {
  Tensor tensor;
  tensor.name = std::move(name);
  tensor.datatype = datatype;
  tensor.shape = std::move(shape);
  return tensor;
}

TEST(PayloadTensors, ReadAsTheyWereWrittenAndNoDamageIsTakenForATensor) {
  const PayloadSchema schema = TensorSchema();
  const auto head = DecodeHead(EncodeHead(schema));
  ASSERT_TRUE(head.has_value());
  EXPECT_EQ(*head, schema);
  PayloadRecord record;
  record.request_id = "q";
  record.version = "2";
  record.rows = 2;
  Tensor numbers = TensorOf("x", Datatype::kFp32, {2, 3});
  numbers.floats = {1, 2, 3, 4, 5, 6};
  const Tensor none = TensorOf("none", Datatype::kInt64, {2, 0});
  Tensor texts = TensorOf("t", Datatype::kBytes, {2});
  texts.texts = {"", "b"};
  record.asked = {numbers, none};
  record.answered = {texts};
  const auto bytes = EncodeRecord(schema, record);
  ASSERT_TRUE(bytes.has_value());
  const auto read = DecodeRecord(schema, *bytes);
  ASSERT_TRUE(read.has_value()) << read.error().ToString();
  ASSERT_EQ(read->asked.size(), 2u);
  EXPECT_EQ(read->asked[0].floats, numbers.floats);
  EXPECT_EQ(read->asked[1].shape, none.shape);
  EXPECT_EQ(read->answered[0].texts, texts.texts);
  for (std::size_t size = 0; size < bytes->size(); ++size) {
    EXPECT_FALSE(DecodeRecord(schema, std::string_view(*bytes).substr(0, size)).has_value()) << size;
  }
  for (std::size_t i = 0; i < bytes->size(); ++i) {  // whatever is read then is no more than what is there
    std::string changed = *bytes;
    changed[i] = static_cast<char>(changed[i] ^ 0xFF);
    const auto other = DecodeRecord(schema, changed);
    if (other) {
      EXPECT_EQ(EncodeRecord(schema, *other)->size(), changed.size()) << i;
    }
  }
  EXPECT_EQ(DecodeRecord(TestSchema(), *bytes).error().code, ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace keelson::serving
