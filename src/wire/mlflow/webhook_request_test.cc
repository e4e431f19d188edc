#include "wire/mlflow/webhook_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::wire::mlflow {
namespace {

using std::chrono::seconds;

tracking::WebhookDelivery Delivery() {
  return {.id = "7c9e6679-7425-40de-944b-e07fc1f90ae7",
          .webhook_id = "w",
          .url = "https://hooks.example/x",
          .secret = "test-secret-key",
          .event = {tracking::WebhookEntity::kModelVersionAlias, tracking::WebhookAction::kCreated},
          .happened = *ParseInstant("2026-01-02T03:04:05.0006Z"),
          .data = R"({"name": "m", "alias": "champion", "version": "1"})"};
}

TEST(WebhookRequestTest, IsSignedAsMlflowSignsIt) {
  const auto url = *ReadWebhookUrl("https://hooks.example/x", {});
  const auto call = WebhookRequest(url, Delivery(), *ParseInstant("2026-01-02T03:05:00Z"), seconds(7));
  EXPECT_EQ(call.method, "POST");
  EXPECT_EQ(call.target, "/x");
  EXPECT_EQ(call.timeout, seconds(7));
  EXPECT_FALSE(call.retry_safe);
  EXPECT_EQ(
      call.body,
      R"({"entity": "model_version_alias", "action": "created", "timestamp": "2026-01-02T03:04:05.000600+00:00", )"
      R"("data": {"name": "m", "alias": "champion", "version": "1"}})");
  EXPECT_EQ(io::FindHeader(call.headers, "Content-Type"), "application/json");
  EXPECT_EQ(io::FindHeader(call.headers, "X-MLflow-Delivery-Id"), "7c9e6679-7425-40de-944b-e07fc1f90ae7");
  EXPECT_EQ(io::FindHeader(call.headers, "X-MLflow-Timestamp"), "1767323100");
  // By Python: b64encode(hmac.new(b"test-secret-key", f"{id}.{time}.{body}".encode(), "sha256").digest())
  EXPECT_EQ(io::FindHeader(call.headers, "X-MLflow-Signature"), "v1,0oJMXgTeXW9T0mqGD5DjiictvApB/IePrTe0MKptKw0=");
  EXPECT_EQ(io::FindHeader(call.headers, "Authorization"), "");
}

TEST(WebhookRequestTest, IsNotSignedWithoutASecretAndNamesAUser) {
  auto delivery = Delivery();
  delivery.secret = "";
  delivery.happened = *ParseInstant("2026-01-02T03:04:05Z");
  const auto url = *ReadWebhookUrl("https://ann:b@hooks.example/x", {});
  const auto call = WebhookRequest(url, delivery, delivery.happened, seconds(7));
  EXPECT_EQ(io::FindHeader(call.headers, "X-MLflow-Signature"), "");
  EXPECT_EQ(io::FindHeader(call.headers, "Authorization"), "Basic YW5uOmI=");
  EXPECT_THAT(call.body, testing::HasSubstr(R"("timestamp": "2026-01-02T03:04:05+00:00")"));
}

Result<io::HttpResponse> Answer(int status, const std::string& retry_after = "") {
  io::HttpResponse response;
  response.status = status;
  if (!retry_after.empty()) response.headers = {{"retry-after", retry_after}};
  return response;
}

TEST(WebhookRequestTest, IsTriedAgainWhereThatMayHelp) {
  for (const int status : {429, 500, 502, 503, 504}) {
    EXPECT_EQ(WaitBeforeNext(Answer(status), 1, 3, 0), seconds(1)) << status;
    EXPECT_EQ(WaitBeforeNext(Answer(status), 4, 3, 0), std::nullopt) << status;
  }
  for (const int status : {200, 204, 302, 400, 401, 404, 410, 501}) {
    EXPECT_EQ(WaitBeforeNext(Answer(status), 1, 3, 0), std::nullopt) << status;
  }
  for (const auto code : {ErrorCode::kUnavailable, ErrorCode::kDeadlineExceeded, ErrorCode::kUnauthenticated}) {
    EXPECT_EQ(WaitBeforeNext(Fail(code, ""), 1, 3, 0), seconds(1));
  }
  for (const auto code : {ErrorCode::kPermissionDenied, ErrorCode::kInvalidArgument}) {
    EXPECT_EQ(WaitBeforeNext(Fail(code, ""), 1, 3, 0), std::nullopt);
  }
  EXPECT_EQ(WaitBeforeNext(Answer(500), 1, 0, 0), std::nullopt);
}

TEST(WebhookRequestTest, WaitsLongerEachTimeAndAsLongAsItIsTold) {
  std::vector<Duration> waits;
  for (std::int64_t attempts = 1; attempts <= 9; ++attempts) {
    waits.push_back(*WaitBeforeNext(Answer(503), attempts, 100, 0));
  }
  EXPECT_THAT(waits, testing::ElementsAre(seconds(1), seconds(2), seconds(4), seconds(8), seconds(16), seconds(32),
                                          seconds(60), seconds(60), seconds(60)));
  EXPECT_EQ(WaitBeforeNext(Answer(503), 1, 3, 0.5), std::chrono::milliseconds(1'500));
  EXPECT_EQ(WaitBeforeNext(Answer(429, "2"), 1, 3, 0.5), seconds(2));
  EXPECT_EQ(WaitBeforeNext(Answer(429, " 0 "), 1, 3, 0.5), seconds(0));
  EXPECT_EQ(WaitBeforeNext(Answer(429, "99999999"), 1, 3, 0), std::chrono::hours(6));
  EXPECT_EQ(WaitBeforeNext(Answer(429, "tomorrow"), 1, 3, 0), seconds(1));
  EXPECT_EQ(WaitBeforeNext(Answer(429, "-5"), 1, 3, 0), seconds(1));
}

}  // namespace
}  // namespace keelson::wire::mlflow
