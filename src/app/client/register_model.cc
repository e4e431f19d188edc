#include "app/client/register_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/strings.h"
#include "io/files.h"
#include "serving/model.h"
#include "serving/model_directory.h"

namespace keelson::app {
namespace {

namespace fs = std::filesystem;

const std::string kMlflow = "/api/2.0/mlflow";
constexpr std::string_view kScheme = "mlflow-artifacts:/";
constexpr int kDeepest = 16;  // folders below each other; a model has one or two

// How MLflow calls what is in a file of such a format.
struct Flavor {
  std::string_view format;
  std::string_view model_class;
  std::array<std::string_view, 4> extensions;
};
constexpr std::array kFlavors = {
    Flavor{"xgboost", "xgboost.core.Booster", {".ubj", ".json", ".bst", ".model"}},
    Flavor{"lightgbm", "lightgbm.basic.Booster", {".txt", ".bst", ".lgb", ".model"}},
    Flavor{"onnx", "", {".onnx", ".onnx", ".onnx", ".onnx"}},
};

const Flavor* FindFlavor(std::string_view format) {
  const auto* const found = std::ranges::find(kFlavors, format, &Flavor::format);
  return found == kFlavors.end() ? nullptr : found;
}

Result<std::string> OnlyModelFile(const std::string& from, const Flavor& flavor) {
  std::error_code error;
  if (!fs::is_directory(from, error)) return from;
  KEELSON_ASSIGN_OR_RETURN(const auto names, io::ListFolder(from));
  std::string only;
  for (const std::string& name : names) {
    const std::string extension = fs::path(name).extension();
    if (std::ranges::find(flavor.extensions, extension) == flavor.extensions.end()) continue;
    if (!only.empty()) return Fail(ErrorCode::kInvalidArgument, "there are several model files: name one", from);
    only = from + "/" + name;
  }
  if (!only.empty()) return only;
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("there is no model of {} in it: no MLmodel, and no file such as model{}", flavor.format,
                          flavor.extensions.front()),
              from);
}

// What cannot be loaded is told here, and not by the first replica.
Status CheckLoads(const std::string& folder) {
  KEELSON_ASSIGN_OR_RETURN(const auto described, serving::ReadModelDirectory(folder));
  if (described.python || described.model_path.ends_with(".onnx")) return {};  // by an interpreter, or a library
  KEELSON_RETURN_IF_ERROR(serving::LoadedModel::Load({.name = "model", .path = folder}));
  return {};
}

std::string EncodePath(std::string_view path) {
  std::string encoded;
  for (const std::string_view part : Split(path, '/')) encoded += "/" + io::PercentEncode(part);
  return encoded;
}

// An answer of MLflow's API, or its error as ours.
Result<Json> AskMlflow(Client& client, const std::string& method, const std::string& call, const Json& body) {
  KEELSON_ASSIGN_OR_RETURN(const auto answer, client.Send(method, kMlflow + call, method == "GET" ? "" : body.dump()));
  if (answer.status == 200 && answer.body.is_object()) return answer.body;
  const std::string code = answer.body.is_object() ? answer.body.value("error_code", "") : "";
  const std::string message = answer.body.is_object() ? answer.body.value("message", "") : "";
  const ErrorCode ours = code == "RESOURCE_DOES_NOT_EXIST"   ? ErrorCode::kNotFound
                         : code == "RESOURCE_ALREADY_EXISTS" ? ErrorCode::kAlreadyExists
                         : answer.status == 403              ? ErrorCode::kPermissionDenied
                         : answer.status == 401              ? ErrorCode::kUnauthenticated
                                                             : ErrorCode::kFailedPrecondition;
  return Fail(ours, message.empty() ? fmt::format("the server answered with status {}", answer.status) : message, call);
}

Result<std::string> ExperimentOf(Client& client, const std::string& project) {
  auto found = AskMlflow(client, "GET", "/experiments/get-by-name?experiment_name=" + io::PercentEncode(project), {});
  if (found) return found->at("experiment").at("experiment_id").get<std::string>();
  if (found.error().code != ErrorCode::kNotFound) return std::unexpected(found.error());
  KEELSON_ASSIGN_OR_RETURN(const Json made, AskMlflow(client, "POST", "/experiments/create", {{"name", project}}));
  return made.at("experiment_id").get<std::string>();
}

Status Upload(Client& client, const std::string& from, const std::string& to, int depth) {
  if (depth > kDeepest)
    return Fail(ErrorCode::kInvalidArgument, "the model's folders lie too deep in each other", from);
  KEELSON_ASSIGN_OR_RETURN(const auto names, io::ListFolder(from));
  for (const std::string& name : names) {
    const std::string path = from + "/" + name;
    std::error_code error;
    if (fs::is_directory(path, error)) {
      KEELSON_RETURN_IF_ERROR(Upload(client, path, to + "/" + name, depth + 1));
      continue;
    }
    KEELSON_ASSIGN_OR_RETURN(const std::string content, io::ReadFile(path));
    const std::string place = "/api/2.0/mlflow-artifacts/artifacts" + EncodePath(to + "/" + name);
    KEELSON_ASSIGN_OR_RETURN(const auto answer, client.Send("PUT", place, content));
    if (answer.status != 200) {
      return Fail(ErrorCode::kFailedPrecondition,
                  fmt::format("the server answered with status {} to an upload: {}", answer.status, answer.body.dump()),
                  path);
    }
  }
  return {};
}

Result<RegisteredModel> Register(Client& client, const std::string& project, const std::string& folder) {
  KEELSON_ASSIGN_OR_RETURN(const int there, FindModelVersion(client, project, folder));
  if (there != 0) return RegisteredModel{there, false};
  KEELSON_ASSIGN_OR_RETURN(const std::string experiment, ExperimentOf(client, project));
  KEELSON_ASSIGN_OR_RETURN(const Json made, AskMlflow(client, "POST", "/runs/create",
                                                      {{"experiment_id", experiment}, {"run_name", "keelson apply"}}));
  const Json& info = made.at("run").at("info");
  const std::string run = info.at("run_id");
  const std::string artifacts = info.at("artifact_uri");
  if (!artifacts.starts_with(kScheme))
    return Fail(ErrorCode::kUnsupported, "the experiment keeps its artifacts in another place than the server",
                artifacts);
  KEELSON_RETURN_IF_ERROR(Upload(client, folder, artifacts.substr(kScheme.size()) + "/model", 0));
  KEELSON_RETURN_IF_ERROR(AskMlflow(client, "POST", "/runs/update", {{"run_id", run}, {"status", "FINISHED"}}));
  const auto named = AskMlflow(client, "POST", "/registered-models/create", {{"name", project}});
  if (!named && named.error().code != ErrorCode::kAlreadyExists) return std::unexpected(named.error());
  KEELSON_ASSIGN_OR_RETURN(const Json version,
                           AskMlflow(client, "POST", "/model-versions/create",
                                     {{"name", project}, {"source", artifacts + "/model"}, {"run_id", run}}));
  const auto number = ParseInt(version.at("model_version").at("version").get<std::string>());
  return RegisteredModel{static_cast<int>(number.value_or(0)), true};
}

}  // namespace

Status PrepareModel(const std::string& from, const std::string& format, const std::string& into) {
  if (!io::Exists(from)) return Fail(ErrorCode::kNotFound, "there is no such file or folder", from);
  if (io::Exists(from + "/MLmodel")) {
    KEELSON_RETURN_IF_ERROR(io::CopyTree(from, into));
    return CheckLoads(into);
  }
  const Flavor* const flavor = FindFlavor(format);
  if (flavor == nullptr) {
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format("a model of {} is served from an MLflow model directory alone: there is no MLmodel in it", format),
        from);
  }
  KEELSON_ASSIGN_OR_RETURN(const std::string file, OnlyModelFile(from, *flavor));
  const std::string name = fs::path(file).filename();
  KEELSON_RETURN_IF_ERROR(io::MakeFolders(into));
  KEELSON_RETURN_IF_ERROR(io::CopyTree(file, into + "/" + name));
  const std::string made_of =
      flavor->model_class.empty() ? "" : fmt::format("    model_class: {}\n", flavor->model_class);
  KEELSON_RETURN_IF_ERROR(io::WriteFileAtomically(
      into + "/MLmodel", fmt::format("flavors:\n  {}:\n    data: {}\n{}", format, Json(name).dump(), made_of)));
  return CheckLoads(into);
}

Result<int> FindModelVersion(Client& client, const std::string& project, const std::string& folder) {
  KEELSON_ASSIGN_OR_RETURN(const std::string hash, io::HashTree(folder));
  const auto listed = client.Get(fmt::format("{}/projects/{}/versions", kApi, io::PercentEncode(project)));
  if (!listed && listed.error().code == ErrorCode::kNotFound) return 0;
  if (!listed) return std::unexpected(listed.error());
  for (const Json& version : listed->value("versions", Json::array())) {
    if (version.value("content_hash", "") == hash) return version.at("version").get<int>();
  }
  return 0;
}

Result<RegisteredModel> RegisterModel(Client& client, const std::string& project, const std::string& folder) {
  try {
    return Register(client, project, folder);
  } catch (const Json::exception& error) {
    return Fail(ErrorCode::kInternal, fmt::format("what answers there is no Keelson server: {}", error.what()),
                project);
  }
}

}  // namespace keelson::app
