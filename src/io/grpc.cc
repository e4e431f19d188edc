#include "io/grpc.h"

namespace keelson::io {
namespace {

class UnaryHandler final : public GrpcHandler {
 public:
  UnaryHandler(std::shared_ptr<GrpcCall> call, GrpcUnary answer) : call_(std::move(call)), answer_(std::move(answer)) {}

  void OnMessage(std::string_view message) override {
    if (asked_) {
      return call_->Finish({GrpcCode::kInternal, "the method takes one message, and there came more"});
    }
    asked_ = true;
    answer_(call_, message);
  }

  void OnHalfClose() override {
    if (!asked_) call_->Finish({GrpcCode::kInternal, "the method takes one message, and there came none"});
  }

  bool streams() const override { return false; }

 private:
  const std::shared_ptr<GrpcCall> call_;
  const GrpcUnary answer_;
  bool asked_ = false;
};

}  // namespace

std::unique_ptr<GrpcHandler> MakeUnaryHandler(std::shared_ptr<GrpcCall> call, GrpcUnary answer) {
  return std::make_unique<UnaryHandler>(std::move(call), std::move(answer));
}

GrpcStatus GrpcStatusOf(const Error& error) {
  const auto code = [&] {
    switch (error.code) {
      case ErrorCode::kInvalidArgument:
      case ErrorCode::kUnsupported:  // well formed, and nothing that would be taken elsewhere
        return GrpcCode::kInvalidArgument;
      case ErrorCode::kNotFound:
        return GrpcCode::kNotFound;
      case ErrorCode::kAlreadyExists:
        return GrpcCode::kAlreadyExists;
      case ErrorCode::kFailedPrecondition:
        return GrpcCode::kFailedPrecondition;
      case ErrorCode::kUnauthenticated:
        return GrpcCode::kUnauthenticated;
      case ErrorCode::kPermissionDenied:
        return GrpcCode::kPermissionDenied;
      case ErrorCode::kResourceExhausted:
        return GrpcCode::kResourceExhausted;
      case ErrorCode::kUnavailable:
        return GrpcCode::kUnavailable;
      case ErrorCode::kDeadlineExceeded:
        return GrpcCode::kDeadlineExceeded;
      case ErrorCode::kAborted:
        return GrpcCode::kAborted;
      case ErrorCode::kDataLoss:
        return GrpcCode::kDataLoss;
      case ErrorCode::kInternal:
        break;
    }
    return GrpcCode::kInternal;
  }();
  return {code, error.ToString()};
}

}  // namespace keelson::io
