#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/gateway.h"
#include "io/grpc.h"
#include "wire/inference/carried_call.h"
#include "wire/inference/edge_features.h"
#include "wire/inference/grpc_messages.h"
#include "wire/inference/tensor.h"

namespace keelson::wire::inference {

// The server's side of inference.GRPCInferenceService: what InferenceEdge is for REST, with the same split, holding,
// features and request ids, for it goes through the same gateway. A message goes to the replica as it came, with the
// endpoint's features written behind it, if it has some (carried_call.h). Owned by the server; thread-safe; what is
// given at construction outlives it.
class GrpcEdge {
 public:
  GrpcEdge(gateway::Gateway& gateway, const EndpointDirectory& directory, FeatureLookup lookup,
           std::string server_version, TensorLimits limits = {});

  // Null when the method is none of this service's.
  std::unique_ptr<io::GrpcHandler> Accept(const std::shared_ptr<io::GrpcCall>& call);

 private:
  using Done = std::function<void(GrpcOutcome)>;
  using Method = GrpcOutcome (GrpcEdge::*)(std::string_view message) const;

  // What needs no replica.
  GrpcOutcome Live(std::string_view message) const;
  GrpcOutcome ServerMetadata(std::string_view message) const;
  GrpcOutcome ModelReady(std::string_view message) const;
  GrpcOutcome RepositoryIndex(std::string_view message) const;
  GrpcOutcome ChangeRepository(std::string_view message) const;
  static Method Find(std::string_view method);

  // Metadata, configuration and statistics: of the replica that answers, as they are for the endpoint.
  void Describe(const std::shared_ptr<io::GrpcCall>& call, std::string_view message) const;
  // The bytes of a ModelInferResponse. `unary`: the answer's metadata says the version. On any thread, once.
  void Infer(const std::shared_ptr<io::GrpcCall>& call, std::string_view message, bool unary, const Done& done) const;
  // The request with its features, and what the replica has to know of it.
  Result<io::HttpCall> CallFor(const io::GrpcRequest& request, const GrpcInferHead& head,
                               const EndpointFeatures& features, std::string_view message) const;

  gateway::Gateway& gateway_;
  const EndpointDirectory& directory_;
  const FeatureLookup lookup_;
  const std::string server_version_;
  const TensorLimits limits_;
};

}  // namespace keelson::wire::inference
