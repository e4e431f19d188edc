#pragma once

#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "app/roles/access.h"
#include "app/roles/grpc_front.h"
#include "app/roles/listen.h"
#include "base/clock.h"
#include "base/result.h"
#include "io/http.h"
#include "serving/replica.h"
#include "wire/inference/grpc_service.h"
#include "wire/inference/replica_handler.h"

namespace keelson::app {

// Where a replica that is no server's own listens, and whom it lets in.
struct ServeListenOptions {
  ListenOptions listen;
  std::string token_file;  // keeps the token's hash; "": client certificates are all that counts beyond loopback
  io::HttpLimits limits;   // of requests and connections
  wire::inference::TensorLimits tensors;  // of what is in a request
};

// A replica that listens: models loaded and warm, payload logs open, the Open Inference Protocol answered. Owned by the
// role (or a test); the destructor stops it.
class ReplicaServer {
 public:
  // An error of any model refuses the whole replica, before anything listens.
  // `listen` is for TCP; on a Unix socket whoever may open it may ask.
  static Result<std::unique_ptr<ReplicaServer>> Start(const serving::ReplicaOptions& options,
                                                      const ServeListenOptions& listen = {});

  int port() const { return server_->port(); }
  int grpc_port() const { return grpc_ == nullptr ? 0 : grpc_->port(); }
  const std::optional<std::string>& fresh_token() const { return fresh_token_; }  // to be shown once
  io::TlsServer* tls() const { return tls_.get(); }                               // null: plain
  const std::string& address() const { return address_; }  // "http://127.0.0.1:PORT", https or "unix:PATH"
  // Not ready any more, no new connections; requests under way end.
  void Drain(std::chrono::milliseconds at_most);

 private:
  ReplicaServer() = default;

  SystemClock clock_;
  std::string address_;
  std::optional<std::string> fresh_token_;
  std::shared_ptr<io::TlsServer> tls_;
  std::optional<Access> access_;  // none for a Unix socket
  std::unique_ptr<wire::inference::ModelRepository> repository_;
  std::unique_ptr<wire::inference::ReplicaHandler> handler_;
  std::unique_ptr<wire::inference::GrpcService> grpc_service_;
  std::unique_ptr<GrpcFront> grpc_;         // null: no port for gRPC
  std::unique_ptr<io::HttpServer> server_;  // goes first, as the one above: it calls the handler
};

// The role of `keelson serve`: starts a replica, prints one line to `out` when it is ready, and returns 0 after
// SIGTERM, SIGINT or the loss of the server's lock, drained. Called on the main thread before others exist, for it
// takes the signals.
Result<int> RunReplica(const serving::ReplicaOptions& options, const ServeListenOptions& listen, std::ostream& out);

}  // namespace keelson::app
