#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace keelson::data {

enum class ColumnType { kBool, kInt64, kDouble, kString, kTimestamp };

std::string_view ColumnTypeName(ColumnType type);  // "bool", "int64", "double", "string", "timestamp"
std::optional<ColumnType> ParseColumnType(std::string_view name);

struct ColumnSchema {
  std::string name;
  ColumnType type = ColumnType::kString;
  bool operator==(const ColumnSchema&) const = default;
};
using Schema = std::vector<ColumnSchema>;

// One cell, for rows that come one at a time (pushed rows, requests). monostate is null.
using Value = std::variant<std::monostate, bool, std::int64_t, double, std::string, Instant>;

// One column of equal-typed values with nulls. kBool, kInt64 and kTimestamp (microseconds, UTC) live in `ints`, kDouble
// in `doubles`, kString in `strings`; the other vectors stay empty. valid[i] == 0 marks a null, whose value slot is
// zero or "". Not-a-number is kept as null: there is one kind of missing value.
struct Column {
  std::string name;
  ColumnType type = ColumnType::kString;
  std::vector<std::int64_t> ints;
  std::vector<double> doubles;
  std::vector<std::string> strings;
  std::vector<std::uint8_t> valid;

  std::size_t size() const { return valid.size(); }
  bool is_null(std::size_t row) const { return valid[row] == 0; }
  // Numeric view of any type but string: NaN for null.
  double Number(std::size_t row) const {
    if (valid[row] == 0) return std::numeric_limits<double>::quiet_NaN();
    return type == ColumnType::kDouble ? doubles[row] : static_cast<double>(ints[row]);
  }
  Value At(std::size_t row) const;
  void Reserve(std::size_t rows);
  void AppendNull();
  Status Append(const Value& value);                      // by the rules of Table::AppendRow
  void AppendFitting(Value value);                        // null, or of the column's own type
  void AppendFrom(const Column& other, std::size_t row);  // `other` has the same type
};

// `value` as the column stores it, by the rules of Table::AppendRow.
Result<Value> ConvertValue(const Value& value, const ColumnSchema& column);

// A table in memory, column by column. Columns all have the same length.
class Table {
 public:
  Table() = default;
  explicit Table(const Schema& schema);  // no rows

  std::size_t rows() const { return columns_.empty() ? 0 : columns_.front().size(); }
  std::vector<Column>& columns() { return columns_; }
  const std::vector<Column>& columns() const { return columns_; }
  const Column* Find(std::string_view name) const;  // nullptr when there is none
  Schema schema() const;

  // Appends one row; the values must fit the columns (an int fits a double column, whole doubles fit an int column, RFC
  // 3339 text fits a timestamp column). kInvalidArgument names the column, what came and what was expected; nothing is
  // appended then.
  Status AppendRow(const std::vector<Value>& values);
  Status AppendTable(const Table& other);  // rows of a table with the same schema; kInvalidArgument otherwise
  Value At(std::size_t row, std::size_t column) const;
  Table Take(const std::vector<std::size_t>& rows) const;  // those rows, in that order

 private:
  std::vector<Column> columns_;
};

}  // namespace keelson::data
