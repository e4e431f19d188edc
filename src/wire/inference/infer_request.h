#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "wire/inference/tensor.h"

namespace keelson::wire::inference {

struct RequestedOutput {
  std::string name;
  std::optional<bool> binary;  // parameters.binary_data; nothing: as the request's binary_output says
};

// A request of the Open Inference Protocol v2, read once from its bytes straight into tensors.
struct InferRequest {
  std::string id;  // "" when there is none
  std::vector<Tensor> inputs;
  std::optional<std::vector<RequestedOutput>> outputs;  // nothing: all outputs
  bool binary_output = false;                           // parameters.binary_data_output
  // parameters.predict: "value" (also when it is not sent), "margin", "leaves" or "contributions".
  std::string predict = "value";
  // The schedule_policy extension: parameters.priority (1 goes first) and parameters.timeout in microseconds. 0 and
  // nothing: the model's default.
  std::optional<std::uint64_t> priority;
  std::optional<std::uint64_t> timeout_us;
  // Where the closing bracket of "inputs" stands in the body, and whether anything stands before it: for splicing.
  std::size_t inputs_end = 0;
  bool inputs_empty = true;
};

struct InferRequestOptions {
  TensorLimits limits;
  // Which inputs are wanted: the data of others is passed over, checked as JSON only. Nothing: all of them.
  std::function<bool(std::string_view)> wanted;
};

// `json_length` is the header Inference-Header-Content-Length: the first so many bytes are JSON, the rest are the
// binary contents of the inputs with parameters.binary_data_size, in their order. Float tensors take null and NaN as
// missing, texts take null. kInvalidArgument names the input, what came and what was expected; for malformed JSON also
// the byte.
Result<InferRequest> ParseInferRequest(std::string_view body, std::optional<std::size_t> json_length,
                                       const InferRequestOptions& options);

// Adds a dimension to a tensor's shape. kInvalidArgument for a negative one, and for a rank or a number of elements
// over the limits. `elements` is the product of those before, and then with this one; 1 at first.
Status AddDimension(std::int64_t dimension, const TensorLimits& limits, Tensor* tensor, std::size_t* elements);

// The value of Inference-Header-Content-Length; nothing when the header is "" (not sent).
Result<std::optional<std::size_t>> ParseJsonLength(std::string_view header, std::size_t body_size);

}  // namespace keelson::wire::inference
