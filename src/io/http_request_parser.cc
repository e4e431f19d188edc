#include <algorithm>

#include "base/strings.h"
#include "io/http_parser.h"

namespace keelson::io {
namespace {

constexpr std::size_t kEagerBody = 256u << 10;  // reserved at once; more only as it comes

bool IsTargetChar(char c) {
  return c > 0x20 && c < 0x7f && c != '#';
}

bool IsHostChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._:[]~%!$&'()*+;=").contains(c);
}

}  // namespace

void HttpRequestParser::OnStartLine(std::string_view line) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return Refuse(400, "an invalid request line");
  const std::string_view method = line.substr(0, first);
  const std::string_view version = line.substr(last + 1);
  if (!IsHttpToken(method)) return Refuse(400, "an invalid method");
  if (version.size() != 8 || !version.starts_with("HTTP/") || version[5] < '0' || version[5] > '9' ||
      version[6] != '.' || version[7] < '0' || version[7] > '9') {
    return Refuse(400, "an invalid request line");
  }
  if (version[5] != '1') return Refuse(505, "the versions understood are HTTP/1.1 and HTTP/1.0");
  SetVersion(version[7] == '0' ? 0 : 1);
  if (method == "CONNECT") return Refuse(501, "this server is no proxy");
  if (!TakeTarget(line.substr(first + 1, last - first - 1))) return Refuse(400, "an invalid request target");
  request_.method = method;
  request_.headers.reserve(8);
}

bool HttpRequestParser::TakeTarget(std::string_view target) {
  if (target.empty() || !std::all_of(target.begin(), target.end(), IsTargetChar)) return false;
  if (target[0] != '/' && target != "*") {
    const std::size_t scheme = target.find("://");
    if (scheme == std::string_view::npos) return false;
    const std::string_view name = target.substr(0, scheme);
    if (!EqualsIgnoringCase(name, "http") && !EqualsIgnoringCase(name, "https")) return false;
    target.remove_prefix(scheme + 3);
    const std::size_t end = std::min(target.find_first_of("/?"), target.size());
    authority_ = target.substr(0, end);
    if (authority_.empty() || !std::all_of(authority_.begin(), authority_.end(), IsHostChar)) return false;
    target.remove_prefix(end);
  }
  const std::size_t question = std::min(target.find('?'), target.size());
  request_.path = target.substr(0, question);
  if (request_.path.empty()) request_.path = "/";
  if (question < target.size()) request_.query = target.substr(question + 1);
  return true;
}

void HttpRequestParser::OnHeader(std::string_view name, std::string_view value) {
  if (name.size() == 4 && EqualsIgnoringCase(name, "host")) {
    if (++hosts_ > 1) return Refuse(400, "more than one Host");
    if (!std::all_of(value.begin(), value.end(), IsHostChar)) return Refuse(400, "an invalid Host");
  } else if (name.size() == 6 && EqualsIgnoringCase(name, "expect")) {
    if (!EqualsIgnoringCase(value, "100-continue"))
      return Refuse(417, "the only expectation understood is 100-continue");
    expects_continue_ = true;
  } else if (name.size() == 16 && EqualsIgnoringCase(name, "content-encoding")) {
    if (!content_encoding_.empty()) return Refuse(400, "more than one Content-Encoding");
    content_encoding_ = ToLower(value);
    if (content_encoding_ == "identity") content_encoding_.clear();
    return;  // what the handler sees is decoded
  }
  request_.headers.emplace_back(name, value);
}

void HttpRequestParser::OnHeadDone() {
  if (hosts_ == 0 && minor_version_ > 0) return Refuse(400, "a request without Host");
  if (!authority_.empty()) {  // RFC 9112, 3.2.2: the target's own authority wins
    for (auto& [name, value] : request_.headers) {
      if (EqualsIgnoringCase(name, "host")) value = authority_;
    }
  }
  if (uploads_ && content_encoding_.empty() && (chunked_ || length_ > 0) && uploads_(request_)) {
    is_upload_ = true;
    AllowBody(upload_bytes_);
  }
  if (chunked_) {
    state_ = State::kChunkSize;
    return;
  }
  ExpectLength(length_);
  if (state_ == State::kBody)
    request_.body.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(length_, kEagerBody)));
}

void HttpRequestParser::OnBody(std::string_view bytes) {
  request_.body += bytes;
}

const HttpRequestParser::IsUpload HttpRequestParser::kNoUploads;

HttpRequest HttpRequestParser::TakeHead() {
  std::string body = std::move(request_.body);
  HttpRequest request = std::move(request_);
  request_ = {};
  request_.body = std::move(body);
  request.body.clear();
  return request;
}

void HttpRequestParser::TakeBody(std::string& body) {
  body.clear();
  std::swap(body, request_.body);
}

HttpRequest HttpRequestParser::Take() {
  HttpRequest request = std::move(request_);
  request_ = {};
  authority_.clear();
  content_encoding_.clear();
  expects_continue_ = false;
  is_upload_ = false;
  hosts_ = 0;
  Restart();
  return request;
}

}  // namespace keelson::io
