#include "io/http_response_writer.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <ctime>

#include "base/log.h"
#include "io/http_parser.h"

namespace keelson::io {
namespace {

bool ServerWritesIt(std::string_view name) {
  constexpr std::array<std::string_view, 8> kOwned = {"content-length", "transfer-encoding", "connection", "keep-alive",
                                                      "content-type",   "x-request-id",      "date",       "upgrade"};
  for (const std::string_view owned : kOwned) {
    if (name.size() == owned.size() && EqualsIgnoringCase(name, owned)) return true;
  }
  return false;
}

void AppendHeader(std::string_view name, std::string_view value, std::string& out) {
  out += name;
  out += ": ";
  out += value;
  out += "\r\n";
}

void AppendNumber(std::size_t number, int base, std::string& out) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, base).ptr;
  out.append(digits.data(), end);
}

bool StatusHasBody(int status) {
  return status >= 200 && status != 204 && status != 304;
}

}  // namespace

bool HasBody(const HttpResponse& response, const ResponseFrame& frame) {
  return !frame.head_request && StatusHasBody(response.status);
}

void AppendResponseHead(const HttpResponse& response, const ResponseFrame& frame, std::string& out) {
  const int status = response.status >= 100 && response.status <= 999 ? response.status : 500;
  out += "HTTP/1.1 ";
  AppendNumber(static_cast<std::size_t>(status), 10, out);
  out += ' ';
  out += ReasonPhrase(status);
  out += "\r\n";
  if (StatusHasBody(status)) {
    if (!response.content_type.empty() && IsHttpFieldValue(response.content_type)) {
      AppendHeader("content-type", response.content_type, out);
    }
    if (frame.chunked) {
      if (frame.minor_version > 0) out += "transfer-encoding: chunked\r\n";
    } else {
      out += "content-length: ";
      AppendNumber(response.file ? response.file->size() : response.body.size(), 10, out);
      out += "\r\n";
    }
  }
  AppendHeader("x-request-id", frame.request_id, out);
  AppendHeader("date", frame.date, out);
  if (!frame.keep_alive) {
    out += "connection: close\r\n";
  } else if (frame.minor_version == 0) {
    out += "connection: keep-alive\r\n";
  }
  for (const auto& [name, value] : response.headers) {
    if (ServerWritesIt(name)) continue;
    if (IsHttpToken(name) && IsHttpFieldValue(value)) {
      AppendHeader(name, value, out);
    } else {
      LogWarning("a response header was left out: its name or value is not valid", {{"request_id", frame.request_id}});
    }
  }
  out += "\r\n";
}

void AppendChunkStart(std::size_t size, std::string& out) {
  AppendNumber(size, 16, out);
  out += "\r\n";
}

HttpResponse ErrorResponse(int status, std::string_view message) {
  HttpResponse response;
  response.status = status;
  response.body = fmt::format("{{\"error\": \"{}\"}}", message);
  return response;
}

std::string_view ReasonPhrase(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    case 507:
      return "Insufficient Storage";
    default:
      return "Status";
  }
}

std::string_view HttpDate::Text() {
  const std::time_t now = std::time(nullptr);
  if (now != second_) {
    second_ = now;
    std::tm parts{};
    gmtime_r(&now, &parts);
    // Not strftime's %a and %b: those follow the locale.
    constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto end = fmt::format_to_n(text_, sizeof(text_) - 1, "{}, {:02} {} {} {:02}:{:02}:{:02} GMT",
                                      kDays[parts.tm_wday], parts.tm_mday, kMonths[parts.tm_mon], 1900 + parts.tm_year,
                                      parts.tm_hour, parts.tm_min, parts.tm_sec);
    *end.out = '\0';
  }
  return text_;
}

}  // namespace keelson::io
