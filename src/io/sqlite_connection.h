#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "io/sql_connection.h"

struct sqlite3;
struct sqlite3_stmt;

namespace keelson::io {

// One connection to a SQLite file with a cache of prepared statements; the mechanics beneath Database, used by nobody
// else. Owned by the Database; used by one thread at a time.
class SqliteConnection final : public SqlConnection {
 public:
  enum class Mode { kWriter, kReader };

  // The writer makes the file, sets WAL and synchronous=FULL; a reader needs the file to exist and can change nothing.
  static Result<std::unique_ptr<SqliteConnection>> Open(const std::string& path, Mode mode);
  ~SqliteConnection() override;
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;

  Result<std::vector<SqlRow>> Query(std::string_view sql, const std::vector<SqlValue>& values) override;
  Result<std::int64_t> Execute(std::string_view sql, const std::vector<SqlValue>& values) override;
  Status ForEach(std::string_view sql, const std::vector<SqlValue>& values,
                 const std::function<Status(SqlRow&)>& each) override;

  // From any thread, while this lives: the statement under way ends with an error, soon.
  void Interrupt();

  Status BeginWrite() override { return RunScript("BEGIN IMMEDIATE"); }
  Status BeginRead() override { return RunScript("BEGIN"); }
  Status Commit() override { return RunScript("COMMIT"); }
  Status RollBack() override { return RunScript("ROLLBACK"); }
  bool InTransaction() const override;
  Status RunMigration(const Migration& migration) override { return RunScript(migration.sql); }
  bool Lost() const override { return false; }

  Status RunScript(std::string_view sql);  // several statements, no values
  Status CopyTo(const std::string& path);  // through SQLite's backup interface, into a new file

 private:
  SqliteConnection(std::string path, sqlite3* handle) : path_(std::move(path)), handle_(handle) {}
  Result<sqlite3_stmt*> Prepare(std::string_view sql);
  Result<sqlite3_stmt*> Bound(std::string_view sql, const std::vector<SqlValue>& values);
  std::unexpected<Error> Failure(std::string_view action) const;

  // Statements are looked up by the text that was given, without a copy of it.
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  std::string path_;
  sqlite3* handle_;
  std::unordered_map<std::string, sqlite3_stmt*, TextHash, std::equal_to<>> statements_;
};

// The Error of an extended SQLite result code; separate so that it can be tested.
Error SqliteError(int extended_code, std::string_view reason, std::string_view action, const std::string& path);

}  // namespace keelson::io
