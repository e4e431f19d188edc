#include <condition_variable>
#include <mutex>

#include "base/strings.h"
#include "io/http.h"
#include "io/http_parser.h"

namespace keelson::io {
namespace {

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string Decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && HexValue(text[i + 1]) >= 0 && HexValue(text[i + 2]) >= 0) {
      out += static_cast<char>(HexValue(text[i + 1]) * 16 + HexValue(text[i + 2]));
      i += 2;
    } else {
      out += plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

}  // namespace

std::string_view FindHeader(const HttpHeaders& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (EqualsIgnoringCase(key, name)) return value;
  }
  return {};
}

std::string PercentDecode(std::string_view text) {
  return Decode(text, false);
}

std::string PercentEncode(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
        c == '_' || c == '~') {
      out += c;
    } else {
      out += '%';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
  }
  return out;
}

std::optional<std::string> QueryValue(std::string_view query, std::string_view name) {
  for (const std::string_view pair : Split(query, '&')) {
    const std::size_t equals = std::min(pair.find('='), pair.size());
    if (Decode(pair.substr(0, equals), true) != name) continue;
    return Decode(pair.substr(std::min(equals + 1, pair.size())), true);
  }
  return std::nullopt;
}

Result<HttpTarget> ParseHttpTarget(std::string_view url) {
  const auto refuse = [&](const char* why) {
    return Fail(ErrorCode::kInvalidArgument,
                std::string(why) + "; expected https://host:port, http://host:port or unix:/path", std::string(url));
  };
  HttpTarget target;
  if (url.starts_with("unix:")) {
    target.unix_socket = url.substr(5);
    if (!target.unix_socket.starts_with('/')) return refuse("the path of a Unix socket must be absolute");
    return target;
  }
  target.tls = url.starts_with("https://");
  if (!target.tls && !url.starts_with("http://")) return refuse("this is no address that Keelson can ask");
  const char* const usual_port = target.tls ? "443" : "80";
  std::string_view rest = url.substr(url.find("://") + 3);
  if (rest.ends_with('/')) rest.remove_suffix(1);
  std::string_view port;
  if (rest.starts_with('[')) {
    const std::size_t close = rest.find(']');
    if (close == std::string_view::npos) return refuse("a bracket is not closed");
    target.host = rest.substr(1, close - 1);
    rest.remove_prefix(close + 1);
    if (!rest.empty() && rest[0] != ':') return refuse("there is something between host and port");
    port = rest.empty() ? usual_port : rest.substr(1);
  } else {
    const std::size_t colon = std::min(rest.find(':'), rest.size());
    target.host = rest.substr(0, colon);
    port = colon == rest.size() ? usual_port : rest.substr(colon + 1);
  }
  for (const char c : target.host) {
    if (c <= ' ' || c == '/' || c == '?' || c == '#' || c == '@' || c == 0x7f)
      return refuse("the host has an invalid character");
  }
  if (target.host.empty()) return refuse("the host is missing");
  const auto number = ParseInt(port);
  if (!number || *number < 1 || *number > 65535) return refuse("a port is a number from 1 to 65535");
  target.port = static_cast<int>(*number);
  return target;
}

Result<HttpResponse> HttpClient::Call(HttpCall call) {
  std::mutex mutex;
  std::condition_variable ready;
  std::optional<Result<HttpResponse>> answer;
  Send(std::move(call), [&](Result<HttpResponse> result) {
    const std::lock_guard lock(mutex);
    answer = std::move(result);
    ready.notify_one();
  });
  std::unique_lock lock(mutex);
  ready.wait(lock, [&] { return answer.has_value(); });
  return *std::move(answer);
}

}  // namespace keelson::io
