#include "io/grpc_health.h"

#include <algorithm>
#include <optional>

#include "base/protobuf.h"

namespace keelson::io {
namespace {

constexpr std::uint64_t kServing = 1;
constexpr std::uint64_t kNotServing = 2;
constexpr std::uint64_t kServiceUnknown = 3;

std::string Response(std::uint64_t status) {
  std::string message;
  ProtoWriter(&message).Number(1, status);
  return message;
}

// The service that a HealthCheckRequest asks for; nothing when it is malformed.
std::optional<std::string> ServiceOf(std::string_view message) {
  std::string service;
  ProtoReader reader(message);
  while (reader.Next()) {
    if (reader.key() == ProtoBytes(1) && !reader.Text(&service)) break;
  }
  if (!reader.ok()) return std::nullopt;
  return service;
}

const GrpcStatus kMalformed = {GrpcCode::kInternal, "the message is no HealthCheckRequest"};

}  // namespace

// Stays until the client has enough or the server ends.
class GrpcHealth::Watcher final : public GrpcHandler {
 public:
  Watcher(GrpcHealth& health, std::shared_ptr<GrpcCall> call) : health_(health), call_(std::move(call)) {}
  void OnMessage(std::string_view message) override { health_.Watch(call_, message); }
  void OnDrain() override { call_->Finish({GrpcCode::kUnavailable, "the server is ending"}); }

 private:
  GrpcHealth& health_;
  const std::shared_ptr<GrpcCall> call_;
};

std::string GrpcHealth::Status() const {
  return Response(serving_ ? kServing : kNotServing);
}

bool GrpcHealth::Knows(const std::string& service) const {
  return service.empty() || std::find(services_.begin(), services_.end(), service) != services_.end();
}

void GrpcHealth::SetServing(bool serving) {
  const std::lock_guard lock(mutex_);
  if (serving_ == serving) return;
  serving_ = serving;
  for (const auto& watcher : watchers_) {
    if (const auto call = watcher.lock(); call != nullptr && !call->ended()) call->Write(Status());
  }
}

std::unique_ptr<GrpcHandler> GrpcHealth::Accept(const std::shared_ptr<GrpcCall>& call) {
  const std::string& method = call->request().method;
  if (method == "/grpc.health.v1.Health/Check") {
    return MakeUnaryHandler(call, [this](const auto& asked, std::string_view message) { Check(*asked, message); });
  }
  if (method == "/grpc.health.v1.Health/Watch") return std::make_unique<Watcher>(*this, call);
  return nullptr;
}

void GrpcHealth::Check(GrpcCall& call, std::string_view message) {
  const auto service = ServiceOf(message);
  if (!service) return call.Finish(kMalformed);
  if (!Knows(*service)) return call.Finish({GrpcCode::kNotFound, "unknown service " + service->substr(0, 200)});
  std::string status;
  {
    const std::lock_guard lock(mutex_);
    status = Status();
  }
  call.Answer(std::move(status));
}

void GrpcHealth::Watch(const std::shared_ptr<GrpcCall>& call, std::string_view message) {
  const auto service = ServiceOf(message);
  if (!service) return call->Finish(kMalformed);
  if (!Knows(*service)) return call->Write(Response(kServiceUnknown));
  const std::lock_guard lock(mutex_);
  std::erase_if(watchers_, [](const auto& watcher) {
    const auto other = watcher.lock();
    return other == nullptr || other->ended();
  });
  watchers_.push_back(call);
  call->Write(Status());
}

}  // namespace keelson::io
