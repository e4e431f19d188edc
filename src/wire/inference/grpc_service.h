#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "io/grpc.h"
#include "wire/inference/carried_call.h"
#include "wire/inference/replica_handler.h"

namespace keelson::wire::inference {

// The replica's side of inference.GRPCInferenceService: the Open Inference Protocol with the extensions for
// repositories, statistics, configuration and streams, over the same models as the REST protocols. Metadata of a
// request means what its headers mean there. Owned by the replica role; safe from any thread. The handler outlives it,
// and it the server.
class GrpcService {
 public:
  static constexpr std::string_view kName = "inference.GRPCInferenceService";

  explicit GrpcService(ReplicaHandler& replica) : replica_(replica) {}

  // Null when the method is none of this service's.
  std::unique_ptr<io::GrpcHandler> Accept(const std::shared_ptr<io::GrpcCall>& call);

 private:
  using Method = io::GrpcStatus (GrpcService::*)(std::string_view message, std::string* answer);
  using Answer = std::function<void(GrpcOutcome)>;

  // The methods that answer at once: the answer is written into `answer`.
  io::GrpcStatus ServerLive(std::string_view message, std::string* answer);
  io::GrpcStatus ServerReady(std::string_view message, std::string* answer);
  io::GrpcStatus ServerMetadata(std::string_view message, std::string* answer);
  io::GrpcStatus ModelReady(std::string_view message, std::string* answer);
  io::GrpcStatus ModelMetadata(std::string_view message, std::string* answer);
  io::GrpcStatus ModelConfig(std::string_view message, std::string* answer);
  io::GrpcStatus ModelStatistics(std::string_view message, std::string* answer);
  io::GrpcStatus RepositoryIndex(std::string_view message, std::string* answer);
  static Method Find(std::string_view method);

  // These may take longer; `load` or unload.
  void Change(bool load, const std::shared_ptr<io::GrpcCall>& call, std::string_view message);
  // The bytes of a ModelInferResponse. `unary`: the answer's metadata says the version. On any thread, once.
  void Infer(const std::shared_ptr<io::GrpcCall>& call, std::string_view message, bool unary, const Answer& done);

  ReplicaHandler& replica_;
};

}  // namespace keelson::wire::inference
