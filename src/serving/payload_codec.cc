#include "serving/payload_codec.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <span>

#include "base/bytes.h"

namespace keelson::serving {
namespace {

constexpr std::uint8_t kColumnsFormat = 1;
constexpr std::uint8_t kTensorsFormat = 2;
constexpr std::uint8_t kNumbersFormat = 3;
constexpr std::uint8_t kSomeMissing = 1;
constexpr std::uint8_t kSinglePrecision = 2;

bool ExactInSingle(double value) {
  return std::isnan(value) || (std::abs(value) <= std::numeric_limits<float>::max() &&
                               static_cast<double>(static_cast<float>(value)) == value);
}

bool HoldsNumbers(const PayloadSchema& schema) {
  return !schema.tensors && std::ranges::all_of(schema.inputs, [](const data::ColumnSchema& input) {
    return input.type == data::ColumnType::kDouble;
  });
}

bool FitsSchema(const PayloadSchema& schema, const PayloadRecord& record) {
  if (record.inputs.size() != schema.inputs.size()) return false;
  for (std::size_t i = 0; i < record.inputs.size(); ++i) {
    const data::Column& column = record.inputs[i];
    const bool text = schema.inputs[i].type == data::ColumnType::kString;
    if (column.type != schema.inputs[i].type || column.valid.size() != record.rows) return false;
    if ((text ? column.strings.size() : column.doubles.size()) != record.rows) return false;
  }
  return record.outputs.size() == std::size_t{record.rows} * schema.outputs.size();
}

void EncodeColumn(const data::Column& column, std::string* out) {
  const bool text = column.type == data::ColumnType::kString;
  std::uint8_t flags = 0;
  for (const auto valid : column.valid) {
    if (valid == 0) flags |= kSomeMissing;
  }
  if (!text) {
    bool single = true;
    for (const double value : column.doubles) single = single && ExactInSingle(value);
    if (single) flags |= kSinglePrecision;
  }
  PutNumber(*out, flags);
  if ((flags & kSomeMissing) != 0) {
    for (const auto valid : column.valid) PutNumber<std::uint8_t>(*out, valid != 0 ? 1 : 0);
  }
  if (text) {
    for (const auto& value : column.strings) PutText(*out, value);
  } else {
    for (const double value : column.doubles) {
      (flags & kSinglePrecision) != 0 ? PutNumber(*out, static_cast<float>(value)) : PutNumber(*out, value);
    }
  }
}

data::Column DecodeColumn(const data::ColumnSchema& schema, std::uint32_t rows, ByteReader* from) {
  data::Column column;
  column.name = schema.name;
  column.type = schema.type;
  const auto flags = from->Number<std::uint8_t>();
  if (!from->Has(rows)) return column;  // every value takes a byte at least: bounds the allocations below
  column.valid.assign(rows, 1);
  if ((flags & kSomeMissing) != 0) {
    for (auto& valid : column.valid) valid = from->Number<std::uint8_t>();
  }
  for (std::uint32_t i = 0; i < rows && from->ok(); ++i) {
    if (schema.type == data::ColumnType::kString) {
      column.strings.emplace_back(from->Text());
    } else {
      column.doubles.push_back((flags & kSinglePrecision) != 0 ? static_cast<double>(from->Number<float>())
                                                               : from->Number<double>());
    }
  }
  return column;
}

// What every record says of its request, which is a PayloadRecord or PayloadNumbers.
void EncodeBeginning(std::uint8_t format, const auto& request, std::string* out) {
  PutNumber(*out, format);
  PutNumber<std::int64_t>(*out, ToMicros(request.time));
  PutNumber<std::int64_t>(*out, request.latency_us);
  PutNumber<std::uint32_t>(*out, request.rows);
  PutText(*out, request.request_id);
  PutText(*out, request.version);
}

void PutFloats(std::span<const float> values, std::string* out) {
  out->append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
}

// Column by column out of rows x inputs numbers.
std::vector<data::Column> ColumnsOf(const data::Schema& schema, std::uint32_t rows, std::span<const float> numbers) {
  std::vector<data::Column> columns;
  for (std::size_t i = 0; i < schema.size(); ++i) {
    data::Column& column = columns.emplace_back();
    column.name = schema[i].name;
    column.type = schema[i].type;
    for (std::uint32_t row = 0; row < rows; ++row) {
      const float value = numbers[row * schema.size() + i];
      column.valid.push_back(std::isnan(value) ? 0 : 1);
      column.doubles.push_back(std::isnan(value) ? 0 : static_cast<double>(value));
    }
  }
  return columns;
}

void EncodeTensors(const std::vector<Tensor>& tensors, std::string* out) {
  PutNumber(*out, static_cast<std::uint32_t>(tensors.size()));
  for (const Tensor& tensor : tensors) {
    PutText(*out, tensor.name);
    PutNumber(*out, static_cast<std::uint8_t>(tensor.datatype));
    PutNumber(*out, static_cast<std::uint8_t>(tensor.shape.size()));
    PutNumbers(*out, tensor.shape);
    const std::size_t size_at = out->size();
    PutNumber(*out, std::uint32_t{0});
    WriteBinary(tensor, out);
    const auto size = static_cast<std::uint32_t>(out->size() - size_at - sizeof(std::uint32_t));
    std::memcpy(out->data() + size_at, &size, sizeof(size));
  }
}

// Whether a tensor of that shape has at most `most` elements, each of which takes a byte at least.
bool ShapeFits(const std::vector<std::int64_t>& shape, std::size_t most) {
  if (std::ranges::any_of(shape, [](std::int64_t length) { return length < 0; })) return false;
  if (std::ranges::find(shape, 0) != shape.end()) return true;
  std::size_t elements = 1;
  for (const std::int64_t length : shape) {
    if (elements > most / static_cast<std::size_t>(length)) return false;
    elements *= static_cast<std::size_t>(length);
  }
  return true;
}

Result<std::vector<Tensor>> DecodeTensors(ByteReader* from) {
  const auto damaged = [] { return Fail(ErrorCode::kDataLoss, "a tensor of a payload record is damaged"); };
  std::vector<Tensor> tensors;
  const auto count = from->Number<std::uint32_t>();
  for (std::uint32_t i = 0; i < count && from->ok(); ++i) {
    Tensor& tensor = tensors.emplace_back();
    tensor.name = from->Text();
    const auto datatype = from->Number<std::uint8_t>();
    if (datatype > static_cast<std::uint8_t>(Datatype::kBytes)) return damaged();
    tensor.datatype = static_cast<Datatype>(datatype);
    tensor.shape = from->Numbers<std::int64_t>(from->Number<std::uint8_t>());
    const std::string_view contents = from->Text();
    if (!from->ok() || !ShapeFits(tensor.shape, contents.size()) || !ReadBinary(contents, &tensor)) return damaged();
  }
  return tensors;
}

}  // namespace

std::string EncodeHead(const PayloadSchema& schema) {
  if (schema.tensors) {
    const nlohmann::json head = {
        {"format", 1}, {"model", schema.model}, {"version", schema.version}, {"tensors", true}};
    return head.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
  nlohmann::json inputs = nlohmann::json::array();
  for (const auto& input : schema.inputs) {
    inputs.push_back({{"name", input.name}, {"type", data::ColumnTypeName(input.type)}});
  }
  const nlohmann::json head = {{"format", 1},
                               {"model", schema.model},
                               {"version", schema.version},
                               {"inputs", std::move(inputs)},
                               {"outputs", schema.outputs}};
  return head.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Result<PayloadSchema> DecodeHead(std::string_view frame) {
  try {
    const auto head = nlohmann::json::parse(frame);
    if (head.at("format").get<int>() != 1) {
      return Fail(ErrorCode::kUnsupported,
                  fmt::format("payload format {}; this build reads 1", head.at("format").dump()));
    }
    PayloadSchema schema;
    schema.model = head.at("model").get<std::string>();
    schema.version = head.at("version").get<std::string>();
    schema.tensors = head.value("tensors", false);
    if (schema.tensors) return schema;
    for (const auto& input : head.at("inputs")) {
      const auto type = data::ParseColumnType(input.at("type").get<std::string>());
      if (type != data::ColumnType::kDouble && type != data::ColumnType::kString) {
        return Fail(ErrorCode::kDataLoss, fmt::format("input of the type {}", input.at("type").dump()));
      }
      schema.inputs.push_back({input.at("name").get<std::string>(), *type});
    }
    schema.outputs = head.at("outputs").get<std::vector<std::string>>();
    return schema;
  } catch (const nlohmann::json::exception& error) {
    return Fail(ErrorCode::kDataLoss, fmt::format("the head of a payload segment is not readable: {}", error.what()));
  }
}

Result<std::string> EncodeRecord(const PayloadSchema& schema, const PayloadRecord& record) {
  if (!FitsSchema(schema, record)) {
    return Fail(ErrorCode::kInvalidArgument, "a payload record that does not fit its log's schema", record.request_id);
  }
  std::string out;
  out.reserve(64 + record.request_id.size() +
              std::size_t{record.rows} * (record.inputs.size() * 5 + record.outputs.size() * 4));
  EncodeBeginning(schema.tensors ? kTensorsFormat : kColumnsFormat, record, &out);
  if (schema.tensors) {
    EncodeTensors(record.asked, &out);
    EncodeTensors(record.answered, &out);
    if (out.size() > std::numeric_limits<std::uint32_t>::max()) {
      return Fail(ErrorCode::kInvalidArgument, "a payload record of more than 4 GiB", record.request_id);
    }
    return out;
  }
  for (const auto& column : record.inputs) EncodeColumn(column, &out);
  for (const float value : record.outputs) PutNumber(out, value);
  return out;
}

Status EncodeNumbers(const PayloadSchema& schema, const PayloadNumbers& numbers, std::string* frame) {
  if (!HoldsNumbers(schema) || numbers.inputs.size() != std::size_t{numbers.rows} * schema.inputs.size() ||
      numbers.outputs.size() != std::size_t{numbers.rows} * schema.outputs.size()) {
    return Fail(ErrorCode::kInvalidArgument, "a payload record that does not fit its log's schema",
                std::string(numbers.request_id));
  }
  frame->clear();
  EncodeBeginning(kNumbersFormat, numbers, frame);
  PutFloats(numbers.inputs, frame);
  PutFloats(numbers.outputs, frame);
  return {};
}

Result<PayloadRecord> DecodeRecord(const PayloadSchema& schema, std::string_view frame) {
  ByteReader from(frame);
  const auto format = from.Number<std::uint8_t>();
  const bool numbers = format == kNumbersFormat && HoldsNumbers(schema);
  if (from.ok() && !numbers && format != (schema.tensors ? kTensorsFormat : kColumnsFormat)) {
    return Fail(ErrorCode::kUnsupported, fmt::format("a payload record of format {} in a segment of {}", format,
                                                     schema.tensors ? "tensors" : "columns"));
  }
  PayloadRecord record;
  record.time = InstantFromMicros(from.Number<std::int64_t>());
  record.latency_us = from.Number<std::int64_t>();
  record.rows = from.Number<std::uint32_t>();
  record.request_id = from.Text();
  record.version = from.Text();
  if (schema.tensors) {
    KEELSON_ASSIGN_OR_RETURN(record.asked, DecodeTensors(&from));
    KEELSON_ASSIGN_OR_RETURN(record.answered, DecodeTensors(&from));
    if (!from.done()) return Fail(ErrorCode::kDataLoss, "a payload record does not fit its segment's head");
    return record;
  }
  if (numbers) {
    const auto inputs = from.Numbers<float>(std::uint64_t{record.rows} * schema.inputs.size());
    if (from.ok()) record.inputs = ColumnsOf(schema.inputs, record.rows, inputs);
  }
  for (const auto& input : schema.inputs) {
    if (numbers || !from.ok()) break;
    record.inputs.push_back(DecodeColumn(input, record.rows, &from));
  }
  record.outputs = from.Numbers<float>(std::uint64_t{record.rows} * schema.outputs.size());
  if (!from.done()) return Fail(ErrorCode::kDataLoss, "a payload record does not fit its segment's head");
  return record;
}

}  // namespace keelson::serving
