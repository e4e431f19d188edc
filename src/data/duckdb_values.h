#pragma once

#include "data/duckdb_api.h"
#include "data/table.h"

namespace keelson::data {

// Between DuckDB's vectors and our columns. No state; used by Engine alone.

// An empty table with the columns of a result; kInvalidArgument for a type that we have none for, with the column's
// name.
Result<Table> TableFor(const DuckDbApi& api, duckdb_result& result);
// Appends the rows of one chunk of `result` to `table`.
Status AppendChunk(const DuckDbApi& api, duckdb_result& result, duckdb_data_chunk chunk, Table& table);

duckdb_type DuckDbTypeOf(ColumnType type);
std::string_view SqlTypeOf(ColumnType type);  // as in CREATE TABLE
// Copies `count` values of `column` from `first` on into a vector of its type.
void FillVector(const DuckDbApi& api, const Column& column, std::size_t first, std::size_t count, duckdb_vector vector);

}  // namespace keelson::data
