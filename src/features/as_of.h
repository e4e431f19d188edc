#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "data/table.h"

namespace keelson::features {

// What could be seen of `table` at `t`: the rows whose time is at or before it, in their order. In these, each column
// of `known` (column -> the column that tells when its value was known) is null, and so is the telling column, where
// the instant told is null or after `t`. With `time_column` = "" every row is there. A row without a time is never
// visible. kNotFound or kInvalidArgument when a named column is missing or does not hold instants.
Result<data::Table> VisibleAt(data::Table table, std::string_view time_column,
                              const std::map<std::string, std::string>& known, Instant t);

// The rows of `base` with those of `pushed` after them; of rows with the same value in the column `key` only the last,
// where the first of them stood. With `key` = "" equal rows are one row. Equal schemas; kInvalidArgument otherwise, or
// when a key is null; kNotFound when there is no such column.
Result<data::Table> Upsert(data::Table base, const data::Table& pushed, std::string_view key);

}  // namespace keelson::features
