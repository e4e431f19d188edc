#pragma once

#include <string_view>

namespace keelson::wire::mlflow {

// What a browser is told that a file is, by the end of its name; "application/octet-stream" when it says nothing.
std::string_view ContentTypeOf(std::string_view path);

}  // namespace keelson::wire::mlflow
