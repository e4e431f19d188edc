#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "kubernetes/objects/settings.h"
#include "project/spec.h"

namespace keelson::kubernetes {

// A Project of the cluster as what it says. Which version of the model serves, and by which image, are annotations
// (kubernetes/objects/project_definition.h): `keelson apply --kubernetes` writes them.
struct ProjectObject {
  project::Project project;
  std::string revision;              // of the label, else of what the object itself says
  std::optional<int> model_version;  // nothing: no endpoint yet
  std::optional<std::string> image;
  std::optional<int> canary_version;
  int canary_percent = 0;
  std::string gateway;  // "": none
};

// kInvalidArgument: the first mistake, one sentence.
Result<ProjectObject> ReadProject(const nlohmann::json& object);

}  // namespace keelson::kubernetes
