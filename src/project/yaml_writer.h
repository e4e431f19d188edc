#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace keelson::project {

// `value` as YAML in block style, keys in their order, ending with a newline. What ReadYaml and any other reader of
// YAML reads back as the same value: text that would be taken for something else is quoted as JSON quotes it.
std::string ToYaml(const nlohmann::ordered_json& value);

// The same of several, each as a document of its own.
std::string ToYamlDocuments(const std::vector<nlohmann::ordered_json>& values);

}  // namespace keelson::project
