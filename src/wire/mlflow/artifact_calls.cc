// Artifacts: files below the artifact root, by their path there, or by the run, version or logged model that they are
// of.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "base/log.h"
#include "base/strings.h"
#include "io/files.h"
#include "tracking/artifact_store.h"
#include "wire/mlflow/answer.h"
#include "wire/mlflow/content_type.h"
#include "wire/mlflow/fields.h"
#include "wire/mlflow/limits.h"
#include "wire/mlflow/services.h"
#include "wire/mlflow/version_source.h"

namespace keelson::wire::mlflow {
namespace {

constexpr std::size_t kWhole = 64 << 10;  // larger files are not read into memory

// What another machine keeps. A small one is an answer only when it came whole and is what was stored; a larger one
// goes out as it comes, and when it turns out not to be whole the connection is cut.
Answered SendPieces(tracking::ArtifactContent content, io::HttpResponse response) {
  KEELSON_ASSIGN_OR_RETURN(std::string first, content.next());
  if (first.size() == content.size) {
    response.body = std::move(first);
    return response;
  }
  response.stream = [next = std::move(content.next), first = std::move(first)]() mutable {
    if (!first.empty()) return std::exchange(first, {});
    auto piece = next();
    if (!piece) throw std::runtime_error(piece.error().ToString());
    return *std::move(piece);
  };
  return response;
}

// A file is an attachment, never a page: what a run logged must not run in the browser as this server's own.
Answered SendFile(const Services& services, const std::string& path) {
  KEELSON_ASSIGN_OR_RETURN(tracking::ArtifactContent content, services.artifacts->Open(path));
  io::HttpResponse response;
  response.content_type = ArtifactTypeOf(path);
  response.headers.emplace_back("content-disposition", AttachmentOf(path));
  response.headers.emplace_back("x-content-type-options", "nosniff");
  if (content.file.empty()) return SendPieces(std::move(content), std::move(response));
  if (content.size <= kWhole) {
    KEELSON_ASSIGN_OR_RETURN(response.body, io::ReadFile(content.file));
  } else {
    KEELSON_ASSIGN_OR_RETURN(response.file, io::HttpFile::Open(content.file));
  }
  return response;
}

constexpr std::int64_t kLargestOfPage = 10 << 20;  // bytes of a file that comes from MLflow's page

// The body of the request, however long, as the artifact at `path`.
Answered Store(const Services& services, const std::string& path, const io::HttpRequest& request) {
  if (request.upload == nullptr) {
    KEELSON_RETURN_IF_ERROR(services.artifacts->Put(path, request.body));
    return EmptyAnswer();
  }
  std::optional<std::uint64_t> size;  // not of a chunked body
  if (const auto length = ParseInt(io::FindHeader(request.headers, "content-length"))) {
    size = static_cast<std::uint64_t>(*length);
  }
  KEELSON_ASSIGN_OR_RETURN(const auto stored, services.artifacts->PutPieces(
                                                  path, [&] { return request.upload->Read(); }, size));
  LogInfo("an artifact was stored",
          {{"path", path}, {"bytes", std::to_string(stored.size)}, {"sha256", stored.sha256}});
  return EmptyAnswer();
}

// `folder` below the root, `path` below that; names in the answer are below `shown`.
Result<std::vector<tracking::ArtifactEntry>> ListBelow(const Services& services, const std::string& folder,
                                                       const std::string& path) {
  std::string place = folder;
  if (!path.empty()) place += (place.empty() ? "" : "/") + path;
  KEELSON_ASSIGN_OR_RETURN(auto entries, services.artifacts->List(place));
  for (auto& entry : entries) {
    const std::string name = entry.path.substr(entry.path.rfind('/') + 1);
    entry.path = path.empty() ? name : path + "/" + name;
  }
  return entries;
}

void WriteFiles(JsonWriter& json, const std::vector<tracking::ArtifactEntry>& entries, bool names_only) {
  if (entries.empty()) return;
  json.Key("files").Open('[');
  for (const auto& entry : entries) {
    json.Open('{').Text("path", names_only ? entry.path.substr(entry.path.rfind('/') + 1) : entry.path);
    json.Key("is_dir").Bool(entry.is_folder);
    if (entry.size > 0) json.Int("file_size", static_cast<std::int64_t>(entry.size));
    json.Close('}');
  }
  json.Close(']');
}

// The files of a run or a logged model, whose artifacts are at `uri`.
Answered ListOf(const Services& services, const std::string& uri, const std::optional<std::string>& asked_path) {
  KEELSON_ASSIGN_OR_RETURN(const std::string path, SafePath(asked_path.value_or("")));
  KEELSON_ASSIGN_OR_RETURN(const std::string folder, ProxiedPath(uri));
  KEELSON_ASSIGN_OR_RETURN(const auto entries, ListBelow(services, folder, path));
  JsonWriter json;
  json.Open('{').Text("root_uri", uri);
  WriteFiles(json, entries, false);
  return JsonAnswer(json.Close('}').Take());
}

std::optional<std::string> InQuery(const Asked& asked, std::initializer_list<std::string_view> names) {
  for (const auto& [key, value] : QueryPairs(asked.http.query)) {
    if (std::ranges::find(names, key) != names.end()) return value;
  }
  return std::nullopt;
}

std::unexpected<Error> MissingInQuery(std::string_view name) {
  return Fail(ErrorCode::kInvalidArgument, fmt::format("Request must specify {} parameter.", name));
}

// "artifacts of `uri`" and a path below it, as one path below the root.
Result<std::string> PathOf(std::string_view uri, std::string_view path) {
  KEELSON_ASSIGN_OR_RETURN(const std::string below, SafePath(path));
  KEELSON_ASSIGN_OR_RETURN(const std::string folder, ProxiedPath(uri));
  return folder.empty() ? below : folder + "/" + below;
}

}  // namespace

Answered SendArtifact(const Services& services, std::string_view uri, std::string_view path) {
  KEELSON_ASSIGN_OR_RETURN(const std::string place, PathOf(uri, path));
  return SendFile(services, place);
}

Answered ListArtifacts(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {Field{.name = "run_id", .rules = kTextRequired}, kRunUuidField,
                                         Field{.name = "path", .rules = kText},
                                         Field{.name = "page_token", .rules = kText}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  return ListArtifacts(services, message);
}

Answered ListArtifacts(Services& services, const Message& message) {
  if (message.Has("path")) KEELSON_RETURN_IF_ERROR(SafePath(message.Text("path")));
  KEELSON_ASSIGN_OR_RETURN(const auto run, services.runs.Get(message.RunId()));
  return ListOf(services, run.artifact_uri, message.OptionalText("path"));
}

Answered ListLoggedModelArtifacts(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {Field{.name = "artifact_directory_path", .rules = kText}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  KEELSON_ASSIGN_OR_RETURN(const auto model, services.logged_models.Get(asked.parts.at(0)));
  return ListOf(services, model.artifact_uri, message.OptionalText("artifact_directory_path"));
}

Answered ListProxiedArtifacts(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {Field{.name = "path"}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  KEELSON_ASSIGN_OR_RETURN(const std::string path, SafePath(message.Text("path")));
  KEELSON_ASSIGN_OR_RETURN(const auto entries, ListBelow(services, "", path));
  JsonWriter json;
  json.Open('{');
  WriteFiles(json, entries, true);
  return JsonAnswer(json.Close('}').Take());
}

Answered DownloadArtifact(Services& services, const Asked& asked) {
  KEELSON_ASSIGN_OR_RETURN(const std::string path, SafePath(asked.parts.at(0)));
  return SendFile(services, path);
}

Answered UploadArtifact(Services& services, const Asked& asked) {
  KEELSON_ASSIGN_OR_RETURN(const std::string path, SafePath(asked.parts.at(0)));
  if (path.empty()) return Fail(ErrorCode::kInvalidArgument, "Invalid path");
  return Store(services, path, asked.http);
}

Answered DeleteArtifact(Services& services, const Asked& asked) {
  KEELSON_ASSIGN_OR_RETURN(const std::string path, SafePath(asked.parts.at(0)));
  if (path.empty()) return Fail(ErrorCode::kInvalidArgument, "Invalid path");
  KEELSON_RETURN_IF_ERROR(services.artifacts->Delete(path));
  return EmptyAnswer();
}

Answered UploadRunArtifact(Services& services, const Asked& asked) {
  const auto missing = [](std::string_view what) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("Request must specify {}.", what));
  };
  const auto run_id = InQuery(asked, {"run_uuid"});
  if (!run_id || run_id->empty()) return missing("run_uuid");
  const auto path = InQuery(asked, {"path"});
  if (!path || path->empty()) return missing("path");
  KEELSON_RETURN_IF_ERROR(SafePath(*path));
  const auto size = ParseInt(io::FindHeader(asked.http.headers, "content-length"));
  if (size && *size > kLargestOfPage) {
    return Fail(ErrorCode::kInvalidArgument, "Artifact size is too large. Max size is 10MB.");
  }
  if (asked.http.upload == nullptr && asked.http.body.empty()) return missing("data");
  KEELSON_ASSIGN_OR_RETURN(const auto run, services.runs.Get(*run_id));
  KEELSON_ASSIGN_OR_RETURN(const std::string place, PathOf(run.artifact_uri, *path));
  return Store(services, place, asked.http);
}

Answered GetRunArtifact(Services& services, const Asked& asked) {
  const auto run_id = InQuery(asked, {"run_id", "run_uuid"});
  if (!run_id) return MissingInQuery("run_id");
  const auto path = InQuery(asked, {"path"});
  if (!path) return MissingInQuery("path");
  KEELSON_RETURN_IF_ERROR(SafePath(*path));
  KEELSON_ASSIGN_OR_RETURN(const auto run, services.runs.Get(*run_id));
  return SendArtifact(services, run.artifact_uri, *path);
}

Answered GetModelVersionArtifact(Services& services, const Asked& asked) {
  const auto name = InQuery(asked, {"name"});
  const auto version = InQuery(asked, {"version"});
  const auto path = InQuery(asked, {"path"});
  if (!name) return MissingInQuery("name");
  if (!version) return MissingInQuery("version");
  if (!path) return MissingInQuery("path");
  KEELSON_RETURN_IF_ERROR(SafePath(*path));
  KEELSON_ASSIGN_OR_RETURN(const std::int64_t number, VersionNumber(*version));
  KEELSON_ASSIGN_OR_RETURN(const auto found, services.models.GetVersion(*name, number));
  return SendArtifact(services, found.location, *path);
}

Answered GetLoggedModelArtifact(Services& services, const Asked& asked) {
  const auto path = InQuery(asked, {"artifact_file_path"});
  if (!path || path->empty()) {
    return Fail(ErrorCode::kInvalidArgument, "Request must include the \"artifact_file_path\" query parameter.");
  }
  KEELSON_RETURN_IF_ERROR(SafePath(*path));
  KEELSON_ASSIGN_OR_RETURN(const auto model, services.logged_models.Get(asked.parts.at(0)));
  return SendArtifact(services, model.artifact_uri, *path);
}

}  // namespace keelson::wire::mlflow
