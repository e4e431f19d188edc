#pragma once

#include <optional>
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

// What a ModelInferRequest says of itself, without its tensors: for whoever only passes it on. Views of the message.
struct GrpcInferHead {
  std::string_view model;
  std::string_view version;
  std::string_view id;
};
std::optional<GrpcInferHead> ReadGrpcInferHead(std::string_view message);  // nothing for malformed bytes

struct GrpcInferAnswer {
  std::string_view model;
  std::string_view version;
  std::string_view id;  // "" when the request had none
  bool raw = false;     // FP16 and BF16, which have no typed contents, make it so
};
// A ModelInferResponse.
std::string WriteGrpcInferAnswer(const GrpcInferAnswer& answer, std::span<const Tensor> tensors);

}  // namespace keelson::wire::inference
