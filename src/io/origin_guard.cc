#include "io/origin_guard.h"

#include <arpa/inet.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "base/strings.h"
#include "io/http_parser.h"

namespace keelson::io {
namespace {

// "name", "name:port", "[v6]" or "[v6]:port" without the port, lower case; nothing when it is none of these.
std::optional<std::string> HostOf(std::string_view authority) {
  std::size_t end = authority.find(':');
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    end = close + 1;
  }
  end = std::min(end, authority.size());
  const std::string_view rest = authority.substr(end);
  if (end == 0 || (!rest.empty() && rest[0] != ':')) return std::nullopt;
  if (rest.size() == 1 ||
      !std::all_of(rest.begin() + (rest.empty() ? 0 : 1), rest.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    return std::nullopt;
  }
  return ToLower(authority.substr(0, end));
}

bool IsAddress(const std::string& host) {
  in6_addr parsed{};
  if (host.starts_with('[')) return inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &parsed) == 1;
  return inet_pton(AF_INET, host.c_str(), &parsed) == 1;
}

bool IsOurs(std::string_view authority, const OriginPolicy& policy) {
  const std::optional<std::string> host = HostOf(authority);
  if (!host) return false;
  return *host == "localhost" || *host == "127.0.0.1" || *host == "[::1]" ||
         std::ranges::find(policy.hosts, *host) != policy.hosts.end() || (policy.any_address && IsAddress(*host));
}

bool IsSameOrigin(std::string_view origin, std::string_view host) {
  const std::size_t scheme = origin.find("://");
  if (scheme == std::string_view::npos || !origin.starts_with("http")) return false;
  return EqualsIgnoringCase(origin.substr(scheme + 3), host);
}

// A person follows a link or types an address: the browser shows our page, and the linking page sees nothing of it.
bool IsPageVisit(const HttpRequest& request) {
  return (request.method == "GET" || request.method == "HEAD") &&
         FindHeader(request.headers, "sec-fetch-mode") == "navigate" &&
         FindHeader(request.headers, "sec-fetch-dest") == "document";
}

}  // namespace

Status CheckOrigin(const HttpRequest& request, const OriginPolicy& policy) {
  const std::string_view host = FindHeader(request.headers, "host");
  if (!IsOurs(host, policy)) {
    return Fail(ErrorCode::kPermissionDenied,
                "this server is not known by that name; ask it by its address, or start it with --allow-host NAME",
                "Host: " + std::string(host));
  }
  for (const auto& [name, value] : request.headers) {
    if (EqualsIgnoringCase(name, "origin") && !IsSameOrigin(value, host)) {
      return Fail(ErrorCode::kPermissionDenied, "a page of another site may not ask this server", "Origin: " + value);
    }
    if (EqualsIgnoringCase(name, "sec-fetch-site") && value != "same-origin" && value != "none" &&
        !IsPageVisit(request)) {
      return Fail(ErrorCode::kPermissionDenied, "a page of another site may not ask this server",
                  "Sec-Fetch-Site: " + value);
    }
  }
  return {};
}

}  // namespace keelson::io
