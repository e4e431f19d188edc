// Artifacts that go between a client and the object store themselves, past this server: multipart uploads and URLs that
// expire. On a folder there are none, and the answer is the reference's there.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "wire/mlflow/answer.h"
#include "wire/mlflow/fields.h"
#include "wire/mlflow/limits.h"
#include "wire/mlflow/services.h"

namespace keelson::wire::mlflow {
namespace {

constexpr std::chrono::seconds kDownloadUrl{300};     // the reference's default
constexpr std::int64_t kMostParts = 10'000;           // S3's
constexpr std::int64_t kLongestExpiration = 604'800;  // S3's: a week

Result<tracking::RemoteArtifacts*> Remote(const Services& services) {
  if (auto* const remote = services.artifacts->remote()) return remote;
  return Fail(ErrorCode::kUnsupported,
              "The artifacts of this server are files: they come and go through the server itself.");
}

// The artifact that the client's file becomes: in the folder of the route, with the file's own name.
Result<std::string> TargetOf(const Asked& asked, const Message& message) {
  KEELSON_ASSIGN_OR_RETURN(const std::string folder, SafePath(asked.parts.at(0)));
  const std::string file = message.Text("path");
  KEELSON_ASSIGN_OR_RETURN(const std::string name, SafePath(file.substr(file.rfind('/') + 1)));
  if (name.empty()) return Fail(ErrorCode::kInvalidArgument, "Invalid path");
  return folder.empty() ? name : folder + "/" + name;
}

constexpr Field kPathField{.name = "path", .rules = kRequiredText};
constexpr Field kUploadField{.name = "upload_id", .rules = kText};

Status RefuseProxied(std::string_view what, std::string_view uri, std::string_view needs) {
  const std::string_view scheme = uri.substr(0, std::min(uri.find(':'), uri.size()));
  if (scheme != "mlflow-artifacts" && scheme != "http" && scheme != "https") {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("The artifacts at '{}' are not kept by this server: ask where they are kept.", uri));
  }
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("Presigned {} (artifact URI scheme: {}). This endpoint requires {} artifact URI.", what,
                          scheme, needs));
}

}  // namespace

Answered CreateMultipartUpload(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {kPathField,
                                         Field{.name = "num_parts", .type = Type::kInt64, .rules = {Rule::kInt}}};
  KEELSON_ASSIGN_OR_RETURN(auto* const remote, Remote(services));
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  KEELSON_ASSIGN_OR_RETURN(const std::string path, TargetOf(asked, message));
  const std::int64_t parts = message.Int("num_parts");
  if (parts < 0 || parts > kMostParts) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("num_parts must be between 1 and {} (got {}): use larger parts.", kMostParts, parts));
  }
  KEELSON_ASSIGN_OR_RETURN(const auto upload, remote->CreateUpload(path, static_cast<int>(parts)));
  JsonWriter json;
  json.Open('{').Text("upload_id", upload.id);
  if (!upload.urls.empty()) {
    json.Key("credentials").Open('[');
    for (std::size_t i = 0; i < upload.urls.size(); ++i) {
      json.Open('{').Text("url", upload.urls[i]).Int("part_number", static_cast<std::int64_t>(i) + 1).Close('}');
    }
    json.Close(']');
  }
  return JsonAnswer(json.Close('}').Take());
}

Answered CompleteMultipartUpload(Services& services, const Asked& asked) {
  static constexpr std::array kPart = {Field{.name = "part_number", .type = Type::kInt64}, Field{.name = "etag"},
                                       Field{.name = "url"}};
  static constexpr std::array kFields = {
      kPathField, kUploadField,
      Field{.name = "parts", .type = Type::kMessage, .repeated = true, .rules = {Rule::kRequired}, .fields = kPart}};
  KEELSON_ASSIGN_OR_RETURN(auto* const remote, Remote(services));
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  KEELSON_ASSIGN_OR_RETURN(const std::string path, TargetOf(asked, message));
  std::vector<io::S3Part> parts;
  for (const Message& part : message.Messages("parts")) {
    const std::int64_t number = part.Int("part_number");
    if (number < 1 || number > kMostParts || part.Text("etag").empty()) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("Part {} has no number from 1 to {} or no etag.", parts.size() + 1, kMostParts));
    }
    parts.push_back({.number = static_cast<int>(number), .etag = part.Text("etag")});
  }
  if (parts.empty()) return Fail(ErrorCode::kInvalidArgument, "An upload has at least one part.");
  KEELSON_RETURN_IF_ERROR(remote->CompleteUpload(path, message.Text("upload_id"), parts));
  return EmptyAnswer();
}

Answered AbortMultipartUpload(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {kPathField, kUploadField};
  KEELSON_ASSIGN_OR_RETURN(auto* const remote, Remote(services));
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  KEELSON_ASSIGN_OR_RETURN(const std::string path, TargetOf(asked, message));
  KEELSON_RETURN_IF_ERROR(remote->AbortUpload(path, message.Text("upload_id")));
  return EmptyAnswer();
}

Answered GetPresignedDownloadUrl(Services& services, const Asked& asked) {
  KEELSON_ASSIGN_OR_RETURN(auto* const remote, Remote(services));
  KEELSON_ASSIGN_OR_RETURN(const std::string path, SafePath(asked.parts.at(0)));
  std::uint64_t size = 0;
  KEELSON_ASSIGN_OR_RETURN(const std::string url, remote->DownloadUrl(path, kDownloadUrl, size));
  JsonWriter json;
  json.Open('{').Text("url", url).Key("headers").Open('{').Close('}');
  return JsonAnswer(json.Int("file_size", static_cast<std::int64_t>(size)).Close('}').Take());
}

// These two are for runs whose artifacts the client reaches without this server; those of this server's runs go through
// it, wherever it keeps them.
Answered CreatePresignedUploadUrl(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {Field{.name = "run_id", .rules = kText},
                                         Field{.name = "model_id", .rules = kText}, kPathField,
                                         Field{.name = "expiration", .type = Type::kInt64, .rules = {Rule::kInt}}};
  KEELSON_RETURN_IF_ERROR(Remote(services));
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  const std::string run_id = message.Text("run_id");
  const std::string model_id = message.Text("model_id");
  if (run_id.empty() == model_id.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "Exactly one of run_id and model_id must be provided.");
  }
  KEELSON_RETURN_IF_ERROR(SafePath(message.Text("path")));
  std::string uri;
  if (!run_id.empty()) {
    KEELSON_ASSIGN_OR_RETURN(const auto run, services.runs.Get(run_id));
    uri = run.artifact_uri;
  } else {
    KEELSON_ASSIGN_OR_RETURN(const auto model, services.logged_models.Get(model_id));
    uri = model.artifact_uri;
  }
  return std::unexpected(
      RefuseProxied("upload is not supported for proxied artifact storage", uri, "a direct cloud storage").error());
}

Answered CreatePresignedDownloadUrl(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {Field{.name = "run_id", .rules = kTextRequired}, kPathField,
                                         Field{.name = "expiration", .type = Type::kInt64, .rules = {Rule::kInt}}};
  KEELSON_RETURN_IF_ERROR(Remote(services));
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  KEELSON_RETURN_IF_ERROR(SafePath(message.Text("path")));
  const std::int64_t expiration = message.Int("expiration", kDownloadUrl.count());
  if (expiration < 1 || expiration > kLongestExpiration) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("expiration must be between 1 and {} seconds (got {}).", kLongestExpiration, expiration));
  }
  KEELSON_ASSIGN_OR_RETURN(const auto run, services.runs.Get(message.Text("run_id")));
  return std::unexpected(RefuseProxied("download is not supported for runs with proxied artifact storage",
                                       run.artifact_uri, "a run with a direct cloud storage")
                             .error());
}

}  // namespace keelson::wire::mlflow
