#include "kubernetes/objects/project_definition.h"

#include "kubernetes/objects/structural_schema.h"
#include "project/render.h"
#include "project/schema.h"

namespace keelson::kubernetes {
namespace {

constexpr const char* kGroup = "keelson.dev";

Json Text(const char* description) {
  return {{"type", "string"}, {"description", description}};
}

Json Number(const char* description) {
  return {{"type", "integer"}, {"description", description}};
}

// As metav1.Condition has it.
Json Conditions() {
  Json status = Text("Whether it holds.");
  status["enum"] = {"True", "False", "Unknown"};
  Json time = Text("When it became so.");
  time["format"] = "date-time";
  const Json condition = {{"type", "object"},
                          {"required", {"type", "status", "lastTransitionTime", "reason", "message"}},
                          {"properties",
                           {{"type", Text("What is told: Valid, Applied, Jobs, Ready.")},
                            {"status", std::move(status)},
                            {"reason", Text("Why, as one word.")},
                            {"message", Text("Why, as a sentence.")},
                            {"lastTransitionTime", std::move(time)},
                            {"observedGeneration", Number("The generation of the project that it is told of.")}}}};
  return {{"type", "array"},
          {"x-kubernetes-list-type", "map"},
          {"x-kubernetes-list-map-keys", {"type"}},
          {"items", condition}};
}

Json StatusSchema() {
  return {{"type", "object"},
          {"description", "What has become of the project; the server's to write."},
          {"properties",
           {{"observedGeneration", Number("The generation that is acted on.")},
            {"revision", Text("The revision of the project's files that is acted on.")},
            {"champion", Number("The version of the model that serves.")},
            {"challenger", Number("The version that takes over, while one does.")},
            {"conditions", Conditions()}}}};
}

Json Schema() {
  Json schema = StructuralSchema(Json::parse(project::JsonSchema()));
  Json& properties = schema["properties"];
  // The API server itself looks at these two, and lets of the third only a name be restricted.
  properties["apiVersion"] = {{"type", "string"}};
  properties["kind"] = {{"type", "string"}};
  const Json name = properties["metadata"]["properties"]["name"];
  properties["metadata"] = {{"type", "object"}, {"properties", {{"name", name}}}};
  properties["status"] = StatusSchema();
  schema["required"] = {"metadata"};
  return schema;
}

Json Column(const char* name, const char* type, const char* path, int priority) {
  return {{"name", name}, {"type", type}, {"jsonPath", path}, {"priority", priority}};
}

}  // namespace

Json ProjectDefinition(const std::string& version) {
  const Json columns = {
      Column("Ready", "string", ".status.conditions[?(@.type==\"Ready\")].status", 0),
      Column("Champion", "integer", ".status.champion", 0),
      Column("Challenger", "integer", ".status.challenger", 0),
      Column("Age", "date", ".metadata.creationTimestamp", 0),
      Column("Revision", "string", ".status.revision", 1),
      Column("Message", "string", ".status.conditions[?(@.type==\"Ready\")].message", 1),
  };
  Json object =
      PlatformObject(version, "apiextensions.k8s.io/v1", "CustomResourceDefinition", std::string("projects.") + kGroup);
  object["spec"] = {{"group", kGroup},
                    {"scope", "Namespaced"},
                    {"names",
                     {{"kind", "Project"},
                      {"listKind", "ProjectList"},
                      {"plural", "projects"},
                      {"singular", "project"},
                      {"categories", {"keelson"}}}},
                    {"versions", Json::array({{{"name", "v1"},
                                               {"served", true},
                                               {"storage", true},
                                               {"subresources", {{"status", Json::object()}}},
                                               {"additionalPrinterColumns", columns},
                                               {"schema", {{"openAPIV3Schema", Schema()}}}}})}};
  return object;
}

Json ProjectResource(const Owner& owner) {
  const Json file = project::ProjectJson(owner.project);
  Json object = NewObject(owner, "keelson.dev/v1", "Project", owner.project.name, component::kWorkspace);
  Json& annotations = object["metadata"]["annotations"];
  annotations[kTimeZoneAnnotation] = owner.project.time_zone;
  annotations[kImageAnnotation] = owner.settings.image;
  if (owner.project.serve) annotations[kModelVersionAnnotation] = std::to_string(owner.settings.model_version);
  if (owner.project.serve && owner.settings.canary_version) {
    annotations[kCanaryVersionAnnotation] = std::to_string(*owner.settings.canary_version);
    annotations[kCanaryPercentAnnotation] = std::to_string(owner.settings.canary_percent);
  }
  if (!owner.settings.gateway.empty()) annotations[kGatewayAnnotation] = owner.settings.gateway;
  for (const auto& [name, value] : file.items()) {
    if (name != "apiVersion" && name != "kind" && name != "metadata") object[name] = value;
  }
  return object;
}

}  // namespace keelson::kubernetes
