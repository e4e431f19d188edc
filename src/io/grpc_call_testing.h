#pragma once

#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/grpc.h"

namespace keelson::io {

// A call without a network.
class LocalGrpcCall : public GrpcCall {
 public:
  explicit LocalGrpcCall(std::string method) { request_.method = std::move(method); }  // "/package.Service/Method"
  const GrpcRequest& request() const override { return request_; }
  void AddMetadata(std::string name, std::string value) override { metadata[std::move(name)] = std::move(value); }
  void Write(std::string message) override { written.push_back(std::move(message)); }
  void Finish(GrpcStatus status) override {
    if (finished) return;
    finished = std::move(status);
    end.set_value();
  }
  void Answer(std::string message) override {
    Write(std::move(message));
    Finish({});
  }
  bool ended() const override { return finished.has_value(); }

  GrpcRequest request_;
  std::map<std::string, std::string> metadata;
  std::vector<std::string> written;
  std::optional<GrpcStatus> finished;
  std::promise<void> end;
};

}  // namespace keelson::io
