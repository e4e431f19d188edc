#include "project/shape.h"

#include <algorithm>

namespace keelson::project {
namespace {

const Field* Find(const std::vector<Field>& fields, std::string_view name) {
  const auto found = std::find_if(fields.begin(), fields.end(), [&](const Field& field) { return field.name == name; });
  return found == fields.end() ? nullptr : &*found;
}

bool IsGiven(const YamlNode& map, std::string_view name) {
  return std::any_of(map.members.begin(), map.members.end(),
                     [&](const YamlMember& member) { return member.key.text == name; });
}

// An accessor's argument is not const because reading and writing share it; writing changes nothing.
const void* MemberOf(const Field& field, const void* owner) {
  return field.member(const_cast<void*>(owner));
}

Json FieldSchema(const Field& field) {
  Json schema = field.shape->Schema();
  schema["description"] = field.doc;
  if (!field.required && !field.default_value.is_null() && !field.default_value.empty()) {
    schema["default"] = field.default_value;
  }
  return schema;
}

}  // namespace

void ObjectShape::Read(const YamlNode& node, void* into, Reader& reader) const {
  if (node.kind != YamlNode::Kind::kMap) return reader.WrongKind(node, called_);
  for (const auto& [key, value] : node.members) {
    if (const Field* field = Find(fields_, key.text)) {
      const Reader::Scope scope(reader, field->name, value);
      field->shape->Read(value, field->member(into), reader);
    } else if (open_.read) {
      open_.read(key, value, into, reader);
    } else {
      ReportUnknown(node, key, reader);
    }
  }
  for (const Field& field : fields_) {
    if (field.required && !IsGiven(node, field.name)) {
      reader.Add(node.named_at, reader.Here() + " has no " + field.name, field.shape->Expected());
    }
  }
}

void ObjectShape::ReportUnknown(const YamlNode& node, const YamlNode& key, Reader& reader) const {
  std::vector<std::string> names;
  std::vector<std::string> likely;  // the nearest of equals: a missing required one first, those that are there last
  std::vector<std::string> given;
  for (const Field& field : fields_) {
    names.push_back(field.name);
    if (IsGiven(node, field.name)) {
      given.push_back(field.name);
    } else {
      likely.insert(field.required ? likely.begin() : likely.end(), field.name);
    }
  }
  likely.insert(likely.end(), given.begin(), given.end());
  reader.UnknownName(key.position, "unknown field " + Quoted(key.text) + " in " + reader.Here(), key.text, names,
                     &likely);
}

Json ObjectShape::Write(const void* from) const {
  Json object = Json::object();
  for (const Field& field : fields_) {
    Json value = field.shape->Write(MemberOf(field, from));
    if (!value.is_null()) object[field.name] = std::move(value);
  }
  if (open_.write) open_.write(from, &object);
  return object;
}

Json ObjectShape::Schema() const {
  Json schema = {{"type", "object"}, {"properties", Json::object()}};
  Json required = Json::array();
  for (const Field& field : fields_) {
    schema["properties"][field.name] = FieldSchema(field);
    if (field.required) required.push_back(field.name);
  }
  if (open_.schema) open_.schema(&schema["properties"]);
  if (!required.empty()) schema["required"] = std::move(required);
  schema["additionalProperties"] = false;
  return schema;
}

std::vector<std::string> ChoiceShape::Names() const {
  std::vector<std::string> names;
  for (const Field& field : alternatives_) names.push_back(field.name);
  return names;
}

std::string ChoiceShape::Expected() const {
  return "a map with " + OneOf(Names());
}

void ChoiceShape::Read(const YamlNode& node, void* into, Reader& reader) const {
  if (node.kind != YamlNode::Kind::kMap) return reader.WrongKind(node, Expected());
  const Field* chosen = nullptr;
  for (const auto& [key, value] : node.members) {
    const Field* field = Find(alternatives_, key.text);
    if (field == nullptr) {
      reader.UnknownName(key.position, "unknown field " + Quoted(key.text) + " in " + reader.Here(), key.text, Names());
      continue;
    }
    if (chosen != nullptr) {
      reader.Add(key.position, reader.Here() + " has both " + chosen->name + " and " + field->name,
                 "only " + OneOf(Names()));
      continue;
    }
    chosen = field;
    const Reader::Scope scope(reader, field->name, value);
    field->shape->Read(value, field->member(into), reader);
  }
  if (node.members.empty()) reader.Add(node.named_at, reader.Here() + " is empty", Expected());
}

Json ChoiceShape::Write(const void* from) const {
  const Field& held = alternatives_[held_(from)];
  return {{held.name, held.shape->Write(MemberOf(held, from))}};
}

Json ChoiceShape::Schema() const {
  Json schema = {{"type", "object"}, {"properties", Json::object()}};
  for (const Field& field : alternatives_) schema["properties"][field.name] = FieldSchema(field);
  schema["minProperties"] = 1;
  schema["maxProperties"] = 1;
  schema["additionalProperties"] = false;
  return schema;
}

}  // namespace keelson::project
