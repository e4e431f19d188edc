#include "serving/input_example.h"

#include <fmt/format.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "base/json_depth.h"

namespace keelson::serving {
namespace {

constexpr std::size_t kMaxDepth = 64;

std::unexpected<Error> Bad(const TensorInfo& info, std::string_view what) {
  return Fail(ErrorCode::kInvalidArgument, fmt::format("the example of input \"{}\" {}", info.name, what));
}

bool AppendElement(const nlohmann::json& value, Tensor* tensor) {
  if (tensor->datatype == Datatype::kBytes) {
    if (!value.is_string()) return false;
    tensor->texts.push_back(value.get<std::string>());
    return true;
  }
  if (IsFloat(tensor->datatype)) {
    if (!value.is_number() && !value.is_null()) return false;
    const double number = value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
    if (tensor->datatype == Datatype::kFp64) {
      tensor->doubles.push_back(number);
    } else {
      tensor->floats.push_back(static_cast<float>(number));
    }
    return true;
  }
  if (value.is_boolean()) {
    tensor->ints.push_back(value.get<bool>() ? 1 : 0);
    return true;
  }
  if (!value.is_number_integer()) return false;
  tensor->ints.push_back(value.get<std::int64_t>());
  return true;
}

// Appends what is below `value` at `depth`; false for a ragged array or an element of another type.
bool Append(const nlohmann::json& value, std::size_t depth, Tensor* tensor) {
  if (depth == tensor->shape.size()) return !value.is_array() && AppendElement(value, tensor);
  if (!value.is_array() || static_cast<std::int64_t>(value.size()) != tensor->shape[depth]) return false;
  for (const auto& each : value) {
    if (!Append(each, depth + 1, tensor)) return false;
  }
  return true;
}

Result<Tensor> FromArrays(const nlohmann::json& value, const TensorInfo& info) {
  Tensor tensor;
  tensor.name = info.name;
  tensor.datatype = info.datatype;
  const auto* level = &value;
  for (; level->is_array(); level = &level->front()) {
    tensor.shape.push_back(static_cast<std::int64_t>(level->size()));
    if (level->empty()) return Bad(info, "is empty");
  }
  const std::size_t rank = info.shape.size();
  if (tensor.shape.size() + 1 == rank) {  // one row
    return FromArrays(nlohmann::json::array({value}), info);
  }
  if (rank != 0 && rank != tensor.shape.size()) return Bad(info, "has another number of dimensions");
  if (!Append(value, 0, &tensor)) {
    return Bad(info, fmt::format("is no array of {} of one length a dimension", DatatypeName(info.datatype)));
  }
  return tensor;
}

// Columns by name; a column of a model whose input is [-1, 1] is one number a row, too.
Result<std::vector<Tensor>> FromColumns(const nlohmann::json& columns, const nlohmann::json& rows,
                                        std::span<const TensorInfo> inputs) {
  std::vector<Tensor> tensors;
  for (const auto& info : inputs) {
    std::size_t place = 0;
    while (place < columns.size() && columns[place] != info.name) ++place;
    if (place == columns.size()) {
      if (info.optional) continue;
      return Bad(info, "is missing");
    }
    nlohmann::json cells = nlohmann::json::array();
    for (const auto& row : rows) {
      if (!row.is_array() || place >= row.size()) return Bad(info, "is missing in a row");
      cells.push_back(info.shape.size() == 2 ? nlohmann::json::array({row[place]}) : row[place]);
    }
    KEELSON_ASSIGN_OR_RETURN(auto tensor, FromArrays(cells, info));
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

}  // namespace

Result<std::vector<Tensor>> ExampleTensors(std::string_view json, std::span<const TensorInfo> inputs) {
  if (JsonDepth(json) > kMaxDepth) return Fail(ErrorCode::kInvalidArgument, "JSON nested too deep");
  const auto example = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!example.is_object() && !example.is_array()) {
    return Fail(ErrorCode::kInvalidArgument, "neither a JSON object nor an array");
  }
  const auto columns = example.find("columns");
  const auto data = example.find("data");
  const bool table = example.is_object() && columns != example.end() && data != example.end() && columns->is_array() &&
                     data->is_array();
  const bool matrix = inputs.size() == 1 && inputs[0].shape.size() == 2 && inputs[0].shape[1] != 1;
  if (table && !matrix) return FromColumns(*columns, *data, inputs);
  const auto named = example.is_object() ? example.find("inputs") : example.end();
  const nlohmann::json& values = table ? *data : named != example.end() ? *named : example;
  std::vector<Tensor> tensors;
  for (const auto& info : inputs) {
    const auto* value = &values;
    if (values.is_object()) {
      const auto found = values.find(info.name);
      if (found == values.end() && info.optional) continue;
      if (found == values.end()) return Bad(info, "is missing");
      value = &*found;
    } else if (inputs.size() != 1) {
      return Bad(info, "is missing: an array stands for the one input of a model");
    }
    KEELSON_ASSIGN_OR_RETURN(auto tensor, FromArrays(*value, info));
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

}  // namespace keelson::serving
