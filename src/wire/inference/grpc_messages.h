#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/inference/infer_request.h"

// The messages of inference.GRPCInferenceService that carry tensors, by their bytes (protocols/inference).
namespace keelson::wire::inference {

// The bytes of all file descriptors under protocols/, as a google.protobuf.FileDescriptorSet.
std::string_view GrpcDescriptors();

struct GrpcInferRequest {
  std::string model;
  std::string version;   // "": the newest
  InferRequest request;  // inputs in their order; outputs are nothing when none is named, which means all
  bool raw = false;      // contents came raw, and so do those of the answer
};

// Reads a ModelInferRequest. kInternal when the bytes are none, as gRPC has it; kInvalidArgument names the input, what
// came and what was expected.
Result<GrpcInferRequest> ReadGrpcInferRequest(std::string_view message, const TensorLimits& limits);

// The model that the bytes ask for, without the rest of them: for whoever only passes on; "" when they are malformed.
std::string GrpcModelOf(std::string_view message);

struct GrpcInferAnswer {
  std::string_view model;
  std::string_view version;
  std::string_view id;  // "" when the request had none
  bool raw = false;     // FP16 and BF16, which have no typed contents, make it so
  bool last = false;    // with Triton's parameter that says that no further answer to the request will come
};
// A ModelInferResponse.
std::string WriteGrpcInferAnswer(const GrpcInferAnswer& answer, std::span<const Tensor> tensors);

}  // namespace keelson::wire::inference
