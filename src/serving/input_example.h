#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "serving/tensor_model.h"

namespace keelson::serving {

// An MLflow input example (JSON) as the tensors that a model takes: {"inputs": {NAME: nested arrays}} or {"inputs":
// nested arrays}; {"columns": [...], "data": [rows]}, whose columns are the inputs by name or, for a model of one
// matrix, its columns by place; or nested arrays alone. kInvalidArgument for what does not fit.
Result<std::vector<Tensor>> ExampleTensors(std::string_view json, std::span<const TensorInfo> inputs);

}  // namespace keelson::serving
