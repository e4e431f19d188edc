#include "io/postgres_database.h"

#include "io/postgres_connection.h"
#include "io/sql_database.h"

namespace keelson::io {
namespace {

class PostgresDatabase final : public SqlDatabase {
 public:
  PostgresDatabase(std::string where, const std::string& url, std::unique_ptr<PostgresConnection> writer)
      : SqlDatabase(std::move(where), std::move(writer),
                    [url]() -> Result<std::unique_ptr<SqlConnection>> { return PostgresConnection::Open(url); }) {}

  Status BackupTo(const std::string&) override {
    return Fail(ErrorCode::kUnsupported, "a database in PostgreSQL is copied with pg_dump", where());
  }
  Result<std::vector<std::string>> CheckIntegrity() override { return std::vector<std::string>(); }
  Result<std::vector<std::string>> CheckTables(const std::atomic<bool>&) override { return CheckIntegrity(); }
};

}  // namespace

bool IsPostgresUrl(const std::string& text) {
  return text.starts_with("postgresql://") || text.starts_with("postgres://");
}

Result<std::unique_ptr<Database>> OpenPostgres(const std::string& url, PostgresServers servers) {
  KEELSON_ASSIGN_OR_RETURN(std::string where, PostgresName(url));
  KEELSON_ASSIGN_OR_RETURN(auto writer, PostgresConnection::Open(url, servers == PostgresServers::kAlone));
  return std::make_unique<PostgresDatabase>(std::move(where), url, std::move(writer));
}

}  // namespace keelson::io
