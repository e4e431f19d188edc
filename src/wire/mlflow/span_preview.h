#pragma once

#include <string>
#include <string_view>

namespace keelson::wire::mlflow {

// What a list of traces shows of an input or an output: of a chat the last message of the role, else the text itself;
// at most 1,000 characters.
std::string PreviewOf(const std::string& attribute, std::string_view role);

}  // namespace keelson::wire::mlflow
