#include "io/foreign_database.h"

#include <string_view>
#include <utility>

#include "io/files.h"
#include "io/postgres_connection.h"
#include "io/sqlite_connection.h"

namespace keelson::io {
namespace {

Result<std::unique_ptr<SqlConnection>> Open(std::string_view scheme, const std::string& rest) {
  if (scheme == "postgresql" || scheme == "postgres") return PostgresConnection::Open("postgresql://" + rest);
  if (scheme != "sqlite" || !rest.starts_with('/') || rest.size() < 2) {
    return Fail(ErrorCode::kInvalidArgument, "expected sqlite:///FILE or postgresql://...");
  }
  const std::string file = rest.substr(1);
  if (!Exists(file)) return Fail(ErrorCode::kNotFound, "there is no such file", file);
  return SqliteConnection::Open(file, SqliteConnection::Mode::kReader);
}

Status Fill(const std::string& file, std::string_view script, const std::function<Status(SqlSession&)>& fill) {
  KEELSON_ASSIGN_OR_RETURN(const auto connection, SqliteConnection::Open(file, SqliteConnection::Mode::kWriter));
  // Nobody reads the file before it is whole, so that it needs no journal. What refers to rows that are gone stays.
  KEELSON_RETURN_IF_ERROR(connection->RunScript(
      "PRAGMA journal_mode = DELETE; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF"));
  KEELSON_RETURN_IF_ERROR(connection->BeginWrite());
  KEELSON_RETURN_IF_ERROR(connection->RunScript(script));
  KEELSON_RETURN_IF_ERROR(fill(*connection));
  return connection->Commit();
}

}  // namespace

Status WriteForeignDatabase(const std::string& path, std::string_view script,
                            const std::function<Status(SqlSession&)>& fill) {
  if (Exists(path)) return Fail(ErrorCode::kAlreadyExists, "there is such a file already", path);
  const std::string part = path + ".part";
  const auto clean = [&]() -> Status {
    for (const std::string_view end : {"", "-wal", "-shm", "-journal"}) {
      KEELSON_RETURN_IF_ERROR(RemoveTree(part + std::string(end)));
    }
    return {};
  };
  KEELSON_RETURN_IF_ERROR(clean());  // of one that was interrupted
  if (const Status filled = Fill(part, script, fill); !filled) {
    KEELSON_RETURN_IF_ERROR(clean());
    return filled;
  }
  KEELSON_RETURN_IF_ERROR(SyncTree(part));
  return Rename(part, path);
}

Result<std::unique_ptr<SqlSession>> OpenForeignDatabase(const std::string& url) {
  constexpr std::string_view kMark = "://";
  const std::size_t mark = url.find(kMark);
  if (mark == std::string::npos) {
    return Fail(ErrorCode::kInvalidArgument, "expected sqlite:///FILE or postgresql://...", url);
  }
  const std::string_view scheme = std::string_view(url).substr(0, std::min(url.find('+'), mark));
  KEELSON_ASSIGN_OR_RETURN(auto connection, Open(scheme, url.substr(mark + kMark.size())));
  KEELSON_RETURN_IF_ERROR(connection->BeginRead());
  return connection;
}

}  // namespace keelson::io
