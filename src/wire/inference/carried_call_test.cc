#include "wire/inference/carried_call.h"

#include <gmock/gmock.h>

#include <future>
#include <optional>
#include <thread>

#include "gateway/gateway.h"

namespace keelson::wire::inference {
namespace {

using io::GrpcCode;
using ::testing::HasSubstr;

constexpr const char* kMethod = "/inference.GRPCInferenceService/ModelInfer";

io::HttpRequest Request(std::string message, io::HttpHeaders headers = {}) {
  const io::HttpCall call = CarryCall(kMethod, std::move(message));
  io::HttpRequest request;
  request.method = call.method;
  request.path = call.target;
  request.headers = call.headers;
  request.headers.insert(request.headers.end(), headers.begin(), headers.end());
  request.body = call.body;
  request.request_id = "r1";
  return request;
}

// What a service that does `answer` says to the request.
io::HttpResponse Carry(io::HttpRequest request, io::GrpcUnary answer) {
  std::promise<io::HttpResponse> answered;
  AnswerCarried(
      std::move(request), [&](io::HttpResponse response) { answered.set_value(std::move(response)); },
      [&](const auto& call) { return io::MakeUnaryHandler(call, answer); });
  return answered.get_future().get();
}

TEST(CarriedCall, BringsTheMessageItsMetadataAndItsDeadline) {
  const auto before = std::chrono::steady_clock::now();
  const auto response =
      Carry(Request(std::string("\0\xff x", 4), {{"x-keelson-time", "7"}, {"x-keelson-timeout", "60000000"}}),
            [&](const auto& call, std::string_view message) {
              EXPECT_EQ(message, std::string_view("\0\xff x", 4));
              EXPECT_EQ(call->request().method, kMethod);
              EXPECT_EQ(call->request().request_id, "r1");
              EXPECT_EQ(io::FindHeader(call->request().metadata, "x-keelson-time"), "7");
              EXPECT_GE(*call->request().deadline, before + std::chrono::seconds(60));
              EXPECT_FALSE(call->ended());
              call->AddMetadata("x-keelson-version", "3");
              call->Answer("out");
              EXPECT_TRUE(call->ended());
              call->Finish({GrpcCode::kInternal, "too late"});
            });
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(io::FindHeader(response.headers, "x-keelson-version"), "3");
  EXPECT_EQ(ReadCarried(response).value(), "out");
}

TEST(CarriedCall, AnswersLaterAndFromElsewhere) {
  std::thread other;
  const auto response = Carry(Request("m"), [&](const std::shared_ptr<io::GrpcCall>& call, std::string_view) {
    EXPECT_FALSE(call->request().deadline.has_value());
    other = std::thread([call] { call->Answer(""); });
  });
  other.join();
  EXPECT_EQ(ReadCarried(response).value(), "");
}

TEST(CarriedCall, EveryStatusComesBackAndIsAnHttpStatusToo) {
  for (int code = 1; code <= static_cast<int>(GrpcCode::kUnauthenticated); ++code) {
    const auto response = Carry(Request("m"), [&](const auto& call, std::string_view) {
      call->Finish({static_cast<GrpcCode>(code), "why\nnot %", {{std::string(gateway::kUntouchedHeader), "1"}}});
    });
    EXPECT_GE(response.status, 400) << code;
    EXPECT_EQ(io::FindHeader(response.headers, gateway::kUntouchedHeader), "1");
    const auto read = ReadCarried(response);
    ASSERT_FALSE(read.has_value());
    EXPECT_EQ(static_cast<int>(read.error().code), code);
    EXPECT_EQ(read.error().message, "why\nnot %");
  }
  const auto status = [](GrpcCode code) {
    return Carry(Request("m"), [&](const auto& call, std::string_view) { call->Finish({code, ""}); }).status;
  };
  // What the gateway looks at.
  EXPECT_EQ(status(GrpcCode::kResourceExhausted), 429);
  EXPECT_EQ(status(GrpcCode::kUnavailable), 503);
  EXPECT_EQ(status(GrpcCode::kInvalidArgument), 400);
  EXPECT_EQ(status(GrpcCode::kInternal), 500);
}

TEST(CarriedCall, WhatIsNoCarriedAnswerIsAStatus) {
  const auto code = [](Result<io::HttpResponse> answer) { return ReadCarried(std::move(answer)).error().code; };
  EXPECT_EQ(code(io::HttpResponse{.status = 413}), GrpcCode::kResourceExhausted);
  EXPECT_EQ(code(io::HttpResponse{.status = 503}), GrpcCode::kUnavailable);
  EXPECT_EQ(code(io::HttpResponse{.status = 408}), GrpcCode::kDeadlineExceeded);
  EXPECT_EQ(code(io::HttpResponse{.status = 404, .body = "{}"}), GrpcCode::kInternal);
  EXPECT_EQ(code(io::HttpResponse{.status = 500, .headers = {{"grpc-status", "99"}}}), GrpcCode::kInternal);
  EXPECT_EQ(code(io::HttpResponse{.status = 500, .headers = {{"grpc-status", "0"}}}), GrpcCode::kInternal);
  EXPECT_EQ(code(Fail(ErrorCode::kNotFound, "no")), GrpcCode::kNotFound);
  EXPECT_EQ(code(Fail(ErrorCode::kResourceExhausted, "too many wait")), GrpcCode::kUnavailable);
  EXPECT_EQ(code(Fail(ErrorCode::kDeadlineExceeded, "late")), GrpcCode::kDeadlineExceeded);
}

TEST(CarriedCall, TakesOneMessageByPost) {
  EXPECT_TRUE(IsCarried(kMethod));
  EXPECT_FALSE(IsCarried("/v2/models/m/infer"));
  auto request = Request("m");
  request.method = "GET";
  EXPECT_EQ(Carry(std::move(request), [](const auto&, std::string_view) { FAIL(); }).status, 501);
  class Streaming final : public io::GrpcHandler {
    void OnMessage(std::string_view) override { FAIL() << "it is not asked"; }
  };
  for (const bool known : {false, true}) {
    std::optional<io::HttpResponse> response;
    AnswerCarried(
        Request("m"), [&](io::HttpResponse answer) { response = std::move(answer); },
        [&](const auto&) { return known ? std::make_unique<Streaming>() : nullptr; });
    ASSERT_TRUE(response.has_value());
    EXPECT_EQ(ReadCarried(*response).error().code, GrpcCode::kUnimplemented);
    EXPECT_THAT(response->body, HasSubstr("unknown method"));
  }
}

}  // namespace
}  // namespace keelson::wire::inference
