#pragma once

#include "data/table.h"

namespace keelson::control {

// `rows` with the columns of `schema`, found by name and type; one that they have not is null. A batch of pushed rows
// may carry the request id of a label beside the table's columns, or be older than the table's present columns.
data::Table WithColumns(const data::Table& rows, const data::Schema& schema);

}  // namespace keelson::control
