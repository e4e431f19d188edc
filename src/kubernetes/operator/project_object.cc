#include "kubernetes/operator/project_object.h"

#include <fmt/format.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/strings.h"
#include "kubernetes/client/api_client.h"
#include "kubernetes/objects/project_definition.h"
#include "project/parse.h"
#include "project/render.h"

namespace keelson::kubernetes {
namespace {

using nlohmann::json;

// The project file that the object is.
json FileOf(const json& object, const json& annotations) {
  json file = object;
  file.erase("status");
  file["metadata"] = {{"name", NameOf(object)}};
  if (const auto zone = annotations.find(kTimeZoneAnnotation); zone != annotations.end())
    file["metadata"]["time_zone"] = *zone;
  return file;
}

std::string FirstOf(const project::Problems& problems) {
  const project::Problem& first = problems.front();
  std::string text = first.what;
  if (!first.expected.empty()) text += ", expected " + first.expected;
  if (!first.did_you_mean.empty()) text += fmt::format(", did you mean \"{}\"?", first.did_you_mean);
  if (problems.size() > 1) text += fmt::format(" (and {} more)", problems.size() - 1);
  return text;
}

}  // namespace

Result<ProjectObject> ReadProject(const json& object) {
  const json& metadata = object.at("metadata");
  const json annotations = metadata.value("annotations", json::object());
  const json file = FileOf(object, annotations);
  auto parsed = project::ParseProject(file.dump(), "Project");
  if (!parsed) return Fail(ErrorCode::kInvalidArgument, FirstOf(parsed.error()), NameOf(object));
  ProjectObject made;
  made.project = std::move(parsed->project);
  made.revision = metadata.value("labels", json::object()).value(kRevisionLabel, "");
  if (made.revision.empty()) made.revision = Sha256::Hex(project::ProjectJson(made.project).dump());
  if (const std::string version = annotations.value(kModelVersionAnnotation, ""); !version.empty()) {
    const auto number = ParseInt(version);
    if (!number || *number < 1 || *number > std::numeric_limits<int>::max()) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("the annotation {} says \"{}\", which is no version of a model: they count from 1",
                              kModelVersionAnnotation, version),
                  NameOf(object));
    }
    made.model_version = static_cast<int>(*number);
  }
  if (const std::string image = annotations.value(kImageAnnotation, ""); !image.empty()) made.image = image;
  return made;
}

}  // namespace keelson::kubernetes
