#pragma once

#include <string>

namespace keelson::serving {

// Replaces the escapes of a JSON string: reads from behind the opening quote to behind the closing one, which *at is
// moved to, into *value as UTF-8. Gives nullptr, or what is wrong with the byte at *at.
const char* UnescapeJsonString(const char** at, const char* end, std::string* value);

}  // namespace keelson::serving
