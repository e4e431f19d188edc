#include "kubernetes/objects/structural_schema.h"

#include <gtest/gtest.h>

#include <functional>

#include "kubernetes/objects/objects_testing.h"
#include "kubernetes/objects/project_definition.h"

namespace keelson::kubernetes {
namespace {

TEST(StructuralSchema, SaysEachKeywordAsOpenApiDoes) {
  const std::vector<std::pair<const char*, const char*>> cases = {
      {R"({"const": "v1"})", R"({"type": "string", "enum": ["v1"]})"},
      {R"({"enum": ["a", "b"], "description": "d"})", R"({"type": "string", "enum": ["a", "b"], "description": "d"})"},
      {R"({"enum": [true, false, 0, 1]})",
       R"({"x-kubernetes-preserve-unknown-fields": true, "enum": [true, false, 0, 1]})"},
      {R"({"type": ["string", "number", "boolean"]})", R"({"x-kubernetes-preserve-unknown-fields": true})"},
      {R"({"type": "number", "exclusiveMinimum": 0})", R"({"type": "number", "minimum": 0, "exclusiveMinimum": true})"},
      {R"({"type": "integer", "minimum": 1, "maximum": 5, "default": 3})",
       R"({"type": "integer", "minimum": 1, "maximum": 5})"},
      {R"({"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string", "pattern": "^1Gi$"}]})",
       R"({"x-kubernetes-int-or-string": true, "pattern": "^1Gi$"})"},
      {R"({"anyOf": [{"type": "number"}, {"type": "string", "pattern": "^[0-9]+m$"}]})",
       R"({"x-kubernetes-preserve-unknown-fields": true})"},
      {R"({"type": "array", "items": {"type": "string"}, "uniqueItems": true, "minItems": 1})",
       R"({"type": "array", "minItems": 1, "items": {"type": "string"}, "x-kubernetes-list-type": "set"})"},
      {R"({"type": "object", "properties": {"a": {"type": "string", "minLength": 1}}, "required": ["a"],
           "additionalProperties": false})",
       R"({"type": "object", "required": ["a"], "properties": {"a": {"type": "string", "minLength": 1}}})"},
      {R"({"type": "object", "propertyNames": {"pattern": "^a$"}, "additionalProperties": {"type": "number"},
           "minProperties": 1})",
       R"({"type": "object", "minProperties": 1, "additionalProperties": {"type": "number"}})"},
      {R"({"type": "string", "not": {"pattern": "^/"}})", R"({"type": "string", "not": {"pattern": "^/"}})"},
  };
  for (const auto& [given, wanted] : cases) {
    EXPECT_EQ(StructuralSchema(Json::parse(given)).dump(), Json::parse(wanted).dump()) << given;
  }
}

// Each value of the whole project file has one type, or says that it has none.
TEST(ProjectDefinition, IsStructural) {
  const Json definition = ProjectDefinition("1.2");
  int values = 0;
  const std::function<void(const Json&, const std::string&)> look = [&](const Json& schema, const std::string& path) {
    ++values;
    EXPECT_TRUE(schema.contains("type") || schema.contains("x-kubernetes-preserve-unknown-fields") ||
                schema.contains("x-kubernetes-int-or-string"))
        << path;
    EXPECT_FALSE(schema.contains("properties") && schema.contains("additionalProperties")) << path;
    for (const char* unknown : {"const", "propertyNames", "uniqueItems", "anyOf", "default", "$schema", "$id"}) {
      EXPECT_FALSE(schema.contains(unknown)) << path << " " << unknown;
    }
    const Json properties = schema.value("properties", Json::object());
    for (const auto& [name, property] : properties.items()) look(property, path + "." + name);
    if (schema.contains("additionalProperties")) look(schema.at("additionalProperties"), path + ".*");
    if (schema.contains("items")) look(schema.at("items"), path + "[]");
  };
  look(definition.at("spec").at("versions").at(0).at("schema").at("openAPIV3Schema"), "");
  EXPECT_GT(values, 100);
}

TEST(ProjectResource, IsTheProjectFileButForItsMetadata) {
  const TestOwner made = MakeOwner("train: {label: late, trainer: {xgboost: {}}}\n");
  const Json object = ProjectResource(made.owner());
  EXPECT_EQ(object.at("apiVersion"), "keelson.dev/v1");
  EXPECT_EQ(object.at("train").at("label"), "late");
  EXPECT_EQ(object.at("metadata").at("annotations"),
            (Json{{kTimeZoneAnnotation, "UTC"}, {kImageAnnotation, "registry.example/keelson:1.2"}}));
  EXPECT_FALSE(object.at("metadata").contains("time_zone"));
}

}  // namespace
}  // namespace keelson::kubernetes
