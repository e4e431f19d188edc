#include "features/as_of.h"

#include <fmt/format.h>

#include "features/keys.h"

namespace keelson::features {
namespace {

using data::ColumnType;

Result<std::size_t> IndexOf(const data::Table& table, std::string_view name) {
  for (std::size_t i = 0; i < table.columns().size(); ++i) {
    if (table.columns()[i].name == name) return i;
  }
  return Fail(ErrorCode::kNotFound, fmt::format("the table has no column \"{}\"", name));
}

Result<std::size_t> InstantIndex(const data::Table& table, std::string_view name) {
  KEELSON_ASSIGN_OR_RETURN(const std::size_t index, IndexOf(table, name));
  if (table.columns()[index].type == ColumnType::kTimestamp) return index;
  return Fail(ErrorCode::kInvalidArgument, fmt::format("the column \"{}\" is {}, not timestamp", name,
                                                       data::ColumnTypeName(table.columns()[index].type)));
}

void SetNull(data::Column& column, std::size_t row) {
  column.valid[row] = 0;
  if (!column.ints.empty()) column.ints[row] = 0;
  if (!column.doubles.empty()) column.doubles[row] = 0;
  if (!column.strings.empty()) column.strings[row].clear();
}

}  // namespace

Result<data::Table> VisibleAt(const data::Table& table, std::string_view time_column,
                              const std::map<std::string, std::string>& known, Instant t) {
  const std::int64_t now = ToMicros(t);
  std::vector<std::size_t> rows;
  if (time_column.empty()) {
    for (std::size_t row = 0; row < table.rows(); ++row) rows.push_back(row);
  } else {
    KEELSON_ASSIGN_OR_RETURN(const std::size_t time, InstantIndex(table, time_column));
    const data::Column& times = table.columns()[time];
    for (std::size_t row = 0; row < table.rows(); ++row) {
      if (!times.is_null(row) && times.ints[row] <= now) rows.push_back(row);
    }
  }
  data::Table visible = table.Take(rows);
  std::map<std::size_t, std::vector<std::size_t>> told;  // telling column -> the columns that it tells of
  for (const auto& [column, instant] : known) {
    KEELSON_ASSIGN_OR_RETURN(const std::size_t teller, InstantIndex(table, instant));
    KEELSON_ASSIGN_OR_RETURN(told[teller].emplace_back(), IndexOf(table, column));
  }
  for (const auto& [teller, columns] : told) {
    for (std::size_t row = 0; row < visible.rows(); ++row) {
      const data::Column& instants = visible.columns()[teller];
      if (!instants.is_null(row) && instants.ints[row] <= now) continue;
      for (const std::size_t column : columns) SetNull(visible.columns()[column], row);
      SetNull(visible.columns()[teller], row);
    }
  }
  return visible;
}

Result<data::Table> Upsert(const data::Table& base, const data::Table& pushed, std::string_view key) {
  if (base.schema() != pushed.schema()) {
    return Fail(ErrorCode::kInvalidArgument, "the pushed rows do not have the columns of the table");
  }
  std::size_t key_column = 0;
  if (!key.empty()) {
    KEELSON_ASSIGN_OR_RETURN(key_column, IndexOf(base, key));
  }
  data::Table all = base;
  KEELSON_RETURN_IF_ERROR(all.AppendTable(pushed));
  BytesMap<std::size_t> places;  // the row's name -> its place in `rows`
  std::vector<std::size_t> rows;
  std::vector<data::Value> cells(all.columns().size());
  std::string name;
  for (std::size_t row = 0; row < all.rows(); ++row) {
    name.clear();
    if (key.empty()) {
      for (std::size_t i = 0; i < cells.size(); ++i) cells[i] = all.At(row, i);
      name = RowFingerprint(cells);
    } else {
      const data::Value cell = all.At(row, key_column);
      KEELSON_ASSIGN_OR_RETURN(const bool whole, AppendKeyPart(cell, all.columns()[key_column].type, key, name));
      if (!whole) return Fail(ErrorCode::kInvalidArgument, fmt::format("row {} has no \"{}\"", row + 1, key));
    }
    const auto [place, is_new] = places.try_emplace(name, rows.size());
    if (is_new) {
      rows.push_back(row);
    } else {
      rows[place->second] = row;
    }
  }
  return all.Take(rows);
}

}  // namespace keelson::features
