#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "data/table.h"

namespace keelson::control {

// Rows as JSON, typed by a schema. `table` has the columns of the schema that some row has, in the schema's order: a
// renamed column is then both missing and unknown.
struct JsonRows {
  data::Table table;
  std::size_t rows = 0;
  std::vector<std::string> unknown;  // columns that the schema has not, sorted
};

// `body` is {"rows": [...]}, what else it has is not looked at; a row is an object by column name, and a column that it
// does not have is null in it. kInvalidArgument names the row and column, or says that there are more than `at_most`
// rows.
Result<JsonRows> ReadJsonRows(std::string_view body, const data::Schema& schema, std::size_t at_most);

}  // namespace keelson::control
