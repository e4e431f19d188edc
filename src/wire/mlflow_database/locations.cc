#include "wire/mlflow_database/locations.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>

#include "io/http.h"

namespace keelson::wire::mlflow_database {
namespace {

constexpr std::string_view kProxied = "mlflow-artifacts:";

// The absolute path of "file:///a%20b", "file://localhost/a", "/a" and "a"; nothing for a URI of another kind.
std::optional<std::string> LocalPath(std::string_view uri) {
  constexpr std::string_view kFile = "file:";
  std::string decoded;
  if (uri.starts_with(kFile)) {
    uri.remove_prefix(kFile.size());
    if (uri.starts_with("//")) uri.remove_prefix(std::min(uri.find('/', 2), uri.size()));
    decoded = io::PercentDecode(uri);
    uri = decoded;
  } else if (const auto colon = uri.find(':'); colon != std::string_view::npos && colon < uri.find('/')) {
    return std::nullopt;
  }
  if (uri.empty()) return std::nullopt;
  std::string path = std::filesystem::absolute(uri).lexically_normal().string();
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

}  // namespace

void Locations::Add(const std::string& uri, std::string below) {
  if (uri.starts_with(kProxied)) {
    behind_server_ = true;
  } else if (auto path = LocalPath(uri)) {
    if (Holding(*path) == nullptr) folders_.push_back({*std::move(path), std::move(below)});
  }
}

Result<Locations> Locations::Read(io::SqlSession& theirs) {
  Locations locations;
  const auto read = [&](std::string_view sql, std::string_view below) {
    return theirs.ForEach(sql, {}, [&](io::SqlRow& row) -> Status {
      locations.Add(io::AsText(row[0]), fmt::format(fmt::runtime(below), io::AsInt(row[1]), io::AsText(row[2])));
      return {};
    });
  };
  KEELSON_RETURN_IF_ERROR(theirs.ForEach("SELECT artifact_location FROM experiments ORDER BY experiment_id", {},
                                         [&](io::SqlRow& row) -> Status {
                                           const std::string uri = io::IsNull(row[0]) ? "" : io::AsText(row[0]);
                                           const bool here = uri.starts_with(kProxied) || LocalPath(uri);
                                           if (!here && !uri.empty()) locations.elsewhere_.push_back(uri);
                                           return {};
                                         }));
  // A run or model lies in its experiment's folder, but when that was moved since.
  KEELSON_RETURN_IF_ERROR(read("SELECT coalesce(artifact_location, ''), experiment_id, '' FROM experiments", "{}{}"));
  KEELSON_RETURN_IF_ERROR(
      read("SELECT coalesce(artifact_uri, ''), experiment_id, run_uuid FROM runs", "{}/{}/artifacts"));
  KEELSON_RETURN_IF_ERROR(
      read("SELECT artifact_location, experiment_id, model_id FROM logged_models", "{}/models/{}/artifacts"));
  return locations;
}

const Locations::Folder* Locations::Holding(std::string_view path) const {
  const auto found = std::ranges::find_if(folders_, [&](const Folder& folder) {
    return path.starts_with(folder.path) && (path.size() == folder.path.size() || path[folder.path.size()] == '/');
  });
  return found == folders_.end() ? nullptr : &*found;
}

std::string Locations::Moved(const std::string& uri) const {
  if (uri.starts_with(kProxied)) return uri;
  const auto path = LocalPath(uri);
  const Folder* folder = path ? Holding(*path) : nullptr;
  if (folder == nullptr) return uri;
  return fmt::format("mlflow-artifacts:/{}{}", folder->below, path->substr(folder->path.size()));
}

}  // namespace keelson::wire::mlflow_database
