#include "wire/inference/answer.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "io/http_status.h"
#include "wire/inference/tensor.h"

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
  if (code == ErrorCode::kResourceExhausted) return 503;  // clients of this protocol come back after a 503
  return io::HttpStatusOf(code);
}

io::HttpResponse ErrorAnswer(int status, std::string_view message) {
  io::HttpResponse response;
  response.status = status;
  response.body = fmt::format("{{\"error\":{}}}", JsonString(message));
  if (status == 503) response.headers.emplace_back("retry-after", "1");
  return response;
}

io::HttpResponse ErrorAnswer(const Error& error) {
  return ErrorAnswer(StatusOf(error.code), error.ToString());
}

io::HttpResponse WriteInferAnswer(const InferAnswer& answer) {
  io::HttpResponse response;
  std::string& body = response.body;
  body.reserve(256 + answer.values.size() * 14);
  body.append("{\"model_name\":").append(JsonString(answer.model));
  body.append(",\"model_version\":").append(JsonString(answer.version));
  if (!answer.id.empty()) body.append(",\"id\":").append(JsonString(answer.id));
  body.append(",\"outputs\":[");
  if (answer.with_output) {
    body.append("{\"name\":").append(JsonString(answer.output));
    body.append(",\"shape\":").append(ShapeText(answer.shape)).append(",\"datatype\":\"FP32\",");
    if (answer.binary) {
      body.append(fmt::format("\"parameters\":{{\"binary_data_size\":{}}}", answer.values.size_bytes()));
    } else {
      body.append("\"data\":[");
      for (std::size_t i = 0; i < answer.values.size(); ++i) {
        if (i != 0) body.push_back(',');
        AppendFloat(answer.values[i], &body);
      }
      body.push_back(']');
    }
    body.push_back('}');
  }
  body.append("]}");
  if (answer.with_output && answer.binary) {
    response.headers.emplace_back("inference-header-content-length", std::to_string(body.size()));
    response.content_type = "application/octet-stream";
    body.append(reinterpret_cast<const char*>(answer.values.data()), answer.values.size_bytes());
  }
  return response;
}

}  // namespace keelson::wire::inference
