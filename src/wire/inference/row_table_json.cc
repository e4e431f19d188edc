// The readers of JSON for RowTable.
#include <fmt/format.h>

#include "wire/inference/row_table.h"

namespace keelson::wire::inference {
namespace {

using serving::JsonCursor;
using serving::ValueKind;
using serving::ValueKindName;

std::unexpected<Error> Bad(std::string message) {
  return Fail(ErrorCode::kInvalidArgument, std::move(message));
}

std::unexpected<Error> Malformed(const JsonCursor& cursor) {
  return Bad(fmt::format("malformed JSON at byte {}: {}", cursor.problem_offset(), cursor.problem()));
}

// A scalar into a column.
Status Cell(JsonCursor& cursor, std::size_t column, RowTable* table) {
  switch (cursor.Peek()) {
    case ValueKind::kNumber: {
      double value = 0;
      if (!cursor.ReadDouble(&value)) return Malformed(cursor);
      return table->AddNumber(column, value);
    }
    case ValueKind::kBool: {
      bool value = false;
      if (!cursor.ReadBool(&value)) return Malformed(cursor);
      return table->AddNumber(column, value ? 1 : 0);
    }
    case ValueKind::kNull:
      if (!cursor.ReadNull()) return Malformed(cursor);
      return table->AddMissing(column);
    case ValueKind::kString: {
      std::string value;
      if (!cursor.ReadString(&value)) return Malformed(cursor);
      return table->AddText(column, std::move(value));
    }
    case ValueKind::kNone:
      cursor.Skip();
      return Malformed(cursor);
    default:
      return Bad(fmt::format("{} where a number or a text is expected", ValueKindName(cursor.Peek())));
  }
}

// A scalar, or an array of them that goes down the column.
Status Cells(JsonCursor& cursor, std::size_t column, RowTable* table) {
  if (cursor.Peek() != ValueKind::kArray) return Cell(cursor, column, table);
  if (!cursor.EnterArray()) return Malformed(cursor);
  while (cursor.NextElement()) KEELSON_RETURN_IF_ERROR(Cell(cursor, column, table));
  if (!cursor.ok()) return Malformed(cursor);
  return {};
}

Status NamedCells(JsonCursor& cursor, RowTable* table) {
  const std::size_t before = table->rows();
  if (!cursor.EnterObject()) return Malformed(cursor);
  std::string_view key;
  std::size_t hint = 0;
  std::size_t rows = before;
  while (cursor.NextKey(&key)) {
    KEELSON_ASSIGN_OR_RETURN(const std::size_t column, table->Named(key, hint));
    hint = column + 1;
    const auto held = table->columns()[column].size();
    if (held != before) return Bad(fmt::format("\"{}\" stands twice in an object", table->columns()[column].name));
    KEELSON_RETURN_IF_ERROR(Cells(cursor, column, table));
    rows = std::max(rows, table->columns()[column].size());
  }
  if (!cursor.ok()) return Malformed(cursor);
  return table->EndRow(rows);
}

Status PlacedCells(JsonCursor& cursor, RowTable* table) {
  if (!cursor.EnterArray()) return Malformed(cursor);
  std::size_t place = 0;
  while (cursor.NextElement()) {
    KEELSON_ASSIGN_OR_RETURN(const std::size_t column, table->Placed(place));
    KEELSON_RETURN_IF_ERROR(Cell(cursor, column, table));
    ++place;
  }
  if (!cursor.ok()) return Malformed(cursor);
  if (place != table->columns().size()) {
    return Bad(fmt::format("row {} has {} values, expected {} as the rows before it", table->rows(), place,
                           table->columns().size()));
  }
  return table->EndRow(table->rows() + 1);
}

}  // namespace

Status ReadRows(JsonCursor& cursor, RowTable* table) {
  if (cursor.Peek() != ValueKind::kArray) {
    return Bad(fmt::format("{} where a list of rows is expected", ValueKindName(cursor.Peek())));
  }
  if (!cursor.EnterArray()) return Malformed(cursor);
  std::optional<ValueKind> first;
  while (cursor.NextElement()) {
    ValueKind kind = cursor.Peek();
    if (kind != ValueKind::kObject && kind != ValueKind::kArray) kind = ValueKind::kNumber;  // of whatever kind
    if (first.value_or(kind) != kind) return Bad("rows of different kinds: arrays, objects or scalars");
    first = kind;
    if (kind == ValueKind::kObject) {
      KEELSON_RETURN_IF_ERROR(NamedCells(cursor, table));
    } else if (kind == ValueKind::kArray) {
      KEELSON_RETURN_IF_ERROR(PlacedCells(cursor, table));
    } else {
      KEELSON_ASSIGN_OR_RETURN(const std::size_t column,
                               table->rows() == 0 ? table->Placed(0) : Result<std::size_t>(std::size_t{0}));
      KEELSON_RETURN_IF_ERROR(Cell(cursor, column, table));
      KEELSON_RETURN_IF_ERROR(table->EndRow(table->rows() + 1));
    }
  }
  if (!cursor.ok()) return Malformed(cursor);
  return {};
}

Status ReadColumns(JsonCursor& cursor, RowTable* table) {
  if (cursor.Peek() != ValueKind::kObject) {
    return Bad(fmt::format("{} where an object of columns is expected", ValueKindName(cursor.Peek())));
  }
  return NamedCells(cursor, table);
}

Status ReadSplit(JsonCursor& cursor, RowTable* table) {
  if (cursor.Peek() != ValueKind::kObject) {
    return Bad(fmt::format("Dataframe split format must be a dictionary. Got {}.", ValueKindName(cursor.Peek())));
  }
  if (!cursor.EnterObject()) return Malformed(cursor);
  std::optional<std::vector<std::string>> names;
  bool has_data = false;
  std::string_view key;
  while (cursor.NextKey(&key)) {
    if (key == "columns") {
      names.emplace();
      if (cursor.Peek() == ValueKind::kNull) {
        names.reset();
        if (!cursor.ReadNull()) return Malformed(cursor);
        continue;
      }
      if (!cursor.EnterArray()) return Malformed(cursor);
      while (cursor.NextElement()) {
        if (cursor.Peek() == ValueKind::kString) {
          if (!cursor.ReadString(&names->emplace_back())) return Malformed(cursor);
        } else {
          std::int64_t number = 0;  // pandas' names of columns that have none
          if (!cursor.ReadInt(&number)) return Malformed(cursor);
          names->push_back(std::to_string(number));
        }
      }
      if (!cursor.ok()) return Malformed(cursor);
    } else if (key == "data") {
      if (has_data) return Bad("\"data\" stands twice");
      has_data = true;
      KEELSON_RETURN_IF_ERROR(ReadRows(cursor, table));
      if (table->named()) return Bad("an object where a row of \"data\" is expected");
    } else if (key == "index") {
      if (!cursor.Skip()) return Malformed(cursor);
    } else {
      return Bad(
          fmt::format("Dataframe split format must have 'data' field and optionally 'columns' and 'index' "
                      "fields. Got '{}'.",
                      key.substr(0, 60)));
    }
  }
  if (!cursor.ok()) return Malformed(cursor);
  if (!has_data) {
    return Bad("Dataframe split format must have 'data' field and optionally 'columns' and 'index' fields.");
  }
  if (names) KEELSON_RETURN_IF_ERROR(table->Rename(*names));
  return {};
}

}  // namespace keelson::wire::inference
