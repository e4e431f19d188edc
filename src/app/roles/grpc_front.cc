#include "app/roles/grpc_front.h"

#include "wire/inference/grpc_messages.h"
#include "wire/inference/grpc_service.h"

namespace keelson::app {
namespace {

using io::GrpcCall;

constexpr std::string_view kHealth = "/grpc.health.v1.Health/";
constexpr std::string_view kLive = "/inference.GRPCInferenceService/ServerLive";
constexpr std::string_view kReady = "/inference.GRPCInferenceService/ServerReady";

// What Access looks at, of a request that came by gRPC.
io::HttpRequest AsHttp(const io::GrpcRequest& call) {
  io::HttpRequest request;
  request.method = "POST";
  request.path = call.method;
  request.headers.emplace_back("host", call.authority);
  for (const auto& [name, value] : call.metadata) {
    if (name == "authorization" || name == "origin" || name.starts_with("sec-fetch-")) {
      request.headers.emplace_back(name, value);
    }
  }
  request.peer = call.peer;
  request.client_certificate = call.client_certificate;
  return request;
}

}  // namespace

GrpcFront::GrpcFront(io::GrpcAccept inference, const Access* access)
    : access_(access), health_({std::string(wire::inference::GrpcService::kName)}), inference_(std::move(inference)) {}

Result<std::unique_ptr<GrpcFront>> GrpcFront::Start(io::GrpcServerOptions options, io::GrpcAccept inference,
                                                    const Access* access) {
  std::unique_ptr<GrpcFront> front(new GrpcFront(std::move(inference), access));
  KEELSON_ASSIGN_OR_RETURN(front->reflection_, io::GrpcReflection::Open(wire::inference::GrpcDescriptors()));
  KEELSON_ASSIGN_OR_RETURN(
      front->server_,
      io::GrpcServer::Start(std::move(options), [raw = front.get()](const auto& call) { return raw->Accept(call); }));
  return front;
}

std::unique_ptr<io::GrpcHandler> GrpcFront::Accept(const std::shared_ptr<GrpcCall>& call) {
  const std::string& method = call->request().method;
  if (access_ != nullptr) {
    // Health is everybody's: what watches a container has no token.
    const bool health = method.starts_with(kHealth) || method == kLive || method == kReady;
    const io::HttpRequest request = AsHttp(call->request());
    const Status allowed = health ? access_->CheckOrigin(request) : access_->Check(request);
    if (!allowed) {
      call->Finish(io::GrpcStatusOf(allowed.error()));
      return nullptr;
    }
  }
  if (auto handler = inference_(call)) return handler;
  if (auto handler = health_.Accept(call)) return handler;
  return reflection_->Accept(call);
}

void GrpcFront::Drain(std::chrono::milliseconds at_most) {
  health_.SetServing(false);
  server_->Drain(at_most);
}

}  // namespace keelson::app
