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

// Those rows alone, which ascend.
void Keep(data::Table& table, const std::vector<std::size_t>& rows) {
  const auto keep = [&](auto& values) {
    if (values.empty()) return;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (i != rows[i]) values[i] = std::move(values[rows[i]]);
    }
    values.resize(rows.size());
  };
  for (data::Column& column : table.columns()) {
    keep(column.valid);
    keep(column.ints);
    keep(column.doubles);
    keep(column.strings);
  }
}

void SetFrom(data::Column& column, std::size_t row, const data::Column& other, std::size_t other_row) {
  column.valid[row] = other.valid[other_row];
  if (!column.ints.empty()) column.ints[row] = other.ints[other_row];
  if (!column.doubles.empty()) column.doubles[row] = other.doubles[other_row];
  if (!column.strings.empty()) column.strings[row] = other.strings[other_row];
}

}  // namespace

Result<data::Table> VisibleAt(data::Table table, std::string_view time_column,
                              const std::map<std::string, std::string>& known, Instant t) {
  const std::int64_t now = ToMicros(t);
  if (!time_column.empty()) {
    KEELSON_ASSIGN_OR_RETURN(const std::size_t time, InstantIndex(table, time_column));
    const data::Column& times = table.columns()[time];
    std::vector<std::size_t> rows;
    for (std::size_t row = 0; row < table.rows(); ++row) {
      if (!times.is_null(row) && times.ints[row] <= now) rows.push_back(row);
    }
    if (rows.size() < table.rows()) Keep(table, rows);
  }
  std::map<std::size_t, std::vector<std::size_t>> told;  // telling column -> the columns that it tells of
  for (const auto& [column, instant] : known) {
    KEELSON_ASSIGN_OR_RETURN(const std::size_t teller, InstantIndex(table, instant));
    KEELSON_ASSIGN_OR_RETURN(told[teller].emplace_back(), IndexOf(table, column));
  }
  for (const auto& [teller, columns] : told) {
    for (std::size_t row = 0; row < table.rows(); ++row) {
      const data::Column& instants = table.columns()[teller];
      if (!instants.is_null(row) && instants.ints[row] <= now) continue;
      for (const std::size_t column : columns) SetNull(table.columns()[column], row);
      SetNull(table.columns()[teller], row);
    }
  }
  return table;
}

namespace {

// Where the rows of tables stand that are put one after another: by name, the place of the first row of that name.
class Places {
 public:
  Places(std::string_view key, std::size_t rows_at_most) : key_(key) { places_.reserve(rows_at_most); }

  // The place of the row, and whether it is the first of its name.
  Result<std::pair<std::size_t, bool>> Find(const data::Table& table, std::size_t row) {
    name_.clear();
    if (key_.empty()) {
      cells_.resize(table.columns().size());
      for (std::size_t i = 0; i < cells_.size(); ++i) cells_[i] = table.At(row, i);
      name_ = RowFingerprint(cells_);
    } else {
      if (table_ != &table) {
        table_ = &table;
        column_ = table.Find(key_);
      }
      bool whole = false;
      if (IsKeyType(column_->type)) {
        whole = AppendKeyPart(*column_, row, name_);
      } else {
        KEELSON_ASSIGN_OR_RETURN(whole, AppendKeyPart(column_->At(row), column_->type, key_, name_));
      }
      if (!whole) return Fail(ErrorCode::kInvalidArgument, fmt::format("row {} has no \"{}\"", row + 1, key_));
    }
    const auto [place, is_new] = places_.try_emplace(name_, places_.size());
    return std::pair(place->second, is_new);
  }

 private:
  std::string_view key_;
  BytesMap<std::size_t> places_;
  const data::Table* table_ = nullptr;  // of which `column_` is the key
  const data::Column* column_ = nullptr;
  std::vector<data::Value> cells_;
  std::string name_;
};

}  // namespace

Result<data::Table> Upsert(data::Table base, const data::Table& pushed, std::string_view key) {
  if (base.schema() != pushed.schema()) {
    return Fail(ErrorCode::kInvalidArgument, "the pushed rows do not have the columns of the table");
  }
  if (!key.empty()) KEELSON_RETURN_IF_ERROR(IndexOf(base, key));
  Places places(key, base.rows() + pushed.rows());
  std::vector<std::size_t> rows;  // of the base: the last of each name, where the first stood
  for (std::size_t row = 0; row < base.rows(); ++row) {
    KEELSON_ASSIGN_OR_RETURN(const auto found, places.Find(base, row));
    if (found.second) {
      rows.push_back(row);
    } else {
      rows[found.first] = row;
    }
  }
  if (rows.size() < base.rows()) base = base.Take(rows);
  for (std::size_t row = 0; row < pushed.rows(); ++row) {
    KEELSON_ASSIGN_OR_RETURN(const auto found, places.Find(pushed, row));
    for (std::size_t i = 0; i < base.columns().size(); ++i) {
      if (found.second) {
        base.columns()[i].AppendFrom(pushed.columns()[i], row);
      } else {
        SetFrom(base.columns()[i], found.first, pushed.columns()[i], row);
      }
    }
  }
  return base;
}

}  // namespace keelson::features
