#include "wire/mlflow/webhook_url.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/base64.h"
#include "base/strings.h"
#include "io/public_address.h"
#include "tracking/python_text.h"

namespace keelson::wire::mlflow {
namespace {

std::unexpected<Error> Refuse(std::string message) {
  return Fail(ErrorCode::kInvalidArgument, std::move(message));
}

// "HTTPS" of "HTTPS://host" in lower case; "" when there is none.
std::string SchemeOf(std::string_view url) {
  const std::size_t colon = url.find(':');
  if (colon == std::string_view::npos) return "";
  const std::string scheme = ToLower(url.substr(0, colon));
  const bool valid = !scheme.empty() && scheme[0] >= 'a' && scheme[0] <= 'z' &&
                     scheme.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789+-.") == std::string::npos;
  return valid ? scheme : "";
}

// What cannot stand in a request line as it is.
std::string Encoded(std::string_view path) {
  std::string encoded;
  for (const char c : path) {
    encoded += c > 0x20 && c < 0x7f ? std::string(1, c) : io::PercentEncode({&c, 1});
  }
  return encoded;
}

}  // namespace

Result<WebhookUrl> ReadWebhookUrl(std::string_view url, const WebhookOptions& options) {
  const std::string quoted = tracking::PythonText(url);
  if (Trim(url).empty()) return Refuse(fmt::format("Webhook URL cannot be empty or just whitespace: {}", quoted));
  const std::string scheme = SchemeOf(url);
  if (std::ranges::find(options.schemes, scheme) == options.schemes.end() || (scheme != "http" && scheme != "https")) {
    return Refuse(fmt::format("Invalid webhook URL scheme: '{}'. Allowed schemes are: {}.", scheme,
                              fmt::join(options.schemes, ", ")));
  }
  std::string_view rest = url.substr(scheme.size() + 1);
  rest = rest.substr(0, rest.find('#'));
  if (!rest.starts_with("//")) return Refuse(fmt::format("Webhook URL must include a hostname: {}", quoted));
  rest.remove_prefix(2);
  const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
  std::string_view authority = rest.substr(0, end);
  const std::string_view path = rest.substr(end);

  WebhookUrl read;
  if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    const std::string user = io::PercentDecode(authority.substr(0, at));
    read.authorization = "Basic " + Base64Encode(user.contains(':') ? user : user + ":");
    authority.remove_prefix(at + 1);
  }
  if (authority.empty() || authority.starts_with(':')) {
    return Refuse(fmt::format("Webhook URL must include a hostname: {}", quoted));
  }
  auto target = io::ParseHttpTarget(fmt::format("{}://{}", scheme, authority));
  if (!target.has_value()) return Refuse(fmt::format("Invalid webhook URL {}: {}", quoted, target.error().message));
  read.target = *std::move(target);
  read.path = (path.starts_with('/') ? "" : "/") + Encoded(path);
  return read;
}

Status CheckWebhookUrl(std::string_view url, const WebhookOptions& options) {
  KEELSON_ASSIGN_OR_RETURN(const WebhookUrl read, ReadWebhookUrl(url, options));
  if (options.private_addresses) return {};
  const std::string host = tracking::PythonText(read.target.host);
  const auto addresses = io::ResolveHost(read.target.host);
  if (!addresses.has_value()) {
    return Refuse(fmt::format("Cannot resolve Webhook URL hostname {}: {}", host, addresses.error().message));
  }
  for (const std::string& address : *addresses) {
    if (io::IsPublicAddress(address)) continue;
    return Refuse(
        fmt::format("Webhook URL must not resolve to a non-public IP address. {} resolves to {}.", host, address));
  }
  return {};
}

}  // namespace keelson::wire::mlflow
