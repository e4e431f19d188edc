#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "data/duckdb.h"
#include "data/table.h"

namespace keelson::data {

// How the files of a source are read; as in the project file.
struct SourceOptions {
  std::vector<std::string> null_values = {""};   // CSV only
  std::map<std::string, ColumnType> types = {};  // by column; the others' are found from all of their values
};

// The schema of the engine that holds the raw sources, and the one of the prepared tables (prepare.h).
inline constexpr const char* kSourceSchema = "source";
inline constexpr const char* kPreparedSchema = "prepared";

// What ReadSource read.
struct SourceRead {
  Schema schema;
  std::uint64_t rows = 0;
  std::vector<std::string> files;  // in the order of their rows
};

// Reads the files that `path` names (.csv, .csv.gz or .parquet; a glob may match several, taken in the order of their
// names) into the engine's table source.NAME, rows in the files' order, replacing one of that name. All or nothing: on
// an error there is no such table. kInvalidArgument says "what, expected" with `where` = "file:line" (CSV) or the file;
// kNotFound when no file matches.
Result<SourceRead> ReadSource(Engine& engine, const std::string& name, const std::string& path,
                              const SourceOptions& options = {});

// The files that ReadSource would read, sorted by name.
Result<std::vector<std::string>> SourceFiles(const std::string& path);

}  // namespace keelson::data
