#pragma once

#include <string>

#include "base/result.h"
#include "data/table.h"
#include "wire/inference/entity_keys.h"
#include "wire/inference/route.h"
#include "wire/inference/row_table.h"

namespace keelson::wire::inference {

// The entity keys of a request whose rows came as a table: by name, so the table must be a named one. kInvalidArgument
// names the column.
Result<EntityKeys> TakeEntityKeys(const data::Schema& keys, RowTable& table);

// The table with a column more for each name of `names`; `values` has, row by row, one number a name, NaN for null.
Status AddFeatures(const std::vector<std::string>& names, const std::vector<double>& values, RowTable* table);

// The table as a body for a replica: {"instances": [{...}, ...]} for KServe v1, {"dataframe_split": ...} with
// params.predict for MLflow scoring.
std::string WriteTableBody(Route::Kind kind, std::string_view predict, RowTable& table);

}  // namespace keelson::wire::inference
