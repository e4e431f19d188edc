#include "io/database.h"

#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "base/random.h"
#include "io/files.h"
#include "io/sql_database.h"
#include "io/sqlite_connection.h"

namespace keelson::io {
namespace {

class SqliteDatabase final : public SqlDatabase {
 public:
  SqliteDatabase(const std::string& path, std::unique_ptr<SqliteConnection> writer)
      : SqlDatabase(path, std::move(writer), [path]() -> Result<std::unique_ptr<SqlConnection>> {
          return SqliteConnection::Open(path, SqliteConnection::Mode::kReader);
        }) {}

  Status BackupTo(const std::string& path) override;
  Result<std::vector<std::string>> CheckIntegrity() override { return CheckDatabaseFile(where()); }
  Result<std::vector<std::string>> CheckTables(const std::atomic<bool>& stop) override;
};

Status SqliteDatabase::BackupTo(const std::string& path) {
  const std::string unfinished = fmt::format("{}.{}", path, RandomId());
  const auto copy = [&]() -> Status {
    KEELSON_ASSIGN_OR_RETURN(auto reader, SqliteConnection::Open(where(), SqliteConnection::Mode::kReader));
    KEELSON_RETURN_IF_ERROR(reader->CopyTo(unfinished));
    KEELSON_ASSIGN_OR_RETURN(const auto wrong, CheckDatabaseFile(unfinished));
    if (!wrong.empty()) {
      return Fail(ErrorCode::kDataLoss, fmt::format("the copy of the database is not sound: {}", wrong[0]), where());
    }
    KEELSON_RETURN_IF_ERROR(SyncTree(unfinished));
    return Rename(unfinished, path);
  };
  const Status copied = copy();
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
    if (const Status removed = RemoveTree(unfinished + suffix); !removed.has_value() && copied.has_value())
      return removed;
  }
  return copied;
}

// Ends what the connection does when `stop` says so: one table can take minutes.
class Interrupter {
 public:
  Interrupter(SqliteConnection& connection, const std::atomic<bool>& stop)
      : thread_([&connection, &stop](const std::stop_token& over) {
          while (!over.stop_requested()) {
            if (stop) connection.Interrupt();
            std::this_thread::sleep_for(kLook);
          }
        }) {}

 private:
  static constexpr std::chrono::milliseconds kLook{20};
  std::jthread thread_;
};

Result<std::vector<std::string>> SqliteDatabase::CheckTables(const std::atomic<bool>& stop) {
  std::vector<std::string> wrong;
  const auto check = [&]() -> Status {
    KEELSON_ASSIGN_OR_RETURN(auto connection, SqliteConnection::Open(where(), SqliteConnection::Mode::kReader));
    KEELSON_ASSIGN_OR_RETURN(const auto tables,
                             connection->Query("SELECT name FROM sqlite_schema WHERE type = 'table'", {}));
    const Interrupter interrupter(*connection, stop);
    for (const SqlRow& table : tables) {
      const std::string& name = AsText(table[0]);
      const auto lines = connection->Query(fmt::format("PRAGMA integrity_check(\"{}\")", name), {});
      if (stop) return {};  // what was found in half a tree may be no damage
      if (!lines) return std::unexpected(lines.error());
      for (const SqlRow& line : *lines) {
        if (AsText(line[0]) != "ok") wrong.push_back(AsText(line[0]));
      }
    }
    return {};
  };
  const Status checked = check();
  if (checked.has_value()) return wrong;
  if (checked.error().code != ErrorCode::kDataLoss) return std::unexpected(checked.error());
  wrong.push_back(checked.error().message);
  return wrong;
}

}  // namespace

Result<std::vector<std::string>> CheckDatabaseFile(const std::string& path) {
  const auto check = [&]() -> Result<std::vector<std::string>> {
    KEELSON_ASSIGN_OR_RETURN(auto connection, SqliteConnection::Open(path, SqliteConnection::Mode::kReader));
    std::vector<std::string> wrong;
    KEELSON_ASSIGN_OR_RETURN(const auto lines, connection->Query("PRAGMA integrity_check(100)", {}));
    for (const SqlRow& line : lines) {
      if (AsText(line[0]) != "ok") wrong.push_back(AsText(line[0]));
    }
    KEELSON_ASSIGN_OR_RETURN(const auto orphans, connection->Query("PRAGMA foreign_key_check", {}));
    for (const SqlRow& row : orphans) {
      wrong.push_back(
          fmt::format("a row of {} refers to a row of {} that is not there", AsText(row[0]), AsText(row[2])));
    }
    return wrong;
  };
  auto wrong = check();
  if (!wrong.has_value() && wrong.error().code == ErrorCode::kDataLoss) return std::vector{wrong.error().message};
  return wrong;
}

Result<std::unique_ptr<Database>> Database::Open(const std::string& path) {
  KEELSON_ASSIGN_OR_RETURN(auto writer, SqliteConnection::Open(path, SqliteConnection::Mode::kWriter));
  return std::make_unique<SqliteDatabase>(path, std::move(writer));
}

}  // namespace keelson::io
