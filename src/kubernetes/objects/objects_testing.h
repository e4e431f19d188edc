#pragma once

#include <string>
#include <vector>

#include "kubernetes/objects/metadata.h"
#include "project/parse.h"

namespace keelson::kubernetes {

inline Settings TestSettings() {
  return {.version = "1.2", .image = "registry.example/keelson:1.2"};
}

// A project of the tests, "serve: {...}" and the like as text; a revision; settings as CheckSettings gives them.
struct TestOwner {
  project::Project project;
  Settings settings;
  Owner owner() const { return {project, std::string(64, 'a'), settings}; }
};

inline TestOwner MakeOwner(const std::string& more, Settings settings = TestSettings()) {
  const std::string text =
      "apiVersion: keelson.dev/v1\nkind: Project\nmetadata: {name: ships}\n"
      "sources: {arrivals: {path: arrivals.csv, time: at, known: {late: landed_at}, key: id}}\n" +
      more;
  auto parsed = project::ParseProject(text, "ships.yaml");
  if (!parsed) throw std::runtime_error(project::ToString(parsed.error()));
  TestOwner made{std::move(parsed->project), {}};
  made.settings = CheckSettings(made.project, std::move(settings)).value();
  return made;
}

// The one object of a kind (and name, when given); null when there is none or more than one.
inline Json Only(const std::vector<Json>& objects, const std::string& kind, const std::string& name = {}) {
  Json found;
  for (const Json& object : objects) {
    if (object.at("kind") != kind || (!name.empty() && object.at("metadata").at("name") != name)) continue;
    if (!found.is_null()) return nullptr;
    found = object;
  }
  return found;
}

}  // namespace keelson::kubernetes
