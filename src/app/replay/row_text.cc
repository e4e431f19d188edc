#include "app/replay/row_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/strings.h"

namespace keelson::app {
namespace {

void AppendCell(const data::Column& column, std::size_t row, std::string& out) {
  if (column.is_null(row)) {
    out += "null";
    return;
  }
  switch (column.type) {
    case data::ColumnType::kString:
      return AppendJsonString(column.strings[row], out);
    case data::ColumnType::kDouble:
      if (std::isfinite(column.doubles[row])) {
        fmt::format_to(std::back_inserter(out), "{}", column.doubles[row]);
      } else {
        out += "null";
      }
      return;
    case data::ColumnType::kBool:
      out += column.ints[row] != 0 ? "true" : "false";
      return;
    case data::ColumnType::kTimestamp:
      out += '"';
      out += FormatInstant(InstantFromMicros(column.ints[row]));
      out += '"';
      return;
    case data::ColumnType::kInt64:
      out += fmt::format_int(column.ints[row]).c_str();
      return;
  }
}

// The Open Inference Protocol's name of a cell's type. A missing whole number travels as FP64, where null is allowed.
std::string_view DatatypeOf(const data::Column& column, std::size_t row) {
  if (column.type == data::ColumnType::kString) return "BYTES";
  if (column.type == data::ColumnType::kBool && !column.is_null(row)) return "BOOL";
  if (column.type == data::ColumnType::kInt64 && !column.is_null(row)) return "INT64";
  return "FP64";
}

bool KnownLater(const project::Source& source, const std::string& column) {
  return std::ranges::any_of(source.known,
                             [&](const auto& entry) { return entry.first == column || entry.second == column; });
}

}  // namespace

RowText::RowText(const ReplaySource& source, const std::vector<const BoundCorruption*>& corruptions)
    : time_(source.rows.Find(source.described.time)) {
  for (const auto& column : source.rows.columns()) {
    Cell cell{
        .column = &column, .name = {}, .known_later = KnownLater(source.described, column.name), .corruptions = {}};
    AppendJsonString(column.name, cell.name);
    cell.name += ':';
    for (const auto* corruption : corruptions) {
      if (corruption->what.column == column.name) cell.corruptions.push_back(corruption);
    }
    cells_.push_back(std::move(cell));
  }
}

void RowText::Append(std::size_t row, bool partial, std::string& out) const {
  const Instant at = InstantFromMicros(time_->ints[row]);
  char separator = '{';
  for (const Cell& cell : cells_) {
    out += separator;
    separator = ',';
    const data::Column* values = cell.column;
    const std::string* rename = nullptr;
    for (const auto* corruption : cell.corruptions) {
      if (at < corruption->what.from || at >= corruption->what.to) continue;
      if (!corruption->what.rename.empty()) rename = &corruption->what.rename;
      if (corruption->values) values = &*corruption->values;
    }
    if (rename != nullptr) {
      AppendJsonString(*rename, out);
      out += ':';
    } else {
      out += cell.name;
    }
    if (partial && cell.known_later) {
      out += "null";
    } else {
      AppendCell(*values, row, out);
    }
  }
  out += '}';
}

RequestText::RequestText(const ReplaySource& source, const std::vector<std::string>& columns)
    : key_(source.rows.Find(source.described.key)), time_(source.rows.Find(source.described.time)) {
  for (const std::string& name : columns) {
    std::string head = inputs_.empty() ? "{\"name\":" : ",{\"name\":";
    AppendJsonString(name, head);
    head += R"(,"shape":[1],"datatype":")";
    inputs_.push_back({source.rows.Find(name), std::move(head)});
  }
}

Instant RequestText::At(std::size_t row) const {
  return InstantFromMicros(time_->ints[row]);
}

std::string RequestText::Of(std::size_t row) const {
  std::string body = "{\"id\":";
  AppendJsonString(key_->type == data::ColumnType::kString ? key_->strings[row] : fmt::to_string(key_->ints[row]),
                   body);
  body += ",\"inputs\":[";
  for (const Input& input : inputs_) {
    body += input.head;
    body += DatatypeOf(*input.column, row);
    body += "\",\"data\":[";
    AppendCell(*input.column, row, body);
    body += "]}";
  }
  return body + "]}";
}

}  // namespace keelson::app
