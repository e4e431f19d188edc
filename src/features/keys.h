#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.h"
#include "data/table.h"

namespace keelson::features {

// Entity keys and row keys as bytes, equal when the values are equal: whole numbers, truth and times as 8 bytes, text
// with its length before it. Only values of the same column's type are ever compared.

// What a key column may be: anything but kDouble.
bool IsKeyType(data::ColumnType type);

// Appends one part. False when the cell is null: then there is no such key.
bool AppendKeyPart(const data::Column& column, std::size_t row, std::string& key);

// The same for a single value, which must fit `type` (a whole double fits an integer). kInvalidArgument names `column`.
Result<bool> AppendKeyPart(const data::Value& value, data::ColumnType type, std::string_view column, std::string& key);

// A name for a whole row: equal for equal rows only (SHA-256 of its cells).
std::string RowFingerprint(const std::vector<data::Value>& row);

// A map from such bytes, looked up without making a string.
struct BytesHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view bytes) const { return std::hash<std::string_view>()(bytes); }
};
template <typename T>
using BytesMap = std::unordered_map<std::string, T, BytesHash, std::equal_to<>>;

}  // namespace keelson::features
