#pragma once

#include <span>
#include <string>

#include "base/result.h"
#include "io/http.h"
#include "serving/model.h"
#include "wire/inference/infer_request.h"

namespace keelson::wire::inference {

// The protocol's side of models that take and give named tensors (serving::LoadedModel::takes_tensors).

// [{"name": ..., "datatype": ..., "shape": [...]}, ...], as metadata has it.
std::string TensorInfosJson(std::span<const serving::TensorInfo> infos);

// Asks the model and writes its answer. kInvalidArgument for what the request has wrong; the errors of Infer.
Result<io::HttpResponse> InferTensors(const serving::LoadedModel& model, const InferRequest& asked);

// Writes an answer with any tensors; `binary[i]` says which go behind the JSON. FP16 and BF16 are kUnsupported in JSON.
Result<io::HttpResponse> WriteTensorAnswer(std::string_view model, std::string_view version, std::string_view id,
                                           std::span<const Tensor> tensors, const std::vector<bool>& binary);

}  // namespace keelson::wire::inference
