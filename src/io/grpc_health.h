#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "io/grpc.h"

namespace keelson::io {

// grpc.health.v1.Health: whether the server, "", and each of its services by its full name is serving; all of them are
// or none. Safe from any thread. Outlives the server.
class GrpcHealth {
 public:
  explicit GrpcHealth(std::vector<std::string> services) : services_(std::move(services)) {}

  void SetServing(bool serving);  // told to all that watch

  // Null when the method is none of health checking's.
  std::unique_ptr<GrpcHandler> Accept(const std::shared_ptr<GrpcCall>& call);

 private:
  class Watcher;

  // The serialized HealthCheckResponse; mutex_ is held.
  std::string Status() const;
  bool Knows(const std::string& service) const;
  void Check(GrpcCall& call, std::string_view message);
  void Watch(const std::shared_ptr<GrpcCall>& call, std::string_view message);

  const std::vector<std::string> services_;
  std::mutex mutex_;
  bool serving_ = true;                            // guarded by mutex_
  std::vector<std::weak_ptr<GrpcCall>> watchers_;  // of known services; guarded by mutex_
};

}  // namespace keelson::io
