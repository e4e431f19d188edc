#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "base/result.h"
#include "base/time.h"
#include "io/http.h"
#include "tracking/webhooks.h"
#include "wire/mlflow/webhook_url.h"

namespace keelson::wire::mlflow {

// One attempt at a delivery, as MLflow sends it: its id, the time and, with a secret, "v1," and the HMAC of
// "ID.TIME.BODY" in the headers X-MLflow-Delivery-Id, X-MLflow-Timestamp (seconds) and X-MLflow-Signature.
io::HttpCall WebhookRequest(const WebhookUrl& url, const tracking::WebhookDelivery& delivery, Instant now,
                            std::chrono::milliseconds timeout);

// How long to wait before a delivery is tried again, after `attempts` of them and this last answer; nothing when that
// is over, since it was taken, will never be, or was tried `retries` times more than once. 429, 500, 502, 503, 504 and
// what broke on the way are tried again: after as many seconds as a Retry-After says, at most six hours, else after 1,
// 2, 4,
// ... and at most 60, and `lot` (0 to 1) of a second more, so that not all come back at once.
std::optional<Duration> WaitBeforeNext(const Result<io::HttpResponse>& answer, std::int64_t attempts,
                                       std::int64_t retries, double lot);

}  // namespace keelson::wire::mlflow
