#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace keelson::kubernetes {

// What `after` has other than `before`, both as the API server gives them, a line each with the path as a JSON pointer
// (at the end "-" for a further item):
// "~ /spec/replicas: 1 -> 2", "+ /metadata/labels/a: b", "- /spec/ports/1: ...". What the API server writes into every
// object by itself (status, uid, versions, managers) is not looked at.
std::vector<std::string> DiffObjects(const nlohmann::json& before, const nlohmann::json& after);

}  // namespace keelson::kubernetes
