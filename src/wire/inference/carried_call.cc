#include "wire/inference/carried_call.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <utility>

#include "base/strings.h"
#include "gateway/gateway.h"
#include "io/http_event_loop.h"
#include "wire/inference/edge_features.h"

namespace keelson::wire::inference {
namespace {

using io::GrpcCode;
using io::GrpcStatus;

constexpr std::string_view kService = "/inference.GRPCInferenceService/";
constexpr std::string_view kStatus = "grpc-status";
constexpr std::string_view kMessageType = "application/protobuf";

int HttpStatusOf(GrpcCode code) {
  switch (code) {
    case GrpcCode::kOk:
      return 200;
    case GrpcCode::kInvalidArgument:
    case GrpcCode::kOutOfRange:
    case GrpcCode::kFailedPrecondition:
      return 400;
    case GrpcCode::kUnauthenticated:
      return 401;
    case GrpcCode::kPermissionDenied:
      return 403;
    case GrpcCode::kNotFound:
      return 404;
    case GrpcCode::kAlreadyExists:
    case GrpcCode::kAborted:
      return 409;
    case GrpcCode::kResourceExhausted:
      return 429;
    case GrpcCode::kCancelled:
      return 499;
    case GrpcCode::kUnimplemented:
      return 501;
    case GrpcCode::kUnavailable:
      return 503;
    case GrpcCode::kDeadlineExceeded:
      return 504;
    case GrpcCode::kUnknown:
    case GrpcCode::kInternal:
    case GrpcCode::kDataLoss:
      break;
  }
  return 500;
}

// Of an answer that says no status of gRPC's: what HTTP itself refuses.
GrpcCode CodeOf(int status) {
  switch (status) {
    case 413:
    case 429:
    case 431:
      return GrpcCode::kResourceExhausted;
    case 408:
    case 504:
      return GrpcCode::kDeadlineExceeded;
    case 503:
      return GrpcCode::kUnavailable;
    default:
      return GrpcCode::kInternal;
  }
}

// The call as its handler sees it. Lives until it is finished, or nobody has anything more to say: then it is answered
// as HTTP's server answers what is forgotten.
class CarriedCall final : public io::GrpcCall {
 public:
  CarriedCall(io::HttpRequest request, io::HttpRespond respond) : respond_(std::move(respond)) {
    const io::EventLoop* loop = io::EventLoop::Current();
    request_.received = loop != nullptr ? loop->now() : std::chrono::steady_clock::now();
    request_.method = std::move(request.path);
    request_.authority = io::FindHeader(request.headers, "host");
    const auto micros = ParseInt(io::FindHeader(request.headers, gateway::kTimeoutHeader));
    if (micros && *micros >= 0) {
      constexpr std::int64_t kYear = std::int64_t{365} * 86'400 * 1'000'000;
      request_.deadline = request_.received + std::chrono::microseconds(std::min(*micros, kYear));
    }
    request_.metadata = std::move(request.headers);
    request_.request_id = std::move(request.request_id);
    request_.peer = std::move(request.peer);
    request_.client_certificate = std::move(request.client_certificate);
  }

  const io::GrpcRequest& request() const override { return request_; }
  void AddMetadata(std::string name, std::string value) override {
    response_.headers.emplace_back(std::move(name), std::move(value));
  }
  void Write(std::string message) override {
    if (!ended_) response_.body = std::move(message);
  }
  void Finish(GrpcStatus status) override {
    if (ended_.exchange(true)) return;
    response_.content_type = kMessageType;
    if (!status.ok()) {
      response_.status = HttpStatusOf(status.code);
      response_.content_type = "text/plain";
      response_.headers.emplace_back(kStatus, std::to_string(static_cast<int>(status.code)));
      response_.body = std::move(status.message);
    }
    for (auto& trailer : status.metadata) response_.headers.push_back(std::move(trailer));
    std::exchange(respond_, nullptr)(std::move(response_));
  }
  void Answer(std::string message) override {
    Write(std::move(message));
    Finish({});
  }
  bool ended() const override { return ended_; }

 private:
  io::GrpcRequest request_;
  io::HttpRespond respond_;
  io::HttpResponse response_;
  std::atomic<bool> ended_{false};
};

}  // namespace

void FinishWith(io::GrpcCall& call, GrpcOutcome outcome) {
  if (!outcome) return call.Finish(std::move(outcome).error());
  call.Answer(*std::move(outcome));
}

bool IsCarried(std::string_view path) {
  return path.starts_with(kService);
}

void AnswerCarried(io::HttpRequest request, io::HttpRespond respond, const io::GrpcAccept& accept) {
  const std::string message = std::move(request.body);
  const bool post = request.method == "POST";
  const auto call = std::make_shared<CarriedCall>(std::move(request), std::move(respond));
  if (!post) return call->Finish({GrpcCode::kUnimplemented, "a method of gRPC is asked by POST"});
  const auto handler = accept(call);
  if (handler == nullptr || handler->streams()) {
    return call->Finish({GrpcCode::kUnimplemented, "unknown method " + call->request().method.substr(0, 200)});
  }
  handler->OnMessage(message);
  handler->OnHalfClose();
}

io::HttpCall CarryCall(std::string method, std::string message) {
  io::HttpCall call;
  call.method = "POST";
  call.target = std::move(method);
  call.headers.emplace_back("content-type", kMessageType);
  call.body = std::move(message);
  return call;
}

GrpcOutcome ReadCarried(Result<io::HttpResponse> answer) {
  if (!answer) return std::unexpected(io::GrpcStatusOf(OfGateway(std::move(answer).error())));
  if (answer->status == 200) return std::move(answer->body);
  const auto code = ParseInt(io::FindHeader(answer->headers, kStatus));
  if (code && *code > 0 && *code <= static_cast<int>(GrpcCode::kUnauthenticated)) {
    return std::unexpected(GrpcStatus{static_cast<GrpcCode>(*code), std::move(answer->body)});
  }
  return std::unexpected(GrpcStatus{
      CodeOf(answer->status),
      fmt::format("the replica answered {}: {}", answer->status, std::string_view(answer->body).substr(0, 1'000))});
}

}  // namespace keelson::wire::inference
