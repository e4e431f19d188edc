#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "data/duckdb.h"
#include "data/source_reader.h"

namespace keelson::data {

// A table made by SQL over the sources and over other such tables.
struct Transform {
  std::string name;
  std::string sql;   // see sql_query.h for what is accepted
  std::string file;  // where the SQL stands, for errors
};

struct PreparedTable {
  std::string name;
  Schema schema;
  std::uint64_t rows = 0;
  std::vector<std::string> inputs;  // the sources and tables that it read
};

// Runs the transforms over the sources that ReadSource or Register put into the schema `source`; each result becomes
// the engine's table prepared.NAME, which PreparedSql(NAME) selects. A transform may name sources and other transforms,
// in any order of `transforms`. One that is named like a source refines it: inside its own SQL the name means the raw
// source, in all others the prepared table. It runs on one thread, so that rows come in the same order every time. The
// transforms' order of running is the order of the answer.
//
// kInvalidArgument, with `where` = the transform's file: SQL that is refused or fails, a name that is neither a source
// nor a transform, a cycle (named: a -> b -> a). Nothing is prepared then.
Result<std::vector<PreparedTable>> PrepareTables(Engine& engine, const std::vector<std::string>& sources,
                                                 const std::vector<Transform>& transforms);

// SELECT of a prepared table, or of the raw source when no transform has its name.
std::string PreparedSql(const std::string& name);
std::string SourceSql(const std::string& name);

}  // namespace keelson::data
