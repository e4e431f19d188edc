#include "serving/model_directory.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/json_depth.h"
#include "io/files.h"
#include "io/os.h"

namespace keelson::serving {
namespace {

constexpr std::size_t kMaxText = std::size_t{16} << 20;
constexpr std::size_t kMaxDepth = 64;
constexpr const char* kFlavors[] = {"xgboost", "lightgbm", "onnx"};

// What MLmodel says.
struct Description {
  std::string data;       // the path of the model's data, relative to the folder; "" when only Python can load it
  bool python = false;    // Python can load it
  std::string estimator;  // of scikit-learn, relative to the folder
  std::string method;     // that is asked of it
};

std::string TextOf(const YAML::Node& node) {
  return node.IsDefined() && node.IsScalar() ? node.Scalar() : "";
}

// What mlflow.sklearn saved, and nothing beside it.
void DescribeEstimator(const YAML::Node& flavors, Description* described) {
  const YAML::Node sklearn = flavors["sklearn"];
  const YAML::Node python = flavors["python_function"];
  if (!sklearn || !sklearn.IsMap() || !python.IsMap() || TextOf(python["loader_module"]) != "mlflow.sklearn") return;
  for (const YAML::Node& code : {sklearn["code"], python["code"]}) {
    if (code && !code.IsNull()) return;
  }
  described->estimator = TextOf(sklearn["pickled_model"]);
  described->method = python["predict_fn"] ? TextOf(python["predict_fn"]) : "predict";
}

Result<Description> Describe(const std::string& text, const std::string& where) {
  try {
    const YAML::Node root = YAML::Load(text);
    if (!root.IsMap() || !root["flavors"] || !root["flavors"].IsMap()) {
      return Fail(ErrorCode::kInvalidArgument, "an MLmodel file must have a map \"flavors\"", where);
    }
    const YAML::Node flavors = root["flavors"];
    const auto* const known = std::find_if(std::begin(kFlavors), std::end(kFlavors),
                                           [&](const char* flavor) { return flavors[flavor].IsDefined(); });
    const bool python = flavors["python_function"].IsDefined();
    if (known == std::end(kFlavors) && python) {
      Description described{"", true, "", ""};
      DescribeEstimator(flavors, &described);
      return described;
    }
    if (known == std::end(kFlavors)) {
      std::string found;
      for (const auto& each : flavors) found += (found.empty() ? "" : ", ") + each.first.as<std::string>();
      return Fail(ErrorCode::kUnsupported,
                  fmt::format("no flavor \"xgboost\", \"lightgbm\", \"onnx\" or \"python_function\" among: {}", found),
                  where);
    }
    const std::string name = *known;
    const YAML::Node flavor = flavors[name];
    if (!flavor.IsMap() || !flavor["data"] || !flavor["data"].IsScalar() || flavor["data"].Scalar().empty()) {
      return Fail(ErrorCode::kInvalidArgument, fmt::format("flavors.{} must name its file in \"data\"", name), where);
    }
    return Description{flavor["data"].as<std::string>(), python, "", ""};
  } catch (const YAML::Exception& error) {
    return Fail(ErrorCode::kInvalidArgument, error.msg, fmt::format("{}:{}", where, error.mark.line + 1));
  }
}

// A scikit-learn estimator of XGBoost or LightGBM may be saved in their flavors as a pickle, which since protocol 2
// begins with a byte that no other of their files begins with, or by skops, which writes a zip file.
Result<bool> OnlyPythonReads(const std::string& path) {
  KEELSON_ASSIGN_OR_RETURN(const auto file, io::OpenFile(path, O_RDONLY));
  std::array<char, 4> head{};
  KEELSON_ASSIGN_OR_RETURN(const auto size, io::ReadAt(file.get(), head.data(), head.size(), 0, path));
  const std::string_view text(head.data(), size);
  return text == "PK\x03\x04" || (size > 1 && head[0] == '\x80' && head[1] >= 2 && head[1] <= 5);
}

Status ReadOwnFile(const std::string& path, ModelDirectory* directory) {
  KEELSON_ASSIGN_OR_RETURN(const auto text, io::ReadFile(path, kMaxText));
  if (JsonDepth(text) > kMaxDepth) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("JSON nested deeper than {}", kMaxDepth), path);
  }
  auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return Fail(ErrorCode::kInvalidArgument, "not a JSON object", path);
  if (const auto output = json.find("output"); output != json.end()) {
    if (!output->is_string()) return Fail(ErrorCode::kInvalidArgument, "\"output\" must be a string", path);
    directory->output_name = output->get<std::string>();
    json.erase(output);
  }
  auto encoder = features::InputEncoder::FromJson(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  if (!encoder) {
    return Fail(encoder.error().code, encoder.error().message, fmt::format("{}: {}", path, encoder.error().where));
  }
  directory->encoder = std::move(*encoder);
  return {};
}

}  // namespace

Result<ModelDirectory> ReadModelDirectory(const std::string& folder) {
  const std::string description = folder + "/MLmodel";
  KEELSON_ASSIGN_OR_RETURN(const auto text, io::ReadFile(description, kMaxText));
  KEELSON_ASSIGN_OR_RETURN(const auto described, Describe(text, description));
  ModelDirectory directory;
  directory.python = described.data.empty();
  directory.model_path = folder;
  if (!described.estimator.empty() && (described.method == "predict" || described.method == "predict_proba")) {
    KEELSON_ASSIGN_OR_RETURN(directory.estimator_path, io::SafeJoin(folder, described.estimator));
    directory.probabilities = described.method == "predict_proba";
  }
  if (!directory.python) {
    KEELSON_ASSIGN_OR_RETURN(directory.model_path, io::SafeJoin(folder, described.data));
    const auto only_python = OnlyPythonReads(directory.model_path);
    directory.python = only_python && *only_python;  // what cannot be opened is told when the model is read
    if (directory.python && !described.python) {
      return Fail(ErrorCode::kUnsupported,
                  "an estimator that only Python reads, and MLmodel has no flavor \"python_function\"",
                  directory.model_path);
    }
    if (directory.python) directory.model_path = folder;
  }
  if (const auto own = folder + "/keelson.json"; !directory.python && io::Exists(own))
    KEELSON_RETURN_IF_ERROR(ReadOwnFile(own, &directory));
  if (const auto example = folder + "/input_example.json"; io::Exists(example)) directory.example_path = example;
  return directory;
}

}  // namespace keelson::serving
