#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "io/grpc.h"
#include "wire/inference/carried_call.h"

namespace keelson::wire::inference {

// One request of a stream: `done` is called once, on this thread or another, with a ModelInferResponse.
using GrpcInfer = std::function<void(const std::shared_ptr<io::GrpcCall>& call, std::string_view message,
                                     std::function<void(GrpcOutcome)> done)>;

// The handler of a ModelStreamInfer: a request after another, each answered before the next is looked at. An answer
// says that it is the last one to its request; an error is an error_message, and the stream goes on.
std::unique_ptr<io::GrpcHandler> MakeInferStream(std::shared_ptr<io::GrpcCall> call, GrpcInfer infer);

}  // namespace keelson::wire::inference
