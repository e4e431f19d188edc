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

}  // namespace

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
