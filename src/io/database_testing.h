#pragma once

#include <fmt/format.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "base/hash.h"
#include "io/database.h"
#include "io/postgres_database.h"

namespace keelson::io {

// The PostgreSQL that the suite postgres runs the same tests on; nullptr on SQLite.
inline const char* TestPostgres() {
  return std::getenv("KEELSON_POSTGRES");
}

// For tests: the SQLite file at `path`, or on PostgreSQL a schema that is this path's own.
inline Result<std::unique_ptr<Database>> OpenTestDatabase(const std::string& path) {
  const char* const url = TestPostgres();
  if (url == nullptr) return Database::Open(path);
  const std::string schema = fmt::format("t{:016x}", StableHash(path));
  KEELSON_ASSIGN_OR_RETURN(const auto whole, OpenPostgres(url));
  KEELSON_RETURN_IF_ERROR(whole->Write([&](SqlSession& session) -> Status {
    KEELSON_RETURN_IF_ERROR(session.Execute(fmt::format("CREATE SCHEMA IF NOT EXISTS {}", schema)));
    return {};
  }));
  return OpenPostgres(fmt::format("{}&options=-csearch_path%3D{}", url, schema));
}

}  // namespace keelson::io
