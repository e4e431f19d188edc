#pragma once

#include <memory>
#include <ostream>
#include <string>

#include "base/result.h"
#include "io/grpc.h"
#include "io/grpc_health.h"
#include "io/grpc_reflection.h"
#include "wire/katib/suggestion_service.h"

namespace keelson::app {

struct SuggestOptions {
  std::string host = "127.0.0.1";
  int port = 6789;  // Katib's
  std::size_t threads = 1;
};

// Katib's Suggestion service, health checking and reflection on a port. It keeps nothing and knows nothing but what it
// is asked, so whoever reaches the port may ask. Owned by the role (or a test); the destructor stops it.
class SuggestServer {
 public:
  static Result<std::unique_ptr<SuggestServer>> Start(const SuggestOptions& options);
  int port() const { return server_->port(); }
  void Drain(std::chrono::milliseconds at_most);  // not serving any more; calls under way end

 private:
  explicit SuggestServer(std::size_t threads);
  std::unique_ptr<io::GrpcHandler> Accept(const std::shared_ptr<io::GrpcCall>& call);

  wire::katib::SuggestionService service_;
  io::GrpcHealth health_;
  std::unique_ptr<io::GrpcReflection> reflection_;
  std::unique_ptr<io::GrpcServer> server_;  // goes first: it calls the others
};

// The role of `keelson suggest`: prints one line to `out` when it is ready, and returns 0 after SIGTERM or SIGINT,
// drained. Called on the main thread before others exist, for it takes the signals.
Result<int> RunSuggest(const SuggestOptions& options, std::ostream& out);

}  // namespace keelson::app
