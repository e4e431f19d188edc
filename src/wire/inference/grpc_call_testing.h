#pragma once

#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/grpc.h"

namespace keelson::wire::inference::testing {

// A call without a network.
class LocalCall final : public io::GrpcCall {
 public:
  explicit LocalCall(const std::string& method) { request_.method = "/inference.GRPCInferenceService/" + method; }
  const io::GrpcRequest& request() const override { return request_; }
  void AddMetadata(std::string name, std::string value) override { metadata[std::move(name)] = std::move(value); }
  void Write(std::string message) override { written.push_back(std::move(message)); }
  void Finish(io::GrpcStatus status) override {
    if (finished) return;
    finished = std::move(status);
    end.set_value();
  }
  void Answer(std::string message) override {
    Write(std::move(message));
    Finish({});
  }
  bool ended() const override { return finished.has_value(); }

  io::GrpcRequest request_;
  std::map<std::string, std::string> metadata;
  std::vector<std::string> written;
  std::optional<io::GrpcStatus> finished;
  std::promise<void> end;
};

}  // namespace keelson::wire::inference::testing
