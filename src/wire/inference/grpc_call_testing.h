#pragma once

#include <string>

#include "io/grpc_call_testing.h"

namespace keelson::wire::inference::testing {

// A call of the inference service without a network.
class LocalCall final : public io::LocalGrpcCall {
 public:
  explicit LocalCall(const std::string& method) : io::LocalGrpcCall("/inference.GRPCInferenceService/" + method) {}
};

}  // namespace keelson::wire::inference::testing
