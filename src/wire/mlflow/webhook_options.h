#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/s3_config.h"
#include "io/secret_box.h"

namespace keelson::wire::mlflow {

// How webhooks are reached, by the variables of MLflow's server and with its defaults.
struct WebhookOptions {
  bool send = false;                             // else what is announced waits
  std::vector<std::string> schemes = {"https"};  // MLFLOW_WEBHOOK_ALLOWED_SCHEMES
  bool private_addresses = false;                // MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS: also those of this network
  std::chrono::milliseconds timeout{30'000};     // MLFLOW_WEBHOOK_REQUEST_TIMEOUT, in seconds: of one attempt
  std::int64_t retries = 3;                      // MLFLOW_WEBHOOK_REQUEST_MAX_RETRIES
  std::size_t workers = 10;                      // MLFLOW_WEBHOOK_DELIVERY_MAX_WORKERS: attempts at once
  io::SecretBox box = io::SecretBox::WithKeyOfItsOwn();
};

// Of a server, which sends. kInvalidArgument names the variable that holds no number.
Result<WebhookOptions> ReadWebhookOptions(const io::Environment& environment, io::SecretBox box);

}  // namespace keelson::wire::mlflow
