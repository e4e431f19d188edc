#include "wire/inference/model_config.h"

#include <nlohmann/json.hpp>

#include "wire/inference/model_description.h"
#include "wire/inference/tensor.h"

namespace keelson::wire::inference {
namespace {

// The name in Triton's enumeration DataType.
std::string TypeName(Datatype datatype) {
  return "TYPE_" + (datatype == Datatype::kBytes ? "STRING" : std::string(DatatypeName(datatype)));
}

nlohmann::json ConfigOutput(const serving::TensorInfo& info) {
  return {{"name", info.name},        {"data_type", TypeName(info.datatype)},
          {"dims", info.shape},       {"label_filename", ""},
          {"is_shape_tensor", false}, {"is_non_linear_format_io", false}};
}

}  // namespace

nlohmann::json ConfigInput(const serving::TensorInfo& info) {
  return {{"name", info.name},         {"data_type", TypeName(info.datatype)},
          {"format", "FORMAT_NONE"},   {"dims", info.shape},
          {"is_shape_tensor", false},  {"allow_ragged_batch", false},
          {"optional", info.optional}, {"is_non_linear_format_io", false}};
}

nlohmann::json ModelConfigJson(const serving::LoadedModel& model) {
  auto inputs = nlohmann::json::array();
  for (const auto& info : InputsOf(model)) inputs.push_back(ConfigInput(info));
  auto outputs = nlohmann::json::array();
  for (const auto& info : OutputsOf(model)) outputs.push_back(ConfigOutput(info));
  const auto none = nlohmann::json::array();
  const auto nothing = nlohmann::json::object();
  return {{"name", model.name()},          {"platform", model.platform()},
          {"backend", "keelson"},          {"runtime", ""},
          {"max_batch_size", 0},  // the first dimension of inputs and outputs is in their dims
          {"input", std::move(inputs)},    {"output", std::move(outputs)},
          {"batch_input", none},           {"batch_output", none},
          {"instance_group", none},        {"default_model_filename", ""},
          {"cc_model_filenames", nothing}, {"metric_tags", nothing},
          {"parameters", nothing},         {"model_warmup", none}};
}

}  // namespace keelson::wire::inference
