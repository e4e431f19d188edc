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

// A whole number of an annotation; nothing where it is not there.
Result<std::optional<int>> NumberIn(const json& annotations, const char* name, int least, int most,
                                    const char* expected) {
  const std::string text = annotations.value(name, "");
  if (text.empty()) return std::nullopt;
  const auto number = ParseInt(text);
  if (number && *number >= least && *number <= most) return static_cast<int>(*number);
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("the annotation {} says \"{}\", which is {}", name, text, expected));
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
  constexpr const char* kNoVersion = "no version of a model: they count from 1";
  constexpr int kMost = std::numeric_limits<int>::max();
  KEELSON_ASSIGN_OR_RETURN(made.model_version, NumberIn(annotations, kModelVersionAnnotation, 1, kMost, kNoVersion));
  KEELSON_ASSIGN_OR_RETURN(made.canary_version, NumberIn(annotations, kCanaryVersionAnnotation, 1, kMost, kNoVersion));
  KEELSON_ASSIGN_OR_RETURN(const auto percent, NumberIn(annotations, kCanaryPercentAnnotation, 0, 100,
                                                        "no share of the requests in percent"));
  made.canary_percent = percent.value_or(0);
  made.gateway = annotations.value(kGatewayAnnotation, "");
  if (const std::string image = annotations.value(kImageAnnotation, ""); !image.empty()) made.image = image;
  return made;
}

}  // namespace keelson::kubernetes
