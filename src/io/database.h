#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace keelson::io {

// Bytes that are no text.
struct SqlBlob {
  std::string bytes;
  bool operator==(const SqlBlob&) const = default;
};

// One SQL value; std::monostate is NULL.
using SqlValue = std::variant<std::monostate, std::int64_t, double, std::string, SqlBlob>;
using SqlRow = std::vector<SqlValue>;

// Convenience readers of a column; the wrong type is our own mistake and aborts.
std::int64_t AsInt(const SqlValue& value);
double AsDouble(const SqlValue& value);  // an integer is read as its double
const std::string& AsText(const SqlValue& value);
const std::string& AsBytes(const SqlValue& value);  // of a SqlBlob
bool IsNull(const SqlValue& value);

// A connection inside a transaction (writers) or a read snapshot (readers). Values are always bound, never pasted: one
// `?` each. One statement a call. Errors, where = the file: a unique or primary key is kAlreadyExists, another
// constraint kFailedPrecondition, a statement that is wrong in itself kInternal; the rest as said at Database.
class SqlSession {
 public:
  virtual ~SqlSession() = default;
  virtual Result<std::vector<SqlRow>> Query(std::string_view sql, const std::vector<SqlValue>& values = {}) = 0;
  virtual Result<std::int64_t> Execute(std::string_view sql,
                                       const std::vector<SqlValue>& values = {}) = 0;  // rows changed
  // Query without keeping the rows: `each` sees one after the other and may take what it holds. An error from it ends
  // the query and is given. It asks this session nothing by the same text.
  virtual Status ForEach(std::string_view sql, const std::vector<SqlValue>& values,
                         const std::function<Status(SqlRow&)>& each) = 0;
};

struct Migration {
  int version;           // 1, 2, 3, ...
  std::string_view sql;  // several statements; run in one transaction together with the version's own record
  // What PostgreSQL runs in its place, where InPostgres(sql) would not do; a space for nothing at all.
  std::string_view postgres = {};
  std::function<Status(SqlSession&)> then = {};  // what no SQL can say, behind it in the same transaction
};

// SQLite (WAL, synchronous=FULL), or PostgreSQL (OpenPostgres). One writer thread groups the transactions that wait
// into one commit: each still succeeds or fails alone (savepoints), and Write returns after the commit is on disk. Any
// number of readers beside it. A corrupt page gives kDataLoss, a full disk kResourceExhausted, a read-only file
// kPermissionDenied, each with the path and what to do. Thread-safe, Migrate included. One process opens the file at a
// time (the data directory's lock sees to that).
class Database {
 public:
  // Makes the file when there is none.
  static Result<std::unique_ptr<Database>> Open(const std::string& path);
  virtual ~Database() = default;

  // Brings the component's schema from whatever version is stored to the last of `migrations`; refuses a newer one with
  // kFailedPrecondition. Each step in one transaction. `component` names a schema in the shared file ("tracking",
  // "control"): each room migrates its own tables.
  virtual Status Migrate(std::string_view component, const std::vector<Migration>& migrations) = 0;

  // Runs `work` in a write transaction; an error from it rolls back and is returned. Durable when it returns. `work`
  // runs on the writer thread and may run twice (the first run rolled back): it sets what it captures anew, and calls
  // no Database.
  virtual Status Write(const std::function<Status(SqlSession&)>& work) = 0;
  // Runs `work` on a consistent snapshot; it sees everything whose Write has returned.
  virtual Status Read(const std::function<Status(SqlSession&)>& work) = 0;

  // An online copy, consistent and checked; it replaces `path` whole or not at all. Writers go on beside it.
  virtual Status BackupTo(const std::string& path) = 0;
  virtual Result<std::vector<std::string>> CheckIntegrity() = 0;  // what is wrong, a line each; empty when sound
  // The same table by table, until `stop`: for a large file, beside its use.
  virtual Result<std::vector<std::string>> CheckTables(const std::atomic<bool>& stop) = 0;
};

// What is wrong with a database file that no server has open (a backup, say); as CheckIntegrity.
Result<std::vector<std::string>> CheckDatabaseFile(const std::string& path);

}  // namespace keelson::io
