#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "project/spec.h"

namespace keelson::project {

// The project as its file would say it, with every default written out.
nlohmann::ordered_json ProjectJson(const Project& project);

// Everything that a project expands to, an object each with apiVersion, kind and metadata: Project (defaults filled
// in), Pipeline, ModelInputs, Workloads, Endpoint, Monitor. The same project always gives the same bytes.
std::vector<nlohmann::ordered_json> Expand(const Project& project);

// Expand as YAML documents.
std::string Render(const Project& project);

}  // namespace keelson::project
