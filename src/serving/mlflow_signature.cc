#include "serving/mlflow_signature.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/json_depth.h"
#include "io/files.h"

namespace keelson::serving {
namespace {

constexpr std::size_t kMaxText = std::size_t{16} << 20;
constexpr std::size_t kMaxDepth = 64;

// The texts of the signature's parts: each is JSON inside YAML.
struct Parts {
  std::string inputs;
  std::string outputs;
  std::string params;
};

Result<Parts> ReadParts(const std::string& text, const std::string& where) {
  Parts parts;
  try {
    const YAML::Node root = YAML::Load(text);
    const YAML::Node signature = root.IsMap() ? root["signature"] : YAML::Node();
    if (!signature || !signature.IsMap()) return parts;
    if (const YAML::Node inputs = signature["inputs"]; inputs && inputs.IsScalar()) {
      parts.inputs = inputs.as<std::string>();
    }
    if (const YAML::Node outputs = signature["outputs"]; outputs && outputs.IsScalar()) {
      parts.outputs = outputs.as<std::string>();
    }
    if (const YAML::Node params = signature["params"]; params && params.IsScalar()) {
      parts.params = params.as<std::string>();
    }
  } catch (const YAML::Exception& error) {
    return Fail(ErrorCode::kInvalidArgument, error.msg, where);
  }
  return parts;
}

std::string TextOf(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

// An input or output; `tensors` becomes true when it is one.
MlflowSignature::Column ReadColumn(const nlohmann::json& json, bool* tensors) {
  MlflowSignature::Column column{TextOf(json, "name"), TextOf(json, "type")};
  if (const auto required = json.find("required"); required != json.end() && required->is_boolean()) {
    column.required = required->get<bool>();
  }
  if (column.type != "tensor") return column;
  *tensors = true;
  const auto spec = json.find("tensor-spec");
  if (spec == json.end() || !spec->is_object()) return column;
  column.type = TextOf(*spec, "dtype");
  const auto shape = spec->find("shape");
  if (shape == spec->end() || !shape->is_array()) return column;
  for (const auto& length : *shape) {
    column.shape.push_back(length.is_number_integer() ? length.get<std::int64_t>() : -1);
  }
  return column;
}

}  // namespace

Result<std::optional<MlflowSignature>> ReadMlflowSignature(const std::string& folder) {
  const std::string path = folder + "/MLmodel";
  if (!io::Exists(path)) return std::nullopt;
  KEELSON_ASSIGN_OR_RETURN(const auto text, io::ReadFile(path, kMaxText));
  KEELSON_ASSIGN_OR_RETURN(const auto parts, ReadParts(text, path));
  if (parts.inputs.empty() || parts.inputs == "null") return std::nullopt;
  if (std::max({JsonDepth(parts.inputs), JsonDepth(parts.outputs), JsonDepth(parts.params)}) > kMaxDepth) {
    return Fail(ErrorCode::kInvalidArgument, "the signature is nested too deep", path);
  }
  const auto inputs = nlohmann::json::parse(parts.inputs, nullptr, /*allow_exceptions=*/false);
  if (!inputs.is_array()) return Fail(ErrorCode::kInvalidArgument, "signature.inputs is not a JSON array", path);
  MlflowSignature signature;
  for (const auto& input : inputs) {
    if (!input.is_object()) {
      return Fail(ErrorCode::kInvalidArgument, "an input of the signature is not a JSON object", path);
    }
    signature.columns.push_back(ReadColumn(input, &signature.tensors));
  }
  const auto outputs = nlohmann::json::parse(parts.outputs, nullptr, /*allow_exceptions=*/false);
  if (outputs.is_array()) {
    bool tensors = false;
    for (const auto& output : outputs) {
      if (output.is_object()) signature.outputs.push_back(ReadColumn(output, &tensors));
    }
  }
  const auto params = nlohmann::json::parse(parts.params, nullptr, /*allow_exceptions=*/false);
  if (params.is_array()) {
    for (const auto& param : params) {
      if (param.is_object()) signature.params.push_back(TextOf(param, "name"));
    }
  }
  if (signature.columns.empty()) return std::nullopt;
  return signature;
}

}  // namespace keelson::serving
