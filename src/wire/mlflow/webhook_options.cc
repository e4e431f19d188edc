#include "wire/mlflow/webhook_options.h"

#include <fmt/format.h>

#include <utility>

#include "base/strings.h"

namespace keelson::wire::mlflow {
namespace {

Result<std::int64_t> Number(const io::Environment& environment, const std::string& name, std::int64_t otherwise,
                            std::int64_t least, std::int64_t most) {
  const auto text = environment(name);
  if (!text) return otherwise;
  const auto number = ParseInt(Trim(*text));
  if (number && *number >= least && *number <= most) return *number;
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("{} is a number from {} to {}, not '{}'", name, least, most, *text));
}

}  // namespace

Result<WebhookOptions> ReadWebhookOptions(const io::Environment& environment, io::SecretBox box) {
  WebhookOptions options;
  options.send = true;
  options.box = std::move(box);
  if (const auto schemes = environment("MLFLOW_WEBHOOK_ALLOWED_SCHEMES")) {
    options.schemes.clear();
    for (const auto scheme : Split(*schemes, ',')) options.schemes.emplace_back(Trim(scheme));
  }
  if (const auto allowed = environment("MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS")) {
    const std::string word = ToLower(*allowed);
    if (word != "true" && word != "1" && word != "false" && word != "0") {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS is true or false, not '{}'", *allowed));
    }
    options.private_addresses = word == "true" || word == "1";
  }
  KEELSON_ASSIGN_OR_RETURN(const std::int64_t timeout,
                           Number(environment, "MLFLOW_WEBHOOK_REQUEST_TIMEOUT", 30, 1, 3'600));
  options.timeout = std::chrono::seconds(timeout);
  KEELSON_ASSIGN_OR_RETURN(options.retries, Number(environment, "MLFLOW_WEBHOOK_REQUEST_MAX_RETRIES", 3, 0, 100));
  KEELSON_ASSIGN_OR_RETURN(const std::int64_t workers,
                           Number(environment, "MLFLOW_WEBHOOK_DELIVERY_MAX_WORKERS", 10, 1, 1'000));
  options.workers = static_cast<std::size_t>(workers);
  return options;
}

}  // namespace keelson::wire::mlflow
