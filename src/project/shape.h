#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "project/reader.h"
#include "project/yaml_node.h"

namespace keelson::project {

// The description of the project file is a tree of shapes (project/description.cc), from which the parser, the JSON
// Schema, `keelson render` and docs/project-file.md all come: there is no second place where a field is named.

using Json = nlohmann::ordered_json;

struct Field;

// How one kind of value is written in the file. Works on `void*` so that a whole tree is one data structure; ShapeOf<T>
// keeps it safe: a shape only ever meets the type that it was made for. Immutable.
class Shape {
 public:
  virtual ~Shape() = default;

  // Reads `node` into a T, reporting what is wrong to `reader`; after a problem the T is whole but unspecified.
  virtual void Read(const YamlNode& node, void* into, Reader& reader) const = 0;
  // The T as a file would say it; null when there is nothing to say.
  virtual Json Write(const void* from) const = 0;
  virtual Json Schema() const = 0;
  // For messages and documentation: "a duration such as 6h".
  virtual std::string Expected() const = 0;

  // For the documentation: the fields of an object, and the shape inside a map, list or optional.
  virtual const std::vector<Field>* fields() const { return nullptr; }
  virtual const Shape* inner() const { return nullptr; }
};

template <class T>
struct ShapeOf {
  std::shared_ptr<const Shape> shape;
};

// One named member of an object.
struct Field {
  std::string name;
  std::string doc;  // a sentence or two, for the documentation and the JSON Schema
  bool required = false;
  std::function<void*(void*)> member;  // the owner's member, from the owner
  std::shared_ptr<const Shape> shape;
  Json default_value;  // as Write gives it of a default-constructed owner; null: nothing

  Field Required() && {
    required = true;
    return std::move(*this);
  }
};

template <class Owner, class T>
Field Member(std::string name, T Owner::*member, ShapeOf<T> shape, std::string doc) {
  const Owner owner{};
  Json default_value = shape.shape->Write(&(owner.*member));
  return {std::move(name),
          std::move(doc),
          false,
          [member](void* from) -> void* { return &(static_cast<Owner*>(from)->*member); },
          std::move(shape.shape),
          std::move(default_value)};
}

// Unknown fields that an object takes none the less: the parameters of XGBoost, which stand beside our own fields.
struct OpenFields {
  std::function<void(const YamlNode& key, const YamlNode& value, void* into, Reader&)> read;
  std::function<void(const void* from, Json* object)> write;
  std::function<void(Json* properties)> schema;
};

// A map with the given fields and no others.
class ObjectShape final : public Shape {
 public:
  ObjectShape(std::string called, std::vector<Field> fields, OpenFields open = {})
      : called_(std::move(called)), fields_(std::move(fields)), open_(std::move(open)) {}

  void Read(const YamlNode& node, void* into, Reader& reader) const override;
  Json Write(const void* from) const override;
  Json Schema() const override;
  std::string Expected() const override { return called_; }
  const std::vector<Field>* fields() const override { return &fields_; }

 private:
  void ReportUnknown(const YamlNode& node, const YamlNode& key, Reader& reader) const;

  std::string called_;  // "a map with the fields ..." in messages: "a source"
  std::vector<Field> fields_;
  OpenFields open_;
};

template <class T>
ShapeOf<T> Object(std::string called, std::vector<Field> fields, OpenFields open = {}) {
  return {std::make_shared<ObjectShape>(std::move(called), std::move(fields), std::move(open))};
}

// Fields of the owner itself that stand in a map of their own in the file: `replicas: {min, max}`.
template <class Owner>
Field Group(std::string name, const ShapeOf<Owner>& shape, std::string doc) {
  const Owner owner{};
  return {std::move(name),           std::move(doc), false, [](void* from) { return from; }, shape.shape,
          shape.shape->Write(&owner)};
}

// A map of which exactly one of the fields is given.
class ChoiceShape final : public Shape {
 public:
  ChoiceShape(std::vector<Field> alternatives, std::function<std::size_t(const void*)> held)
      : alternatives_(std::move(alternatives)), held_(std::move(held)) {}

  void Read(const YamlNode& node, void* into, Reader& reader) const override;
  Json Write(const void* from) const override;
  Json Schema() const override;
  std::string Expected() const override;
  const std::vector<Field>* fields() const override { return &alternatives_; }

 private:
  std::vector<std::string> Names() const;
  std::vector<Field> alternatives_;  // `member` makes the alternative the one that is held
  std::function<std::size_t(const void*)> held_;
};

// What reading one scalar gives: the value, or what is wrong with it (the expectation is the shape's).
template <class T>
using Scanned = std::expected<T, std::string>;

// A value that is one scalar.
template <class T>
class ScalarShape final : public Shape {
 public:
  struct Definition {
    std::string expected;
    std::function<Scanned<T>(const YamlNode&)> scan;  // the error may be "", when the expectation says it all
    std::function<Json(const T&)> write;
    Json schema;
    std::vector<std::string> candidates;  // for "did you mean"
  };
  explicit ScalarShape(Definition definition) : definition_(std::move(definition)) {}

  void Read(const YamlNode& node, void* into, Reader& reader) const override {
    if (node.kind != YamlNode::Kind::kScalar) return reader.WrongKind(node, definition_.expected);
    auto value = definition_.scan(node);
    if (value.has_value()) {
      *static_cast<T*>(into) = *std::move(value);
      return;
    }
    std::string what = reader.Here() + " is " + Quoted(node.text);
    if (!value.error().empty()) what += ": " + value.error();
    if (definition_.candidates.empty()) return reader.Add(node.position, std::move(what), definition_.expected);
    reader.UnknownName(node.position, std::move(what), node.text, definition_.candidates);
  }
  Json Write(const void* from) const override { return definition_.write(*static_cast<const T*>(from)); }
  Json Schema() const override { return definition_.schema; }
  std::string Expected() const override { return definition_.expected; }

 private:
  Definition definition_;
};

}  // namespace keelson::project
