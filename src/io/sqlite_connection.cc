#include "io/sqlite_connection.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <type_traits>

#include "io/sqlite_regexp.h"

namespace keelson::io {
namespace {

constexpr std::size_t kMaxStatements = 256;
constexpr int kBusyMilliseconds = 10'000;  // for a doctor or a backup of another process beside us

// Resets a statement when its use ends, so that it holds no lock and no bound text.
class Use {
 public:
  explicit Use(sqlite3_stmt* statement) : statement_(statement) {}
  ~Use() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;

 private:
  sqlite3_stmt* statement_;
};

int Bind(sqlite3_stmt* statement, int index, const SqlValue& value) {
  return std::visit(
      [&](const auto& v) {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<T, std::monostate>) {
          return sqlite3_bind_null(statement, index);
        } else if constexpr (std::is_same_v<T, std::int64_t>) {
          return sqlite3_bind_int64(statement, index, v);
        } else if constexpr (std::is_same_v<T, double>) {
          return sqlite3_bind_double(statement, index, v);
        } else if constexpr (std::is_same_v<T, SqlBlob>) {
          return sqlite3_bind_blob64(statement, index, v.bytes.data(), v.bytes.size(), SQLITE_STATIC);
        } else {
          return sqlite3_bind_text64(statement, index, v.data(), v.size(), SQLITE_STATIC, SQLITE_UTF8);
        }
      },
      value);
}

SqlValue ColumnOf(sqlite3_stmt* statement, int column) {
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_NULL:
      return std::monostate{};
    case SQLITE_INTEGER:
      return sqlite3_column_int64(statement, column);
    case SQLITE_FLOAT:
      return sqlite3_column_double(statement, column);
    case SQLITE_BLOB: {
      const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement, column));
      const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, column));
      return SqlBlob{bytes == nullptr ? std::string() : std::string(bytes, size)};
    }
    default: {
      const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement, column));
      const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, column));
      return bytes == nullptr ? std::string() : std::string(bytes, size);
    }
  }
}

}  // namespace

Error SqliteError(int extended_code, std::string_view reason, std::string_view action, const std::string& path) {
  constexpr std::string_view kRepair =
      "run `keelson doctor` to see the damage, and `keelson restore` to go back to a backup";
  const auto make = [&](ErrorCode code, std::string_view advice) {
    return Error{code, fmt::format("cannot {}: {}{}{}", action, reason, advice.empty() ? "" : "; ", advice), path};
  };
  switch (extended_code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
      return make(ErrorCode::kAlreadyExists, "");
    case SQLITE_IOERR_SHORT_READ:
    case SQLITE_IOERR_CORRUPTFS:
    case SQLITE_IOERR_DATA:
      return make(ErrorCode::kDataLoss, kRepair);
    default:
      break;
  }
  switch (extended_code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return make(ErrorCode::kDataLoss, kRepair);
    case SQLITE_FULL:
      return make(ErrorCode::kResourceExhausted, "make room on the disk, then try again");
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG:
      return make(ErrorCode::kResourceExhausted, "");
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_CANTOPEN:
      return make(ErrorCode::kPermissionDenied, "the file and its folder must be there and writable for this user");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return make(ErrorCode::kUnavailable, "another process uses the file");
    case SQLITE_IOERR:
      return make(ErrorCode::kUnavailable, "");
    case SQLITE_CONSTRAINT:
      return make(ErrorCode::kFailedPrecondition, "");
    default:
      return make(ErrorCode::kInternal, "");
  }
}

std::unexpected<Error> SqliteConnection::Failure(std::string_view action) const {
  return std::unexpected(SqliteError(sqlite3_extended_errcode(handle_), sqlite3_errmsg(handle_), action, path_));
}

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::Open(const std::string& path, Mode mode) {
  if (path.empty() || path.find('\0') != std::string::npos) {
    return Fail(ErrorCode::kInvalidArgument, "the path of a database must not be empty or contain a NUL byte");
  }
  const int flags = (mode == Mode::kWriter ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY) |
                    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  sqlite3* handle = nullptr;
  const int opened = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  std::unique_ptr<SqliteConnection> connection(new SqliteConnection(path, handle));
  if (opened != SQLITE_OK) {
    return std::unexpected(SqliteError(opened, sqlite3_errstr(opened), "open the database", path));
  }
  sqlite3_busy_timeout(handle, kBusyMilliseconds);
  if (AddRegexp(handle) != SQLITE_OK) return connection->Failure("prepare the database");
  KEELSON_RETURN_IF_ERROR(
      connection->RunScript("PRAGMA foreign_keys = ON; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY"));
  if (mode == Mode::kReader) {
    KEELSON_RETURN_IF_ERROR(connection->RunScript("PRAGMA query_only = ON"));
    return connection;
  }
  if (sqlite3_db_readonly(handle, "main") == 1) {
    return std::unexpected(SqliteError(SQLITE_READONLY, "the file is read-only", "open the database", path));
  }
  KEELSON_ASSIGN_OR_RETURN(const auto journal, connection->Query("PRAGMA journal_mode = WAL", {}));
  if (journal.empty() || journal[0] != SqlRow{std::string("wal")}) {
    return Fail(ErrorCode::kUnsupported, "this file system cannot hold a write-ahead log; use a local one", path);
  }
  KEELSON_RETURN_IF_ERROR(connection->RunScript("PRAGMA synchronous = FULL"));
  return connection;
}

SqliteConnection::~SqliteConnection() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(handle_);
}

void SqliteConnection::Interrupt() {
  sqlite3_interrupt(handle_);
}

Result<sqlite3_stmt*> SqliteConnection::Prepare(std::string_view sql) {
  if (const auto found = statements_.find(sql); found != statements_.end()) return found->second;
  std::string key(sql);
  if (statements_.size() >= kMaxStatements) {
    std::erase_if(statements_, [](const auto& entry) {
      if (sqlite3_stmt_busy(entry.second) != 0) return false;  // of a ForEach that is under way
      sqlite3_finalize(entry.second);
      return true;
    });
  }
  sqlite3_stmt* statement = nullptr;
  const char* rest = nullptr;
  if (sqlite3_prepare_v3(handle_, key.c_str(), static_cast<int>(key.size()) + 1, SQLITE_PREPARE_PERSISTENT, &statement,
                         &rest) != SQLITE_OK) {
    return Failure(fmt::format("prepare \"{}\"", sql));
  }
  if (statement == nullptr || std::string_view(rest).find_first_not_of(" \t\r\n;") != std::string_view::npos) {
    sqlite3_finalize(statement);
    return Fail(ErrorCode::kInternal, fmt::format("not one SQL statement: \"{}\"", sql), path_);
  }
  statements_.emplace(std::move(key), statement);
  return statement;
}

Result<sqlite3_stmt*> SqliteConnection::Bound(std::string_view sql, const std::vector<SqlValue>& values) {
  KEELSON_ASSIGN_OR_RETURN(sqlite3_stmt* const statement, Prepare(sql));
  if (sqlite3_bind_parameter_count(statement) != static_cast<int>(values.size())) {
    return Fail(ErrorCode::kInternal, fmt::format("{} values given for \"{}\"", values.size(), sql), path_);
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (Bind(statement, static_cast<int>(i) + 1, values[i]) == SQLITE_OK) continue;
    const auto failure = Failure("bind a value");
    sqlite3_clear_bindings(statement);
    return failure;
  }
  return statement;
}

Status SqliteConnection::ForEach(std::string_view sql, const std::vector<SqlValue>& values,
                                 const std::function<Status(SqlRow&)>& each) {
  KEELSON_ASSIGN_OR_RETURN(sqlite3_stmt* const statement, Bound(sql, values));
  const Use use(statement);
  SqlRow row;
  for (;;) {
    const int stepped = sqlite3_step(statement);
    if (stepped == SQLITE_DONE) return {};
    if (stepped != SQLITE_ROW)
      return Failure(sqlite3_stmt_readonly(statement) != 0 ? "read the database" : "write the database");
    row.resize(static_cast<std::size_t>(sqlite3_column_count(statement)));
    for (std::size_t i = 0; i < row.size(); ++i) row[i] = ColumnOf(statement, static_cast<int>(i));
    KEELSON_RETURN_IF_ERROR(each(row));
  }
}

Result<std::vector<SqlRow>> SqliteConnection::Query(std::string_view sql, const std::vector<SqlValue>& values) {
  std::vector<SqlRow> rows;
  KEELSON_RETURN_IF_ERROR(ForEach(sql, values, [&](SqlRow& row) -> Status {
    rows.push_back(std::move(row));
    return {};
  }));
  return rows;
}

Result<std::int64_t> SqliteConnection::Execute(std::string_view sql, const std::vector<SqlValue>& values) {
  const std::int64_t before = sqlite3_total_changes64(handle_);
  KEELSON_ASSIGN_OR_RETURN(sqlite3_stmt* const statement, Bound(sql, values));
  const Use use(statement);
  int stepped = SQLITE_ROW;
  while (stepped == SQLITE_ROW) stepped = sqlite3_step(statement);
  if (stepped != SQLITE_DONE) return Failure("write the database");
  // Not sqlite3_changes: a statement that changes no row by its nature would repeat the last one's count.
  return sqlite3_total_changes64(handle_) == before ? 0 : sqlite3_changes64(handle_);
}

Status SqliteConnection::RunScript(std::string_view sql) {
  if (sqlite3_exec(handle_, std::string(sql).c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    return Failure("use the database");
  }
  return {};
}

bool SqliteConnection::InTransaction() const {
  return sqlite3_get_autocommit(handle_) == 0;
}

Status SqliteConnection::CopyTo(const std::string& path) {
  sqlite3* target = nullptr;
  int code = sqlite3_open_v2(path.c_str(), &target, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_EXRESCODE,
                             nullptr);
  if (code == SQLITE_OK) {
    sqlite3_backup* const backup = sqlite3_backup_init(target, "main", handle_, "main");
    if (backup == nullptr) {
      code = sqlite3_extended_errcode(target);
    } else {
      code = sqlite3_backup_step(backup, -1);
      sqlite3_backup_finish(backup);
    }
  }
  sqlite3_close(target);
  if (code == SQLITE_OK || code == SQLITE_DONE) return {};
  return std::unexpected(SqliteError(code, sqlite3_errstr(code), "copy the database", path));
}

}  // namespace keelson::io
