#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "data/table.h"

namespace keelson::data {

struct DuckDbApi;

// An SQL engine for analysis: DuckDB with an in-memory database, opened at first use in the roles that need it (worker,
// replay, backtest), never in the server. No extension is ever installed or loaded, the session's time zone is UTC, and
// results keep the order of their input. One thread at a time calls it; Interrupt alone may come from any thread.
//
// DuckDB's types become ours: integers int64 (kInvalidArgument when one does not fit), decimals and floats double (not
// a number is null), dates and timestamps timestamp, enums string. Others (LIST, BLOB, INTERVAL, ...) are
// kInvalidArgument: cast them in the SQL.
class Engine {
 public:
  struct Options {
    std::uint64_t memory_bytes = 1ull << 30;
    int threads = 2;
    std::string temp_folder;           // spills larger than memory go here; "" for none
    std::vector<std::string> folders;  // stay readable and writable after LockDown
  };
  static Result<std::unique_ptr<Engine>> Open(const Options& options);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // One or more statements; the result is the last one's.
  Status Execute(std::string_view sql);
  Result<Table> Query(std::string_view sql);
  // The rows of one query, in order, a few thousand at a time; stops at the first error of `sink`.
  Result<Schema> Stream(std::string_view sql, const std::function<Status(const Table&)>& sink);

  // A copy of `table` as the database table `name` of `schema_name`, replacing one of that name.
  Status Register(const std::string& name, const Table& table, const std::string& schema_name = "main");
  // The rows of a query or table as one Parquet file (zstd); the same rows give the same bytes with the same DuckDB.
  Status WriteParquet(std::string_view sql, const std::string& path);

  // From here on SQL can reach no file and no network, apart from `folders`; it cannot be undone.
  Status LockDown();
  // Ends the statement that runs now with kAborted; without one it does nothing.
  void Interrupt();

  std::string Version() const;  // DuckDB's, such as "v1.4.4"

 private:
  struct State;
  explicit Engine(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

std::string QuoteIdentifier(std::string_view name);  // "a""b", for SQL
std::string QuoteText(std::string_view text);        // 'it''s', for SQL

}  // namespace keelson::data
