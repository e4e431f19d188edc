#include "app/roles/metadata.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "io/files.h"
#include "io/postgres_connection.h"
#include "io/postgres_database.h"

namespace keelson::app {
namespace {

std::string SqliteFile(const std::string& data_folder) {
  return data_folder + "/keelson.db";
}

std::string NameFile(const std::string& data_folder) {
  return data_folder + "/database";
}

}  // namespace

Result<std::string> ForeignMetadata(const std::string& data_folder) {
  if (!io::Exists(NameFile(data_folder))) return std::string();
  KEELSON_ASSIGN_OR_RETURN(const std::string name, io::ReadFile(NameFile(data_folder)));
  return std::string(Trim(name));
}

Result<std::unique_ptr<io::Database>> OpenMetadata(const std::string& data_folder, const std::string& url) {
  KEELSON_ASSIGN_OR_RETURN(const std::string foreign, ForeignMetadata(data_folder));
  if (url.empty()) {
    if (!foreign.empty()) {
      return Fail(ErrorCode::kFailedPrecondition,
                  fmt::format("the metadata of this data folder is in {}: name it with --database", foreign),
                  data_folder);
    }
    return io::Database::Open(SqliteFile(data_folder));
  }
  if (!io::IsPostgresUrl(url)) {
    return Fail(ErrorCode::kInvalidArgument, "the URL of a database begins with postgresql://", "--database");
  }
  KEELSON_ASSIGN_OR_RETURN(const std::string name, io::PostgresName(url));
  if (io::Exists(SqliteFile(data_folder))) {
    return Fail(ErrorCode::kFailedPrecondition,
                "this data folder has its metadata in keelson.db; begin with a fresh folder for PostgreSQL",
                data_folder);
  }
  if (!foreign.empty() && foreign != name) {
    return Fail(ErrorCode::kFailedPrecondition,
                fmt::format("the metadata of this data folder is in {}, not in {}", foreign, name), data_folder);
  }
  KEELSON_ASSIGN_OR_RETURN(auto database, io::OpenPostgres(url, io::PostgresServers::kAlone));
  if (foreign.empty()) KEELSON_RETURN_IF_ERROR(io::WriteFileAtomically(NameFile(data_folder), name + "\n"));
  return database;
}

}  // namespace keelson::app
