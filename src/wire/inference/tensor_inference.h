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

// Writes the answer to a request. A tensor goes behind the JSON when its output, or else the request, asks for binary
// data. FP16 and BF16 are kUnsupported in JSON.
Result<io::HttpResponse> WriteTensorAnswer(std::string_view model, std::string_view version, const InferRequest& asked,
                                           std::span<const Tensor> tensors);

}  // namespace keelson::wire::inference
