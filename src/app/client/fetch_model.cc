#include "app/client/fetch_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/strings.h"
#include "io/files.h"

namespace keelson::app {
namespace {

const std::string kMlflow = "/api/2.0/mlflow-artifacts/artifacts";
constexpr std::string_view kScheme = "mlflow-artifacts:/";
constexpr int kDeepest = 16;  // folders below each other; a model has one or two

std::string EncodePath(std::string_view path) {
  std::string encoded;
  for (const std::string_view part : Split(path, '/')) encoded += "/" + io::PercentEncode(part);
  return encoded;
}

Status FetchFile(Client& client, const std::string& path, const std::string& to) {
  KEELSON_ASSIGN_OR_RETURN(const auto file, io::AtomicFile::Create(to));
  Status written;
  KEELSON_RETURN_IF_ERROR(client.Stream(kMlflow + EncodePath(path), [&](std::string_view bytes) {
    if (written) written = file->Append(bytes);
  }));
  KEELSON_RETURN_IF_ERROR(written);
  return file->Commit();
}

Status FetchFolder(Client& client, const std::string& path, const std::string& to, int depth) {
  if (depth > kDeepest)
    return Fail(ErrorCode::kInvalidArgument, "the model's folders lie too deep in each other", path);
  KEELSON_RETURN_IF_ERROR(io::MakeFolders(to));
  KEELSON_ASSIGN_OR_RETURN(const Json listed, client.Get(kMlflow + "?path=" + io::PercentEncode(path)));
  for (const Json& file : listed.value("files", Json::array())) {
    const std::string name = file.at("path");
    KEELSON_ASSIGN_OR_RETURN(const std::string target, io::SafeJoin(to, name));
    const std::string source = path + "/" + name;
    KEELSON_RETURN_IF_ERROR(file.at("is_dir").get<bool>() ? FetchFolder(client, source, target, depth + 1)
                                                          : FetchFile(client, source, target));
  }
  return {};
}

Result<Json> FindVersion(Client& client, const std::string& project, int version) {
  KEELSON_ASSIGN_OR_RETURN(const Json answer,
                           client.Get(fmt::format("{}/projects/{}/versions", kApi, io::PercentEncode(project))));
  const Json& versions = answer.at("versions");
  const auto found = std::ranges::find_if(versions, [&](const Json& one) { return one.at("version") == version; });
  if (found != versions.end()) return *found;
  return Fail(ErrorCode::kNotFound, fmt::format("{} has no version {}", project, version), project);
}

Result<std::string> FindFiles(Client& client, const std::string& project, int version) {
  KEELSON_ASSIGN_OR_RETURN(const Json answer,
                           client.Get(fmt::format("/api/2.0/mlflow/model-versions/get-download-uri?name={}&version={}",
                                                  io::PercentEncode(project), version)));
  const std::string uri = answer.at("artifact_uri");
  if (!uri.starts_with(kScheme)) {
    return Fail(ErrorCode::kUnsupported, "the server does not have the model's files itself", uri);
  }
  return uri.substr(kScheme.size());
}

Status Fetch(Client& client, const std::string& project, int version, const std::string& folder) {
  KEELSON_ASSIGN_OR_RETURN(const Json described, FindVersion(client, project, version));
  const std::string expected = described.at("content_hash");
  if (io::Exists(folder)) {
    if (io::HashTree(folder) == expected) return {};
    return Fail(ErrorCode::kAlreadyExists, "there is something else at this place", folder);
  }
  KEELSON_ASSIGN_OR_RETURN(const std::string files, FindFiles(client, project, version));
  const std::filesystem::path place(folder);
  const std::string part = place.parent_path() / (".keelson-fetch-" + place.filename().string());
  KEELSON_RETURN_IF_ERROR(io::RemoveTree(part));  // what a fetch before us has left, which was killed
  KEELSON_RETURN_IF_ERROR(FetchFolder(client, files, part, 0));
  KEELSON_ASSIGN_OR_RETURN(const std::string hash, io::HashTree(part));
  if (hash == expected) return io::Rename(part, folder);
  KEELSON_RETURN_IF_ERROR(io::RemoveTree(part));
  return Fail(ErrorCode::kDataLoss, fmt::format("the content hash is {}, registered was {}", hash, expected), files);
}

}  // namespace

Status FetchModel(Client& client, const std::string& project, int version, const std::string& folder) {
  std::string place = std::filesystem::absolute(folder).lexically_normal().string();
  while (place.size() > 1 && place.ends_with('/')) place.pop_back();
  try {
    return Fetch(client, project, version, place);
  } catch (const Json::exception& error) {
    return Fail(ErrorCode::kInternal, fmt::format("what answers there is no Keelson server: {}", error.what()),
                project);
  }
}

}  // namespace keelson::app
