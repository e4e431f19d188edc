#include "control/row_codec.h"

#include "base/bytes.h"
#include "base/strings.h"
#include "control/pushed_rows.h"

namespace keelson::control {
namespace {

constexpr char kColumns = 'C';
constexpr char kBatch = 'B';
constexpr std::size_t kHeadBytes = 16;  // of a batch: its sequence and its clock

std::unexpected<Error> Broken() {
  return Fail(ErrorCode::kDataLoss, "a stored row batch does not read back");
}

// One cell off the front; false when it is no cell of this column.
bool DecodeCell(ByteReader& reader, data::Column& column) {
  const auto valid = reader.Number<std::uint8_t>();
  if (valid > 1) return false;
  if (valid == 0) {
    column.AppendNull();
    return reader.ok();
  }
  column.valid.push_back(1);
  switch (column.type) {
    case data::ColumnType::kBool: {
      const auto truth = reader.Number<std::uint8_t>();
      column.ints.push_back(truth);
      return reader.ok() && truth <= 1;
    }
    case data::ColumnType::kInt64:
    case data::ColumnType::kTimestamp:
      column.ints.push_back(reader.Number<std::int64_t>());
      return reader.ok();
    case data::ColumnType::kDouble:
      column.doubles.push_back(reader.Number<double>());
      return reader.ok();
    case data::ColumnType::kString:
      column.strings.emplace_back(reader.Text());
      return reader.ok() && IsValidUtf8(column.strings.back());
  }
  return false;
}

}  // namespace

std::string EncodeColumns(const data::Schema& schema) {
  std::string frame(1, kColumns);
  PutNumber(frame, static_cast<std::uint32_t>(schema.size()));
  for (const auto& column : schema) {
    PutNumber(frame, static_cast<std::uint8_t>(column.type));
    PutText(frame, column.name);
  }
  return frame;
}

void EncodeCell(const data::Column& column, std::size_t row, std::string& out) {
  if (column.is_null(row)) {
    PutNumber(out, std::uint8_t{0});
    return;
  }
  PutNumber(out, std::uint8_t{1});
  switch (column.type) {
    case data::ColumnType::kBool:
      PutNumber(out, static_cast<std::uint8_t>(column.ints[row]));
      break;
    case data::ColumnType::kInt64:
    case data::ColumnType::kTimestamp:
      PutNumber(out, column.ints[row]);
      break;
    case data::ColumnType::kDouble:
      PutNumber(out, column.doubles[row]);
      break;
    case data::ColumnType::kString:
      PutText(out, column.strings[row]);
      break;
  }
}

std::string EncodeBatch(std::uint64_t sequence, Instant clock, const data::Table& rows) {
  std::string frame(1, kBatch);
  PutNumber(frame, sequence);
  PutNumber(frame, ToMicros(clock));
  PutNumber(frame, static_cast<std::uint32_t>(rows.rows()));
  for (std::size_t row = 0; row < rows.rows(); ++row) {
    for (const auto& column : rows.columns()) EncodeCell(column, row, frame);
  }
  return frame;
}

bool IsColumnsFrame(std::string_view frame) {
  return !frame.empty() && frame.front() == kColumns;
}

Result<data::Schema> DecodeColumns(std::string_view frame) {
  if (!IsColumnsFrame(frame)) return Broken();
  ByteReader reader(frame.substr(1));
  const auto count = reader.Number<std::uint32_t>();
  data::Schema schema;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto type = reader.Number<std::uint8_t>();
    const std::string_view name = reader.Text();
    if (!reader.ok() || type > static_cast<std::uint8_t>(data::ColumnType::kTimestamp)) return Broken();
    schema.push_back({std::string(name), static_cast<data::ColumnType>(type)});
  }
  if (!reader.done()) return Broken();
  return schema;
}

Result<RowBatchHead> DecodeBatchHead(std::string_view frame) {
  if (frame.empty() || frame.front() != kBatch) return Broken();
  ByteReader reader(frame.substr(1));
  RowBatchHead head;
  head.sequence = reader.Number<std::uint64_t>();
  head.clock = InstantFromMicros(reader.Number<std::int64_t>());
  if (!reader.ok()) return Broken();
  return head;
}

Status AppendBatch(std::string_view frame, data::Table& table) {
  KEELSON_RETURN_IF_ERROR(DecodeBatchHead(frame));
  if (table.columns().empty()) return Broken();
  ByteReader reader(frame.substr(1 + kHeadBytes));
  const auto rows = reader.Number<std::uint32_t>();
  for (std::uint32_t row = 0; row < rows; ++row) {
    for (auto& column : table.columns()) {
      if (!DecodeCell(reader, column)) return Broken();
    }
  }
  if (!reader.done()) return Broken();
  return {};
}

Result<RowBatch> DecodeBatch(std::string_view frame, const data::Schema& schema) {
  KEELSON_ASSIGN_OR_RETURN(const RowBatchHead head, DecodeBatchHead(frame));
  RowBatch batch{.sequence = head.sequence, .clock = head.clock, .rows = data::Table(schema)};
  KEELSON_RETURN_IF_ERROR(AppendBatch(frame, batch.rows));
  return batch;
}

}  // namespace keelson::control
