#include "data/table.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "base/strings.h"

namespace keelson::data {
namespace {

constexpr std::array<std::pair<ColumnType, std::string_view>, 5> kTypeNames = {{{ColumnType::kBool, "bool"},
                                                                                {ColumnType::kInt64, "int64"},
                                                                                {ColumnType::kDouble, "double"},
                                                                                {ColumnType::kString, "string"},
                                                                                {ColumnType::kTimestamp, "timestamp"}}};

std::string Describe(const Value& value) {
  struct Visitor {
    std::string operator()(std::monostate) const { return "null"; }
    std::string operator()(bool b) const { return b ? "true" : "false"; }
    std::string operator()(std::int64_t i) const { return fmt::to_string(i); }
    std::string operator()(double d) const { return fmt::to_string(d); }
    std::string operator()(const std::string& s) const {
      if (!IsValidUtf8(s)) return "text that is not UTF-8";
      return s.size() <= 40 ? fmt::format("the text \"{}\"", s) : fmt::format("a text of {} bytes", s.size());
    }
    std::string operator()(Instant t) const { return FormatInstant(t); }
  };
  return std::visit(Visitor{}, value);
}

std::unexpected<Error> Misfit(const ColumnSchema& column, const Value& value) {
  return Fail(ErrorCode::kInvalidArgument, fmt::format("column \"{}\": {} does not fit; expected {}", column.name,
                                                       Describe(value), ColumnTypeName(column.type)));
}

// 2^63, the first double beyond every int64.
constexpr double kInt64End = 9223372036854775808.0;

}  // namespace

std::string_view ColumnTypeName(ColumnType type) {
  for (const auto& [candidate, name] : kTypeNames) {
    if (candidate == type) return name;
  }
  return "unknown";
}

std::optional<ColumnType> ParseColumnType(std::string_view name) {
  for (const auto& [type, candidate] : kTypeNames) {
    if (candidate == name) return type;
  }
  return std::nullopt;
}

void Column::Reserve(std::size_t rows) {
  valid.reserve(rows);
  if (type == ColumnType::kDouble) {
    doubles.reserve(rows);
  } else if (type == ColumnType::kString) {
    strings.reserve(rows);
  } else {
    ints.reserve(rows);
  }
}

void Column::AppendNull() {
  valid.push_back(0);
  if (type == ColumnType::kDouble) {
    doubles.push_back(0);
  } else if (type == ColumnType::kString) {
    strings.emplace_back();
  } else {
    ints.push_back(0);
  }
}

void Column::AppendFrom(const Column& other, std::size_t row) {
  valid.push_back(other.valid[row]);
  if (type == ColumnType::kDouble) {
    doubles.push_back(other.doubles[row]);
  } else if (type == ColumnType::kString) {
    strings.push_back(other.strings[row]);
  } else {
    ints.push_back(other.ints[row]);
  }
}

Value Column::At(std::size_t row) const {
  if (is_null(row)) return std::monostate{};
  switch (type) {
    case ColumnType::kBool:
      return ints[row] != 0;
    case ColumnType::kInt64:
      return ints[row];
    case ColumnType::kDouble:
      return doubles[row];
    case ColumnType::kString:
      return strings[row];
    case ColumnType::kTimestamp:
      return InstantFromMicros(ints[row]);
  }
  return std::monostate{};
}

Result<Value> ConvertValue(const Value& value, const ColumnSchema& column) {
  if (std::holds_alternative<std::monostate>(value)) return value;
  switch (column.type) {
    case ColumnType::kBool:
      if (std::holds_alternative<bool>(value)) return value;
      break;
    case ColumnType::kInt64:
      if (std::holds_alternative<std::int64_t>(value)) return value;
      if (const auto* number = std::get_if<double>(&value)) {
        if (std::isnan(*number)) return Value{};
        if (*number == std::floor(*number) && *number >= -kInt64End && *number < kInt64End) {
          return Value(static_cast<std::int64_t>(*number));
        }
      }
      break;
    case ColumnType::kDouble:
      if (const auto* number = std::get_if<double>(&value)) return std::isnan(*number) ? Value{} : value;
      if (const auto* number = std::get_if<std::int64_t>(&value)) return Value(static_cast<double>(*number));
      break;
    case ColumnType::kString:
      if (const auto* text = std::get_if<std::string>(&value); text != nullptr && IsValidUtf8(*text)) return value;
      break;
    case ColumnType::kTimestamp:
      if (std::holds_alternative<Instant>(value)) return value;
      if (const auto* text = std::get_if<std::string>(&value)) {
        if (const auto instant = ParseInstant(*text)) return Value(*instant);
      }
      break;
  }
  return Misfit(column, value);
}

Status Column::Append(const Value& value) {
  KEELSON_ASSIGN_OR_RETURN(auto fitting, ConvertValue(value, {name, type}));
  AppendFitting(std::move(fitting));
  return {};
}

void Column::AppendFitting(Value value) {
  if (std::holds_alternative<std::monostate>(value)) return AppendNull();
  valid.push_back(1);
  if (type == ColumnType::kDouble) {
    doubles.push_back(std::get<double>(value));
  } else if (type == ColumnType::kString) {
    strings.push_back(std::get<std::string>(std::move(value)));
  } else if (type == ColumnType::kBool) {
    ints.push_back(std::get<bool>(value) ? 1 : 0);
  } else if (type == ColumnType::kInt64) {
    ints.push_back(std::get<std::int64_t>(value));
  } else {
    ints.push_back(ToMicros(std::get<Instant>(value)));
  }
}

Table::Table(const Schema& schema) {
  for (const ColumnSchema& column : schema) {
    columns_.emplace_back();
    columns_.back().name = column.name;
    columns_.back().type = column.type;
  }
}

const Column* Table::Find(std::string_view name) const {
  for (const Column& column : columns_) {
    if (column.name == name) return &column;
  }
  return nullptr;
}

Schema Table::schema() const {
  Schema schema;
  for (const Column& column : columns_) schema.push_back({column.name, column.type});
  return schema;
}

Status Table::AppendRow(const std::vector<Value>& values) {
  if (values.size() != columns_.size()) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("a row of {} values came; expected {} (one a column)", values.size(), columns_.size()));
  }
  std::vector<Value> fitting;
  fitting.reserve(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    KEELSON_ASSIGN_OR_RETURN(auto value, ConvertValue(values[i], {columns_[i].name, columns_[i].type}));
    fitting.push_back(std::move(value));
  }
  for (std::size_t i = 0; i < fitting.size(); ++i) columns_[i].AppendFitting(std::move(fitting[i]));
  return {};
}

Status Table::AppendTable(const Table& other) {
  if (&other == this) return AppendTable(Table(other));
  if (schema() != other.schema()) {
    return Fail(ErrorCode::kInvalidArgument, "the tables have different columns; expected the same names and types");
  }
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    Column& to = columns_[i];
    const Column& from = other.columns_[i];
    to.ints.insert(to.ints.end(), from.ints.begin(), from.ints.end());
    to.doubles.insert(to.doubles.end(), from.doubles.begin(), from.doubles.end());
    to.strings.insert(to.strings.end(), from.strings.begin(), from.strings.end());
    to.valid.insert(to.valid.end(), from.valid.begin(), from.valid.end());
  }
  return {};
}

Value Table::At(std::size_t row, std::size_t column) const {
  return columns_[column].At(row);
}

Table Table::Take(const std::vector<std::size_t>& rows) const {
  Table taken(schema());
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    Column& to = taken.columns_[i];
    to.Reserve(rows.size());
    for (const std::size_t row : rows) to.AppendFrom(columns_[i], row);
  }
  return taken;
}

}  // namespace keelson::data
