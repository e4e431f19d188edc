#pragma once

#include <string>
#include <string_view>

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

}  // namespace keelson::wire::inference
