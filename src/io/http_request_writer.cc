#include "io/http_request_writer.h"

#include <algorithm>

#include "io/http_parser.h"

namespace keelson::io {

Status AppendRequestHead(const HttpCall& call, const std::string& host, std::string& out) {
  const bool target_valid = !call.target.empty() && std::all_of(call.target.begin(), call.target.end(), [](char c) {
    return c > 0x20 && c < 0x7f && c != '#';
  });
  if (!IsHttpToken(call.method) || !target_valid) {
    return Fail(ErrorCode::kInvalidArgument, "the method or the target of the request is not valid; encode it",
                call.target);
  }
  out += call.method;
  out += ' ';
  out += call.target;
  out += " HTTP/1.1\r\nhost: ";
  out += host;
  out += "\r\n";
  for (const auto& [name, value] : call.headers) {
    if (!IsHttpToken(name) || !IsHttpFieldValue(value)) {
      return Fail(ErrorCode::kInvalidArgument, "a header of the request is not valid", name);
    }
    if (EqualsIgnoringCase(name, "host") || EqualsIgnoringCase(name, "content-length") ||
        EqualsIgnoringCase(name, "transfer-encoding") || EqualsIgnoringCase(name, "connection")) {
      continue;
    }
    out += name;
    out += ": ";
    out += value;
    out += "\r\n";
  }
  if (!call.body.empty() || (call.method != "GET" && call.method != "HEAD" && call.method != "DELETE")) {
    out += "content-length: ";
    out += std::to_string(call.body.size());
    out += "\r\n";
  }
  out += "\r\n";
  return {};
}

bool IsRetrySafe(const HttpCall& call) {
  return call.retry_safe || call.method == "GET" || call.method == "HEAD" || call.method == "PUT" ||
         call.method == "DELETE" || call.method == "OPTIONS";
}

}  // namespace keelson::io
