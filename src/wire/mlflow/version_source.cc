#include "wire/mlflow/version_source.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "tracking/prompts.h"
#include "tracking/python_json.h"
#include "wire/mlflow/fields.h"
#include "wire/mlflow/limits.h"

namespace keelson::wire::mlflow {
namespace {

constexpr std::string_view kProxied = "mlflow-artifacts:";

std::unexpected<Error> Invalid(std::string_view source, std::string_view why) {
  return Fail(ErrorCode::kInvalidArgument, fmt::format("Invalid model version source: '{}'. {}", source, why));
}

std::unexpected<Error> NotWithin(std::string_view source, std::string_view name) {
  return Invalid(source,
                 fmt::format("The {} request parameter must identify the resource that contains the source.", name));
}

std::string_view SchemeOf(std::string_view uri) {
  const std::size_t colon = uri.find(':');
  return colon == std::string_view::npos ? "" : uri.substr(0, colon);
}

// What follows "models:/" or "runs:/", without leading slashes.
std::string_view Rest(std::string_view uri) {
  uri.remove_prefix(uri.find(':') + 1);
  while (uri.starts_with('/')) uri.remove_prefix(1);
  return uri;
}

bool IsWithin(std::string_view source, std::string_view root) {
  const auto inside = ProxiedPath(source);
  const auto outside = ProxiedPath(root);
  return inside && outside && !outside->empty() && (*inside == *outside || inside->starts_with(*outside + "/"));
}

// "m-" and hex digits: the id of a logged model, where a registered one has "NAME/VERSION" or "NAME@ALIAS".
bool IsModelId(std::string_view rest) {
  return rest.starts_with("m-") && !rest.contains('/') && !rest.contains('@');
}

Status CheckPlain(std::string_view source) {
  constexpr std::string_view kRelative =
      "If supplying a source as an http, https, local file path, ftp, objectstore, or mlflow-artifacts uri, an "
      "absolute "
      "path must be provided without relative path references present. Please provide an absolute path.";
  std::string decoded(source);
  for (std::string once = io::PercentDecode(decoded); once != decoded; once = io::PercentDecode(decoded))
    decoded = once;
  if (decoded.contains('\0')) return Invalid(source, kRelative);
  for (const auto part : Split(decoded, '/')) {
    if (part == ".." || part == ".") return Invalid(source, kRelative);
  }
  return {};
}

Status CheckLocal(std::string_view source, bool by_model) {
  return Invalid(
      source, fmt::format("To use a local path as a model version source, the {0} request parameter has to be "
                          "specified and the local path has to be contained within the artifact directory of the run "
                          "specified by the {0}.",
                          by_model ? "model_id" : "run_id"));
}

bool IsLocal(std::string_view source) {
  const std::string_view scheme = SchemeOf(source);
  return scheme.empty() || scheme == "file";
}

Status CheckOfRun(Services& services, std::string_view source, const std::string& run_id) {
  if (IsLocal(source)) return CheckLocal(source, false);
  KEELSON_RETURN_IF_ERROR(CheckPlain(source));
  const std::string_view scheme = SchemeOf(source);
  if (scheme == "runs") {
    const std::string_view rest = Rest(source);
    const std::size_t slash = rest.find('/');
    if (!run_id.empty() && slash != std::string_view::npos && rest.substr(0, slash) == run_id) return {};
    return NotWithin(source, "run_id");
  }
  if (scheme == "models" && IsModelId(Rest(source))) return NotWithin(source, "model_id");
  if (!source.starts_with(kProxied)) return {};
  if (run_id.empty()) return NotWithin(source, "run_id");
  const auto run = services.runs.Get(run_id);
  if (!run && run.error().code != ErrorCode::kNotFound) return std::unexpected(run.error());
  if (run && IsWithin(source, run->artifact_uri)) return {};
  return NotWithin(source, "run_id");
}

Status CheckOfModel(Services& services, std::string_view source, const std::string& model_id) {
  if (IsLocal(source)) return CheckLocal(source, true);
  KEELSON_RETURN_IF_ERROR(CheckPlain(source));
  const std::string_view scheme = SchemeOf(source);
  if (scheme == "models" && IsModelId(Rest(source))) {
    if (Rest(source) == model_id) return {};
    return NotWithin(source, "model_id");
  }
  if (scheme == "runs") return NotWithin(source, "model_id");
  if (!source.starts_with(kProxied)) return {};
  const auto model = services.logged_models.Get(model_id);
  if (!model && model.error().code != ErrorCode::kNotFound) return std::unexpected(model.error());
  if (model && IsWithin(source, model->artifact_uri)) return {};
  return NotWithin(source, "model_id");
}

// "models:/NAME/3", "models:/NAME@alias" or "models:/NAME/Stage": the version that it means.
Result<tracking::VersionRecord> FindReferred(Services& services, std::string_view source) {
  const std::string_view rest = Rest(source);
  if (const std::size_t at = rest.find('@'); at != std::string_view::npos) {
    return services.models.GetByAlias(std::string(rest.substr(0, at)), std::string(rest.substr(at + 1)));
  }
  const std::size_t slash = rest.find('/');
  if (slash == std::string_view::npos) return NotWithin(source, "model_id");
  const std::string name(rest.substr(0, slash));
  const std::string_view which = rest.substr(slash + 1);
  KEELSON_ASSIGN_OR_RETURN(const auto model, services.models.Get(name));
  if (const auto version = ParseInt(which)) return services.models.GetVersion(name, *version);
  const bool latest = ToLower(which) == "latest";
  std::string stage;
  if (!latest) {
    KEELSON_ASSIGN_OR_RETURN(stage, CanonicalStage(which));
  }
  for (auto version = model.latest.rbegin(); version != model.latest.rend(); ++version) {
    if (latest || version->stage == stage) return *version;
  }
  return Fail(ErrorCode::kNotFound,
              fmt::format("No versions of model with name '{}' and stage '{}' found", name, which));
}

}  // namespace

Result<std::string> ProxiedPath(std::string_view uri) {
  if (!uri.starts_with(kProxied)) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("The artifacts at '{}' are not kept by this server: ask where they are kept.", uri));
  }
  uri.remove_prefix(kProxied.size());
  if (uri.starts_with("//")) {  // a host, which is this server's
    const std::size_t slash = uri.find('/', 2);
    uri = slash == std::string_view::npos ? "" : uri.substr(slash);
  }
  while (uri.starts_with('/')) uri.remove_prefix(1);
  return SafePath(uri);
}

Status ResolveSource(Services& services, const Message& request, tracking::RegisteredModels::NewVersion& version) {
  version.source = request.Text("source");
  version.run_id = request.Text("run_id");
  version.model_id = request.Text("model_id");
  if (tracking::IsPrompt(version.tags)) {
    if (version.source != "dummy-source" && version.source != "prompt-template") {
      return Fail(
          ErrorCode::kInvalidArgument,
          fmt::format("Invalid prompt source: '{}'. Prompt sources must use an MLflow placeholder.", version.source));
    }
    version.location = version.source;
    return {};
  }
  KEELSON_RETURN_IF_ERROR(CheckHost("source", version.source));
  version.location = version.source;
  if (SchemeOf(version.source) == "models" && !IsModelId(Rest(version.source))) {
    KEELSON_ASSIGN_OR_RETURN(const auto referred, FindReferred(services, version.source));
    if (request.Has("run_id") && version.run_id != referred.run_id) {
      return Invalid(version.source,
                     "The run_id and model_id request parameters must match the referenced model version.");
    }
    version.source = fmt::format("models:/{}/{}", referred.model, referred.version);
    version.location = referred.location;
    version.run_id = referred.run_id;
  } else {
    KEELSON_RETURN_IF_ERROR(version.model_id.empty() ? CheckOfRun(services, version.source, version.run_id)
                                                     : CheckOfModel(services, version.source, version.model_id));
  }
  if (!version.model_id.empty()) {
    KEELSON_ASSIGN_OR_RETURN(const auto model, services.logged_models.Get(version.model_id));
    if (SchemeOf(version.source) == "models" && IsModelId(Rest(version.source))) version.location = model.artifact_uri;
    if (version.run_id.empty()) version.run_id = model.source_run_id;
  }
  // Files that are here are hashed: a version that changes afterwards is told when it is loaded.
  std::string files = version.location;
  if (SchemeOf(files) == "runs") {
    const std::string_view rest = Rest(files);
    const std::size_t slash = rest.find('/');
    const auto run = services.runs.Get(version.run_id);
    if (!run && run.error().code != ErrorCode::kNotFound) return std::unexpected(run.error());
    // A run of another server may be named, as with the reference: then nothing of it is here to be hashed.
    if (run) version.location = files = run->artifact_uri + std::string(rest.substr(slash));
  }
  if (const auto path = ProxiedPath(files); path && !path->empty()) {
    KEELSON_ASSIGN_OR_RETURN(auto hash, services.artifacts->Hash(*path));
    if (hash) version.content_hash = *std::move(hash);
  }
  return {};
}

Status NoteRegistration(Services& services, const std::string& model_id, const tracking::VersionRecord& version) {
  constexpr const char* kTag = "mlflow.modelVersions";
  KEELSON_ASSIGN_OR_RETURN(const auto model, services.logged_models.Get(model_id));
  auto all = tracking::OrderedJson::array();
  for (const auto& [key, value] : model.tags) {
    if (key != kTag) continue;
    auto before = tracking::ParseOrdered(value);
    if (before.is_array()) all = std::move(before);
  }
  all.push_back({{"name", version.model}, {"version", version.version}});
  return services.logged_models.SetTags(model_id, {{kTag, tracking::PythonJson(all, /*ascii=*/true)}});
}

}  // namespace keelson::wire::mlflow
