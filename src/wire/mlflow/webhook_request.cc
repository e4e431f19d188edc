#include "wire/mlflow/webhook_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/base64.h"
#include "base/strings.h"
#include "io/hmac.h"

namespace keelson::wire::mlflow {
namespace {

constexpr std::array kMayPass = {429, 500, 502, 503, 504};
constexpr std::int64_t kLongestBackoff = 60;            // seconds
constexpr std::int64_t kLongestRetryAfter = 6 * 3'600;  // seconds

// As Python's datetime writes it: "2026-01-02T03:04:05.000600+00:00".
std::string IsoTime(Instant instant) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(instant);
  std::string text = FormatInstant(seconds);
  text.pop_back();  // the Z
  if (const auto micros = (instant - seconds).count(); micros != 0) text += fmt::format(".{:06}", micros);
  return text + "+00:00";
}

bool IsFinal(ErrorCode code) {
  return code == ErrorCode::kPermissionDenied || code == ErrorCode::kInvalidArgument;
}

}  // namespace

io::HttpCall WebhookRequest(const WebhookUrl& url, const tracking::WebhookDelivery& delivery, Instant now,
                            std::chrono::milliseconds timeout) {
  io::HttpCall call;
  call.method = "POST";
  call.target = url.path;
  call.timeout = timeout;
  call.body =
      fmt::format(R"({{"entity": "{}", "action": "{}", "timestamp": "{}", "data": {}}})", NameOf(delivery.event.entity),
                  NameOf(delivery.event.action), IsoTime(delivery.happened), delivery.data);
  const std::string time = std::to_string(ToMicros(now) / 1'000'000);
  call.headers = {{"Content-Type", "application/json"},
                  {"User-Agent", "keelson"},
                  {"X-MLflow-Delivery-Id", delivery.id},
                  {"X-MLflow-Timestamp", time}};
  if (!url.authorization.empty()) call.headers.emplace_back("Authorization", url.authorization);
  if (!delivery.secret.empty()) {
    const std::string signature =
        io::HmacSha256(delivery.secret, fmt::format("{}.{}.{}", delivery.id, time, call.body));
    call.headers.emplace_back("X-MLflow-Signature", "v1," + Base64Encode(signature));
  }
  return call;
}

std::optional<Duration> WaitBeforeNext(const Result<io::HttpResponse>& answer, std::int64_t attempts,
                                       std::int64_t retries, double lot) {
  if (attempts > retries) return std::nullopt;
  if (answer.has_value()) {
    if (std::ranges::find(kMayPass, answer->status) == kMayPass.end()) return std::nullopt;
    const auto asked = ParseInt(Trim(io::FindHeader(answer->headers, "retry-after")));
    if (asked && *asked >= 0) return std::chrono::seconds(std::min(*asked, kLongestRetryAfter));
  } else if (IsFinal(answer.error().code)) {
    return std::nullopt;
  }
  constexpr std::int64_t kDoublings = 6;  // 2^6 is over the longest already
  const std::int64_t seconds =
      std::min(std::int64_t{1} << std::clamp<std::int64_t>(attempts - 1, 0, kDoublings), kLongestBackoff);
  return std::chrono::seconds(seconds) + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(lot));
}

}  // namespace keelson::wire::mlflow
