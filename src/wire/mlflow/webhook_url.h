#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "io/http.h"
#include "wire/mlflow/webhook_options.h"

namespace keelson::wire::mlflow {

// A webhook's address, taken apart.
struct WebhookUrl {
  io::HttpTarget target;
  std::string path;           // with the query, encoded
  std::string authorization;  // of "https://user:password@host": the header; else ""
};

// kInvalidArgument in MLflow's words for what is no address, or of a scheme that is not allowed.
Result<WebhookUrl> ReadWebhookUrl(std::string_view url, const WebhookOptions& options);

// The same, and looks its host up: kInvalidArgument when that leads to an address that is not public, unless such are
// allowed. (A sender looks again, at the address that it connects to.)
Status CheckWebhookUrl(std::string_view url, const WebhookOptions& options);

}  // namespace keelson::wire::mlflow
