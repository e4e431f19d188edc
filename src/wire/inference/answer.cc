#include "wire/inference/answer.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "io/http_status.h"

namespace keelson::wire::inference {

std::string JsonString(std::string_view text) {
  std::string json;
  AppendJsonString(text, json);
  return json;
}

void AppendFloat(float value, std::string* out) {
  if (std::isnan(value)) {
    out->append("null");
  } else if (std::isinf(value)) {
    out->append(value < 0 ? "-1e999" : "1e999");
  } else {
    fmt::format_to(std::back_inserter(*out), "{}", value);
  }
}

int StatusOf(ErrorCode code) {
  if (code == ErrorCode::kUnsupported) return 400;        // a datatype or shape that no model here takes
  if (code == ErrorCode::kResourceExhausted) return 429;  // a queue or a log is full: ask less, or later
  return io::HttpStatusOf(code);
}

io::HttpResponse ErrorAnswer(int status, std::string_view message) {
  io::HttpResponse response;
  response.status = status;
  response.body = fmt::format("{{\"error\":{}}}", JsonString(message));
  if (status == 503 || status == 429) response.headers.emplace_back("retry-after", "1");
  return response;
}

io::HttpResponse ErrorAnswer(const Error& error) {
  return ErrorAnswer(StatusOf(error.code), error.ToString());
}

}  // namespace keelson::wire::inference
