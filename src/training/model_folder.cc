#include "training/model_folder.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "io/files.h"

namespace keelson::training {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kMlflowVersion = "3.17.2";  // whose layout this is, and with which it is tested
constexpr const char* kXgboostVersion = "3.2.0";
constexpr const char* kPythonVersion = "3.11.2";

// JSON's strings are YAML's double-quoted ones.
std::string Quoted(const std::string& text) {
  return Json(text).dump();
}

// A double that reads back as this very float, as short as possible.
Json Number(float value) {
  if (std::isnan(value)) return nullptr;
  return Json::parse(fmt::format("{}", value));
}

std::string Example(const ModelFolder& contents) {
  Json columns = Json::array();
  for (const auto& input : contents.encoder.inputs()) columns.push_back(input.name);
  const std::size_t width = contents.encoder.width();
  Json data = Json::array();
  for (std::size_t begin = 0; begin < contents.example.size(); begin += width) {
    Json row = Json::array();
    for (std::size_t i = 0; i < width; ++i) {
      // Our own server reads text inputs as text, MLflow's signature as numbers: a missing value is both.
      const bool text = contents.encoder.inputs()[i].type == data::ColumnType::kString;
      row.push_back(text ? Json(nullptr) : Number(contents.example[begin + i]));
    }
    data.push_back(std::move(row));
  }
  return Json{{"columns", std::move(columns)}, {"data", std::move(data)}}.dump();
}

std::string MlModel(const ModelFolder& contents) {
  Json inputs = Json::array();
  for (const auto& input : contents.encoder.inputs()) {
    inputs.push_back({{"type", "double"}, {"name", input.name}, {"required", true}});
  }
  const Json outputs =
      Json::array({{{"type", "tensor"}, {"tensor-spec", {{"dtype", "float32"}, {"shape", Json::array({-1})}}}}});
  std::string text = fmt::format(
      "flavors:\n"
      "  python_function:\n"
      "    data: model.ubj\n"
      "    env:\n"
      "      conda: conda.yaml\n"
      "      virtualenv: python_env.yaml\n"
      "    loader_module: mlflow.xgboost\n"
      "    python_version: {0}\n"
      "  xgboost:\n"
      "    code: null\n"
      "    data: model.ubj\n"
      "    model_class: xgboost.core.Booster\n"
      "    model_format: ubj\n"
      "    xgb_version: {1}\n"
      "mlflow_version: {2}\n"
      "model_size_bytes: {3}\n"
      "model_uuid: {4}\n",
      kPythonVersion, kXgboostVersion, kMlflowVersion, contents.model.size(),
      Sha256::Hex(contents.model).substr(0, 32));
  if (!contents.run_id.empty()) text += fmt::format("run_id: {}\n", Quoted(contents.run_id));
  if (!contents.example.empty()) {
    text +=
        "saved_input_example_info:\n"
        "  artifact_path: input_example.json\n"
        "  pandas_orient: split\n"
        "  type: dataframe\n";
  }
  std::string created = FormatInstant(contents.created);  // "2013-04-01T04:00:00Z" as MLflow writes it
  created.pop_back();
  created[created.find('T')] = ' ';
  if (created.find('.') == std::string::npos) created += ".000000";
  return text + fmt::format("signature:\n  inputs: {}\n  outputs: {}\n  params: null\nutc_time_created: {}\n",
                            Quoted(inputs.dump()), Quoted(outputs.dump()), Quoted(created));
}

Result<std::string> OwnFile(const ModelFolder& contents) {
  Json own = Json::parse(contents.encoder.ToJson(), nullptr, /*allow_exceptions=*/false);
  if (!own.is_object()) return Fail(ErrorCode::kInternal, "the encoder's JSON cannot be read");
  own["output"] = contents.output;
  return own.dump(1) + "\n";
}

Status Check(const ModelFolder& contents) {
  const std::size_t width = contents.encoder.width();
  if (width == 0) return Fail(ErrorCode::kInvalidArgument, "the model has no inputs");
  if (contents.model.size() < 2 || contents.model.front() != '{') {
    return Fail(ErrorCode::kInvalidArgument, "these bytes are no XGBoost model");
  }
  if (contents.example.size() % width != 0) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("an example of {} numbers is not rows of {}", contents.example.size(), width));
  }
  for (const float value : contents.example) {
    if (std::isinf(value)) return Fail(ErrorCode::kInvalidArgument, "the example has an infinite number");
  }
  if (contents.output.empty()) return Fail(ErrorCode::kInvalidArgument, "the output has no name");
  return {};
}

}  // namespace

Status WriteModelFolder(const std::string& folder, const ModelFolder& contents) {
  KEELSON_RETURN_IF_ERROR(Check(contents));
  const std::string fresh = folder + ".new";
  KEELSON_RETURN_IF_ERROR(io::RemoveTree(fresh));
  KEELSON_RETURN_IF_ERROR(io::MakeFolders(fresh));
  const auto write = [&fresh](const char* name, const std::string& text) {
    return io::WriteFileAtomically(fresh + "/" + name, text);
  };
  const std::string requirements = fmt::format("mlflow=={}\nxgboost-cpu=={}\n", kMlflowVersion, kXgboostVersion);
  KEELSON_ASSIGN_OR_RETURN(const std::string own, OwnFile(contents));
  KEELSON_RETURN_IF_ERROR(write("model.ubj", contents.model));
  KEELSON_RETURN_IF_ERROR(write("keelson.json", own));
  KEELSON_RETURN_IF_ERROR(write("profile.json", contents.profile.ToJson()));
  if (!contents.example.empty()) KEELSON_RETURN_IF_ERROR(write("input_example.json", Example(contents)));
  KEELSON_RETURN_IF_ERROR(write("requirements.txt", requirements));
  KEELSON_RETURN_IF_ERROR(
      write("python_env.yaml", fmt::format("python: {}\nbuild_dependencies:\n- pip\n- setuptools\n- "
                                           "wheel\ndependencies:\n- -r requirements.txt\n",
                                           kPythonVersion)));
  KEELSON_RETURN_IF_ERROR(
      write("conda.yaml", fmt::format("channels:\n- conda-forge\ndependencies:\n- python={}\n- pip\n- pip:\n  - "
                                      "mlflow=={}\n  - xgboost-cpu=={}\nname: mlflow-env\n",
                                      kPythonVersion, kMlflowVersion, kXgboostVersion)));
  KEELSON_RETURN_IF_ERROR(write("MLmodel", MlModel(contents)));
  KEELSON_RETURN_IF_ERROR(io::RemoveTree(folder));
  return io::Rename(fresh, folder);
}

}  // namespace keelson::training
