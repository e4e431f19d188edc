#include "control/json_rows.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <limits>
#include <optional>
#include <set>

namespace keelson::control {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

// The cells of one row by the schema's columns, found by the order in which columns usually come.
class RowReader {
 public:
  RowReader(const data::Schema& schema, std::set<std::string>& unknown)
      : schema_(schema), unknown_(unknown), cells_(schema.size()) {}

  void Read(const simdjson::dom::object& row) {
    std::fill(cells_.begin(), cells_.end(), std::nullopt);
    std::size_t next = 0;
    for (const auto& [name, value] : row) {
      const std::size_t column = IndexOf(name, next);
      if (column == schema_.size()) {
        unknown_.emplace(name);
        continue;
      }
      cells_[column] = value;
      next = column + 1;
    }
  }
  const std::vector<std::optional<element>>& cells() const { return cells_; }

 private:
  std::size_t IndexOf(std::string_view name, std::size_t guess) const {
    if (guess < schema_.size() && schema_[guess].name == name) return guess;
    std::size_t index = 0;
    while (index < schema_.size() && schema_[index].name != name) ++index;
    return index;
  }

  const data::Schema& schema_;
  std::set<std::string>& unknown_;
  std::vector<std::optional<element>> cells_;
};

// A JSON value as a cell of any type; nothing for an array or an object.
std::optional<data::Value> ValueOf(const element& json) {
  switch (json.type()) {
    case element_type::NULL_VALUE:
      return data::Value{};
    case element_type::BOOL:
      return data::Value{json.get_bool().value_unsafe()};
    case element_type::INT64:
      return data::Value{json.get_int64().value_unsafe()};
    case element_type::DOUBLE:
      return data::Value{json.get_double().value_unsafe()};
    case element_type::STRING:
      return data::Value{std::string(json.get_string().value_unsafe())};
    default:
      return std::nullopt;
  }
}

Status AppendCell(const element& json, data::Column& column) {
  const element_type type = json.type();
  if (type == element_type::NULL_VALUE) {
    column.AppendNull();
    return {};
  }
  // What fits as it is; everything else by the rules of Table::AppendRow.
  if (type == element_type::STRING && column.type == data::ColumnType::kString) {
    column.valid.push_back(1);
    column.strings.emplace_back(json.get_string().value_unsafe());
    return {};
  }
  if (type == element_type::INT64 && column.type == data::ColumnType::kInt64) {
    column.valid.push_back(1);
    column.ints.push_back(json.get_int64().value_unsafe());
    return {};
  }
  if (type == element_type::DOUBLE && column.type == data::ColumnType::kDouble) {
    column.valid.push_back(1);
    column.doubles.push_back(json.get_double().value_unsafe());
    return {};
  }
  if (type == element_type::UINT64) {
    return Fail(ErrorCode::kInvalidArgument, "the number is too large for a 64-bit integer", column.name);
  }
  const auto value = ValueOf(json);
  if (!value) return Fail(ErrorCode::kInvalidArgument, "a cell must be null, a boolean, a number or text", column.name);
  return column.Append(*value);
}

std::string Place(std::size_t row, std::string_view column) {
  return column.empty() ? fmt::format("rows[{}]", row) : fmt::format("rows[{}].{}", row, column);
}

}  // namespace

Result<JsonRows> ReadJsonRows(std::string_view body, const data::Schema& schema, std::size_t at_most) {
  thread_local simdjson::dom::parser parser;
  element document;
  if (const auto error = parser.parse(body.data(), body.size()).get(document); error != simdjson::SUCCESS) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("not JSON: {}", simdjson::error_message(error)), "rows");
  }
  simdjson::dom::array rows;
  if (document["rows"].get(rows) != simdjson::SUCCESS)
    return Fail(ErrorCode::kInvalidArgument, "expected an array of rows, each an object by column", "rows");
  if (rows.size() > at_most) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("a batch has at most {} rows, this one has {}; push it in parts", at_most, rows.size()),
                "rows");
  }
  JsonRows read;
  std::set<std::string> unknown;
  std::vector<bool> present(schema.size());
  data::Table table(schema);
  RowReader reader(schema, unknown);
  for (const element& row : rows) {
    simdjson::dom::object object;
    if (row.get(object) != simdjson::SUCCESS)
      return Fail(ErrorCode::kInvalidArgument, "a row must be an object by column name", Place(read.rows, ""));
    reader.Read(object);
    for (std::size_t c = 0; c < schema.size(); ++c) {
      data::Column& column = table.columns()[c];
      const auto& cell = reader.cells()[c];
      if (!cell) {
        column.AppendNull();
        continue;
      }
      present[c] = true;
      if (const Status appended = AppendCell(*cell, column); !appended)
        return Fail(appended.error().code, appended.error().message, Place(read.rows, column.name));
    }
    ++read.rows;
  }
  for (std::size_t c = 0; c < schema.size(); ++c) {
    if (present[c]) read.table.columns().push_back(std::move(table.columns()[c]));
  }
  read.unknown.assign(unknown.begin(), unknown.end());
  return read;
}

}  // namespace keelson::control
