#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "data/duckdb.h"

namespace keelson::data {

// The tables that a transform reads, as its text names them, sorted, without those that it defines itself (WITH).
//
// A transform is one SELECT (or WITH ... SELECT) that the same sources always answer with the same table. DuckDB's own
// parser reads it; nothing runs. kInvalidArgument says what else was found: another statement, several, a qualified
// name (schema.table), a function that reads files or makes rows of something other than its arguments, a sample, or a
// function whose answer changes from run to run (random, now, ...).
Result<std::vector<std::string>> InspectTransform(Engine& engine, std::string_view sql);

}  // namespace keelson::data
