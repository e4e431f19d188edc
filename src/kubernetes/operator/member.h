#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace keelson::kubernetes {

// What stands at the path in an object of Kubernetes; null when nothing does. Of what the API server says every level
// may be missing.
inline const nlohmann::json& Member(const nlohmann::json& object, std::initializer_list<const char*> path) {
  static const nlohmann::json nothing;
  const nlohmann::json* at = &object;
  for (const char* const name : path) {
    if (!at->is_object()) return nothing;
    const auto found = at->find(name);
    if (found == at->end()) return nothing;
    at = &*found;
  }
  return *at;
}

// The same of a text; "" when there is none.
inline std::string TextAt(const nlohmann::json& object, std::initializer_list<const char*> path) {
  const nlohmann::json& value = Member(object, path);
  return value.is_string() ? value.get<std::string>() : std::string();
}

// And of a condition's status: "True", "False", "Unknown"; "" when it is not told.
inline std::string ConditionStatus(const nlohmann::json& object, const char* type) {
  for (const nlohmann::json& condition : Member(object, {"status", "conditions"})) {
    if (TextAt(condition, {"type"}) == type) return TextAt(condition, {"status"});
  }
  return "";
}

}  // namespace keelson::kubernetes
