#pragma once

#include <memory>

#include "app/roles/access.h"
#include "io/grpc.h"
#include "io/grpc_health.h"
#include "io/grpc_reflection.h"

namespace keelson::app {

// The gRPC port of a replica or the server: the inference service, health checking and reflection, behind the same
// access as REST. Owned by the role, whose service, access and TLS outlive it.
class GrpcFront {
 public:
  static Result<std::unique_ptr<GrpcFront>> Start(io::GrpcServerOptions options, io::GrpcAccept inference,
                                                  const Access* access);
  int port() const { return server_->port(); }
  void Drain(std::chrono::milliseconds at_most);  // not serving any more; calls under way end

 private:
  GrpcFront(io::GrpcAccept inference, const Access* access);
  std::unique_ptr<io::GrpcHandler> Accept(const std::shared_ptr<io::GrpcCall>& call);

  const Access* const access_;  // null: everybody
  io::GrpcHealth health_;
  std::unique_ptr<io::GrpcReflection> reflection_;
  const io::GrpcAccept inference_;
  std::unique_ptr<io::GrpcServer> server_;  // goes first: it calls the others
};

}  // namespace keelson::app
