#include "features/keys.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstring>

#include "base/hash.h"

namespace keelson::features {
namespace {

using data::ColumnType;

void AppendInteger(std::int64_t value, std::string& key) {
  char bytes[sizeof(value)];
  std::memcpy(bytes, &value, sizeof(value));
  key.append(bytes, sizeof(value));
}

void AppendText(std::string_view text, std::string& key) {
  AppendInteger(static_cast<std::int64_t>(text.size()), key);
  key += text;
}

}  // namespace

bool IsKeyType(ColumnType type) {
  return type != ColumnType::kDouble;
}

bool AppendKeyPart(const data::Column& column, std::size_t row, std::string& key) {
  if (column.is_null(row)) return false;
  if (column.type == ColumnType::kString) {
    AppendText(column.strings[row], key);
  } else {
    AppendInteger(column.ints[row], key);
  }
  return true;
}

Result<bool> AppendKeyPart(const data::Value& value, ColumnType type, std::string_view column, std::string& key) {
  if (std::holds_alternative<std::monostate>(value)) return false;
  if (const auto* text = std::get_if<std::string>(&value); text != nullptr && type == ColumnType::kString) {
    AppendText(*text, key);
    return true;
  }
  if (const auto* instant = std::get_if<Instant>(&value); instant != nullptr && type == ColumnType::kTimestamp) {
    AppendInteger(ToMicros(*instant), key);
    return true;
  }
  if (type == ColumnType::kInt64 || type == ColumnType::kBool) {
    if (const auto* integer = std::get_if<std::int64_t>(&value)) {
      AppendInteger(*integer, key);
      return true;
    }
    if (const auto* truth = std::get_if<bool>(&value)) {
      AppendInteger(*truth ? 1 : 0, key);
      return true;
    }
    const auto* number = std::get_if<double>(&value);
    if (number != nullptr && std::isnan(*number)) return false;
    if (number != nullptr && std::trunc(*number) == *number && std::abs(*number) < 0x1p63) {
      AppendInteger(static_cast<std::int64_t>(*number), key);
      return true;
    }
  }
  return Fail(
      ErrorCode::kInvalidArgument,
      fmt::format("the key column \"{}\" takes {}, which this value is not", column, data::ColumnTypeName(type)),
      std::string(column));
}

std::string RowFingerprint(const std::vector<data::Value>& row) {
  std::string bytes;
  for (const data::Value& value : row) {
    bytes.push_back(static_cast<char>('0' + value.index()));
    if (const auto* truth = std::get_if<bool>(&value)) AppendInteger(*truth ? 1 : 0, bytes);
    if (const auto* integer = std::get_if<std::int64_t>(&value)) AppendInteger(*integer, bytes);
    if (const auto* number = std::get_if<double>(&value)) AppendInteger(std::bit_cast<std::int64_t>(*number), bytes);
    if (const auto* text = std::get_if<std::string>(&value)) AppendText(*text, bytes);
    if (const auto* instant = std::get_if<Instant>(&value)) AppendInteger(ToMicros(*instant), bytes);
  }
  return Sha256::Hex(bytes);
}

}  // namespace keelson::features
