#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/http.h"

namespace keelson::wire::inference {

// A JSON string with its quotes; what is not UTF-8 is replaced.
std::string JsonString(std::string_view text);

// Appends the shortest text that reads back as this float32. NaN is null, and an infinity, which JSON does not have, is
// 1e999, which parsers of doubles read as one.
void AppendFloat(float value, std::string* out);

// {"error": "..."} with the status that the error's code has in this protocol.
io::HttpResponse ErrorAnswer(const Error& error);
io::HttpResponse ErrorAnswer(int status, std::string_view message);
int StatusOf(ErrorCode code);

// An answer with one FP32 output (or none, when the request asked for none).
struct InferAnswer {
  std::string_view model;
  std::string_view version;
  std::string_view id;      // "" when the request had none
  std::string_view output;  // the output's name
  bool with_output = true;
  bool binary = false;  // contents behind the JSON, as the binary tensor data extension says
  std::vector<std::int64_t> shape;
  std::span<const float> values;
};
io::HttpResponse WriteInferAnswer(const InferAnswer& answer);

}  // namespace keelson::wire::inference
