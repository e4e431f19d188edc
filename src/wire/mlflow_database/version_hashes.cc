#include "wire/mlflow_database/version_hashes.h"

#include <string>
#include <string_view>

#include "tracking/transaction.h"

namespace keelson::wire::mlflow_database {
namespace {

constexpr std::string_view kOfRun = "runs:/";
constexpr std::string_view kProxied = "mlflow-artifacts:/";

// Where the files of a version are: of "runs:/RUN/path" the path below what the run has.
Result<std::string> PlaceOf(io::Database& database, const std::string& location) {
  if (!location.starts_with(kOfRun)) return location;
  const std::size_t slash = location.find('/', kOfRun.size());
  if (slash == std::string::npos) return location;
  KEELSON_ASSIGN_OR_RETURN(const auto rows, tracking::Reading(database, [&](io::SqlSession& session) {
                             return session.Query("SELECT artifact_uri FROM run WHERE id = ?",
                                                  {location.substr(kOfRun.size(), slash - kOfRun.size())});
                           }));
  return rows.empty() ? location : io::AsText(rows[0][0]) + location.substr(slash);
}

}  // namespace

Status HashVersions(io::Database& database, tracking::ArtifactStore& artifacts) {
  KEELSON_ASSIGN_OR_RETURN(const auto versions, tracking::Reading(database, [](io::SqlSession& session) {
                             return session.Query(
                                 "SELECT model, version, location FROM version WHERE lifecycle = 'active' AND "
                                 "content_hash = '' ORDER BY model, version");
                           }));
  for (const auto& version : versions) {
    KEELSON_ASSIGN_OR_RETURN(const std::string place, PlaceOf(database, io::AsText(version[2])));
    if (!place.starts_with(kProxied) || place.size() == kProxied.size()) continue;
    KEELSON_ASSIGN_OR_RETURN(const auto hash, artifacts.Hash(place.substr(kProxied.size())));
    if (!hash) continue;
    KEELSON_RETURN_IF_ERROR(database.Write([&](io::SqlSession& session) -> Status {
      KEELSON_RETURN_IF_ERROR(
          session.Execute("UPDATE version SET location = ?, content_hash = ? WHERE model = ? AND version = ?",
                          {place, *hash, version[0], version[1]}));
      return {};
    }));
  }
  return {};
}

}  // namespace keelson::wire::mlflow_database
