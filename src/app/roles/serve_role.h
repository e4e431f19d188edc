#pragma once

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "io/http.h"
#include "serving/replica.h"
#include "wire/inference/replica_handler.h"

namespace keelson::app {

// A replica that listens: models loaded and warm, payload logs open, the Open Inference Protocol answered. Owned by the
// role (or a test); the destructor stops it.
class ReplicaServer {
 public:
  // An error of any model refuses the whole replica, before anything listens.
  static Result<std::unique_ptr<ReplicaServer>> Start(const serving::ReplicaOptions& options);

  int port() const { return server_->port(); }
  const std::string& address() const { return address_; }  // "http://127.0.0.1:PORT" or "unix:PATH"
  // Not ready any more, no new connections; requests under way end.
  void Drain(std::chrono::milliseconds at_most);

 private:
  ReplicaServer() = default;

  SystemClock clock_;
  std::string address_;
  std::unique_ptr<wire::inference::ReplicaHandler> handler_;
  std::unique_ptr<io::HttpServer> server_;  // goes first: it calls the handler
};

// The role of `keelson serve`: starts a replica, prints one line to `out` when it is ready, and returns 0 after
// SIGTERM, SIGINT or the loss of the server's lock, drained. Called on the main thread before others exist, for it
// takes the signals.
Result<int> RunReplica(const serving::ReplicaOptions& options, std::ostream& out);

}  // namespace keelson::app
