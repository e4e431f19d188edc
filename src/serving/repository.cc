#include "serving/repository.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/strings.h"
#include "io/files.h"
#include "serving/model_config.h"

namespace keelson::serving {
namespace {

constexpr std::size_t kMaxConfig = std::size_t{1} << 20;

bool IsFolder(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

// The model in `folder`: the folder itself when MLflow laid it out, else the file model.* (or an MLflow directory of
// such a name) in it; nothing when there is none.
std::optional<std::string> ModelIn(const std::string& folder) {
  if (io::Exists(folder + "/MLmodel")) return folder;
  const auto names = io::ListFolder(folder);
  if (!names) return std::nullopt;
  for (const auto& name : *names) {
    if (name != "model" && !name.starts_with("model.")) continue;
    if (IsFolder(folder + "/" + name)) return ModelIn(folder + "/" + name);
    return folder + "/" + name;
  }
  return std::nullopt;
}

// Changes whenever what is served from `path` may have changed.
std::string StampOf(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return "";
  std::string stamp = fmt::format("{}:{}:{}.{}", info.st_ino, info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
  if (!S_ISDIR(info.st_mode)) return stamp;
  const auto names = io::ListFolder(path);
  for (const auto& name : names.value_or(std::vector<std::string>{})) stamp += "/" + StampOf(path + "/" + name);
  return stamp;
}

std::optional<std::int64_t> VersionNumber(const std::string& name) {
  const auto number = ParseInt(name);
  if (!number || *number < 1 || std::to_string(*number) != name) return std::nullopt;
  return number;
}

Status CheckTensors(const std::vector<ModelConfig::Tensor>& said, const std::vector<TensorInfo>& infos,
                    std::string_view what) {
  for (const auto& tensor : said) {
    const auto found =
        std::find_if(infos.begin(), infos.end(), [&](const TensorInfo& info) { return info.name == tensor.name; });
    if (found == infos.end()) {
      return Fail(ErrorCode::kInvalidArgument, fmt::format("the {} \"{}\" is not the model's", what, tensor.name));
    }
    if (!tensor.datatype.empty() && tensor.datatype != DatatypeName(found->datatype)) {
      return Fail(ErrorCode::kInvalidArgument, fmt::format("the {} \"{}\" is {}, the model has {}", what, tensor.name,
                                                           tensor.datatype, DatatypeName(found->datatype)));
    }
  }
  return {};
}

// Whether the configuration is of this model.
Status CheckConfig(const ModelConfig& config, const std::string& name, const LoadedModel& model) {
  if (!config.name.empty() && config.name != name) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("the name is \"{}\", the folder's is \"{}\"", config.name, name));
  }
  const std::string& engine = config.backend.empty() ? config.platform : config.backend;
  const std::string_view expected = model.waits() || model.is_pyfunc() ? "python"
                                    : model.takes_tensors()            ? "onnxruntime"
                                                                       : "fil";
  if (!engine.empty() && engine != expected && engine != model.platform()) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("the platform or backend is \"{}\", the model's is \"{}\"", engine, model.platform()));
  }
  if (!model.takes_tensors()) return {};
  KEELSON_RETURN_IF_ERROR(CheckTensors(config.inputs, model.tensor_inputs(), "input"));
  return CheckTensors(config.outputs, model.tensor_outputs(), "output");
}

Result<ModelConfig> ConfigIn(const std::string& folder) {
  const std::string path = folder + "/config.pbtxt";
  if (!io::Exists(path)) return ModelConfig{};
  KEELSON_ASSIGN_OR_RETURN(const auto text, io::ReadFile(path, kMaxConfig));
  auto config = ReadModelConfig(text);
  if (!config)
    return Fail(config.error().code, config.error().message, fmt::format("{}: {}", path, config.error().where));
  return config;
}

}  // namespace

Result<std::unique_ptr<Repository>> Repository::Open(Options options) {
  if (!IsFolder(options.folder)) return Fail(ErrorCode::kNotFound, "there is no such folder of models", options.folder);
  return std::unique_ptr<Repository>(new Repository(std::move(options)));
}

std::vector<std::string> Repository::Names() const {
  std::vector<std::string> names;
  const auto entries = io::ListFolder(options_.folder);
  for (const auto& name : entries.value_or(std::vector<std::string>{})) {
    if (!name.starts_with('.') && IsFolder(options_.folder + "/" + name)) names.push_back(name);
  }
  return names;
}

Result<std::vector<Repository::Found>> Repository::Find(const std::string& name) const {
  KEELSON_ASSIGN_OR_RETURN(const auto folder, io::SafeJoin(options_.folder, name));
  if (name.find('/') != std::string::npos || !IsFolder(folder)) {
    return Fail(ErrorCode::kNotFound, "there is no such model", name);
  }
  KEELSON_ASSIGN_OR_RETURN(const auto config, ConfigIn(folder));
  KEELSON_ASSIGN_OR_RETURN(const auto entries, io::ListFolder(folder));
  std::vector<std::pair<std::int64_t, Found>> numbered;
  for (const auto& entry : entries) {
    const auto number = VersionNumber(entry);
    if (!number || !IsFolder(folder + "/" + entry)) continue;
    if (!config.specific.empty() && std::count(config.specific.begin(), config.specific.end(), *number) == 0) continue;
    const auto path = ModelIn(folder + "/" + entry);
    numbered.push_back({*number, {entry, path.value_or(""), path ? StampOf(*path) : ""}});
  }
  std::sort(numbered.begin(), numbered.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  if (config.latest && numbered.size() > *config.latest) {
    numbered.erase(numbered.begin(), numbered.end() - static_cast<std::ptrdiff_t>(*config.latest));
  }
  std::vector<Found> found;
  for (auto& [number, version] : numbered) found.push_back(std::move(version));
  if (found.empty()) {
    if (const auto path = ModelIn(folder)) found.push_back({"1", *path, StampOf(*path)});
  }
  if (found.empty()) {
    return Fail(ErrorCode::kNotFound, "neither versions (folders named by a number) nor a file model.*", folder);
  }
  return found;
}

Result<Repository::Loaded> Repository::Load(const std::string& name) {
  KEELSON_ASSIGN_OR_RETURN(const auto found, Find(name));
  const std::string folder = options_.folder + "/" + name;
  KEELSON_ASSIGN_OR_RETURN(const auto config, ConfigIn(folder));
  const auto old = std::exchange(loaded_[name], {});
  Loaded loaded;
  for (const auto& version : found) {
    const auto refuse = [&](Error error) {
      error.message = fmt::format("version {}: {}", version.version, error.message);
      loaded.refused.push_back(std::move(error));
    };
    if (version.path.empty()) {
      refuse({ErrorCode::kNotFound, "there is no file model.*", folder + "/" + version.version});
      continue;
    }
    const auto known = std::find_if(old.begin(), old.end(), [&](const Kept& kept) {
      return kept.found.path == version.path && kept.found.stamp == version.stamp;
    });
    std::shared_ptr<const LoadedModel> model = known != old.end() ? known->model : nullptr;
    if (model == nullptr) {
      ModelSource source;
      source.name = name;
      source.version = version.version;
      source.path = version.path;
      source.budget = options_.budget;
      source.tensors = true;
      source.python = options_.python;
      const std::string example = version.path.substr(0, version.path.rfind('/')) + "/input_example.json";
      if (!IsFolder(version.path) && io::Exists(example)) source.example_path = example;
      auto made = LoadedModel::Load(source);
      if (!made) {
        refuse(made.error());
        continue;
      }
      model = std::move(*made);
    }
    if (auto fits = CheckConfig(config, name, *model); !fits) {
      refuse({fits.error().code, fits.error().message, folder + "/config.pbtxt"});
      continue;
    }
    loaded.versions.push_back({model, version.path, PolicyOf(config, options_.policy)});
    loaded_[name].push_back({version, std::move(model)});
  }
  return loaded;
}

}  // namespace keelson::serving
