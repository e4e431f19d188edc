#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/gateway.h"
#include "wire/inference/edge_features.h"

// What stands behind the edges in their tests.
namespace keelson::wire::inference {

// Notes what is forwarded and answers as told.
class FakeGateway : public gateway::Gateway {
 public:
  void Configure(const gateway::EndpointConfig&) override {}
  void Remove(const std::string&) override {}
  bool Has(const std::string&) const override { return true; }
  std::vector<std::string> Versions(const std::string&) const override { return {"3", "4"}; }
  void Forward(gateway::GatewayRequest request, std::function<void(Result<io::HttpResponse>)> done) override {
    endpoint_ = request.endpoint;
    request_id_ = request.request_id;
    version_ = request.version;
    deadline_ = request.deadline;
    call_ = std::move(request.call);
    ++forwarded_;
    done(answer_);
  }
  gateway::EndpointStats Stats(const std::string&) const override { return {}; }

  std::string endpoint_, request_id_, version_;
  std::optional<std::chrono::steady_clock::time_point> deadline_;
  io::HttpCall call_;
  int forwarded_ = 0;
  Result<io::HttpResponse> answer_ = io::HttpResponse{};
};

class FakeDirectory final : public EndpointDirectory {
 public:
  std::vector<std::string> Names() const override { return {"flights", "plain"}; }
  std::shared_ptr<const EndpointFeatures> Find(const std::string& endpoint) const override {
    if (endpoint == "plain") return std::make_shared<EndpointFeatures>();
    if (endpoint != "flights") return nullptr;
    return std::make_shared<EndpointFeatures>(
        EndpointFeatures{{{"origin", data::ColumnType::kString}, {"number", data::ColumnType::kInt64}},
                         {"route__mean", "route__count"}});
  }
  Instant RequestTime(const std::string&, std::optional<Instant> asked) const override {
    return asked.value_or(InstantFromMicros(42));
  }
};

}  // namespace keelson::wire::inference
