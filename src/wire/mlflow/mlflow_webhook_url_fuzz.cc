// Addresses of webhooks, as clients may write them: what is read can be asked, and says no more than one host.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "io/http_request_writer.h"
#include "io/public_address.h"
#include "wire/mlflow/webhook_request.h"
#include "wire/mlflow/webhook_url.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace keelson;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)io::IsPublicAddress(text);
  wire::mlflow::WebhookOptions options;
  options.schemes = {"https", "http"};
  const auto url = wire::mlflow::ReadWebhookUrl(text, options);
  if (!url) {
    if (url.error().code != ErrorCode::kInvalidArgument) __builtin_trap();
    return 0;
  }
  if (url->target.host.empty() || url->target.port < 1 || url->target.port > 65'535) __builtin_trap();
  tracking::WebhookDelivery delivery;
  delivery.data = "{}";
  const auto call = wire::mlflow::WebhookRequest(*url, delivery, Instant{}, std::chrono::seconds(1));
  std::string head;
  if (!io::AppendRequestHead(call, "host", head)) __builtin_trap();
  return 0;
}
