#include "kubernetes/objects/structural_schema.h"

#include <algorithm>

namespace keelson::kubernetes {
namespace {

constexpr const char* kAnyValue = "x-kubernetes-preserve-unknown-fields";

Json AnyValue() {
  return {{kAnyValue, true}};
}

bool AllStrings(const Json& values) {
  return std::all_of(values.begin(), values.end(), [](const Json& value) { return value.is_string(); });
}

// What has no one type: text or a whole number has a word of its own in Kubernetes.
Json Alternatives(const Json& alternatives) {
  const bool number_or_text = alternatives.size() == 2 && alternatives[0].value("type", "") == "integer" &&
                              alternatives[1].value("type", "") == "string";
  if (!number_or_text) return AnyValue();
  return {{"x-kubernetes-int-or-string", true}, {"pattern", alternatives[1].at("pattern")}};
}

// The type, or what stands for it.
Json Typed(const Json& schema) {
  if (schema.contains("const")) return {{"type", "string"}, {"enum", Json::array({schema.at("const")})}};
  if (schema.contains("anyOf")) return Alternatives(schema.at("anyOf"));
  if (schema.contains("enum")) {
    Json typed = AllStrings(schema.at("enum")) ? Json{{"type", "string"}} : AnyValue();
    typed["enum"] = schema.at("enum");
    return typed;
  }
  if (!schema.contains("type") || schema.at("type").is_array()) return AnyValue();
  return {{"type", schema.at("type")}};
}

// OpenAPI 3.0 has the bound and beside it whether it is one itself.
void CopyExclusive(const Json& schema, const char* exclusive, const char* bound, Json* into) {
  if (!schema.contains(exclusive)) return;
  (*into)[bound] = schema.at(exclusive);
  (*into)[exclusive] = true;
}

void CopyMembers(const Json& schema, Json* into) {
  if (schema.contains("properties")) {
    for (const auto& [name, property] : schema.at("properties").items()) {
      (*into)["properties"][name] = StructuralSchema(property);
    }
  } else if (schema.contains("additionalProperties") && schema.at("additionalProperties").is_object()) {
    (*into)["additionalProperties"] = StructuralSchema(schema.at("additionalProperties"));
  }
  if (schema.contains("items")) {
    (*into)["items"] = StructuralSchema(schema.at("items"));
    const bool scalar = (*into)["items"].contains("type") && (*into)["items"]["type"] != "object";
    if (schema.value("uniqueItems", false) && scalar) (*into)["x-kubernetes-list-type"] = "set";
  }
}

}  // namespace

Json StructuralSchema(const Json& schema) {
  Json structural = Typed(schema);
  if (schema.contains("description")) structural["description"] = schema.at("description");
  for (const char* keyword : {"minimum", "maximum", "minLength", "maxLength", "pattern", "minItems", "maxItems",
                              "minProperties", "required", "oneOf", "not"}) {
    if (schema.contains(keyword)) structural[keyword] = schema.at(keyword);
  }
  CopyExclusive(schema, "exclusiveMinimum", "minimum", &structural);
  CopyExclusive(schema, "exclusiveMaximum", "maximum", &structural);
  CopyMembers(schema, &structural);
  return structural;
}

}  // namespace keelson::kubernetes
