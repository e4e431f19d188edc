#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "project/scalars.h"
#include "project/shape.h"

namespace keelson::project {

// Shapes of what holds others: optional values, lists, maps by name. See Shape for the contract.

template <class T>
class OptionalShape final : public Shape {
 public:
  explicit OptionalShape(std::shared_ptr<const Shape> value) : value_(std::move(value)) {}

  void Read(const YamlNode& node, void* into, Reader& reader) const override {
    value_->Read(node, &static_cast<std::optional<T>*>(into)->emplace(), reader);
  }
  Json Write(const void* from) const override {
    const auto& value = *static_cast<const std::optional<T>*>(from);
    return value ? value_->Write(&*value) : Json(nullptr);
  }
  Json Schema() const override { return value_->Schema(); }
  std::string Expected() const override { return value_->Expected(); }
  const std::vector<Field>* fields() const override { return value_->fields(); }
  const Shape* inner() const override { return value_->inner(); }

 private:
  std::shared_ptr<const Shape> value_;
};

template <class T>
ShapeOf<std::optional<T>> Optional(ShapeOf<T> value) {
  return {std::make_shared<OptionalShape<T>>(std::move(value.shape))};
}

// A list. Its items' text must differ when `distinct`.
template <class T>
class ListShape final : public Shape {
 public:
  ListShape(std::string expected, std::shared_ptr<const Shape> item, std::size_t at_least, bool distinct)
      : expected_(std::move(expected)), item_(std::move(item)), at_least_(at_least), distinct_(distinct) {}

  void Read(const YamlNode& node, void* into, Reader& reader) const override {
    if (node.kind != YamlNode::Kind::kSequence) return reader.WrongKind(node, expected_);
    auto& list = *static_cast<std::vector<T>*>(into);
    list.clear();
    if (node.items.size() < at_least_) reader.Add(node.position, reader.Here() + " is an empty list", expected_);
    std::set<std::string_view> seen;
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      const YamlNode& item = node.items[i];
      const Reader::Scope scope(reader, std::to_string(i + 1), item);
      item_->Read(item, &list.emplace_back(), reader);
      if (distinct_ && item.kind == YamlNode::Kind::kScalar && !seen.insert(item.text).second) {
        reader.Add(item.position, reader.Here() + " repeats " + Quoted(item.text), "each once");
      }
    }
  }
  Json Write(const void* from) const override {
    Json list = Json::array();
    for (const T& item : *static_cast<const std::vector<T>*>(from)) list.push_back(item_->Write(&item));
    return list;
  }
  Json Schema() const override {
    Json schema = {{"type", "array"}, {"items", item_->Schema()}};
    if (at_least_ > 0) schema["minItems"] = at_least_;
    if (distinct_) schema["uniqueItems"] = true;
    return schema;
  }
  std::string Expected() const override { return expected_; }
  const Shape* inner() const override { return item_.get(); }

 private:
  std::string expected_;
  std::shared_ptr<const Shape> item_;
  std::size_t at_least_;
  bool distinct_;
};

template <class T>
ShapeOf<std::vector<T>> List(std::string expected, ShapeOf<T> item, std::size_t at_least = 0, bool distinct = true) {
  return {std::make_shared<ListShape<T>>(std::move(expected), std::move(item.shape), at_least, distinct)};
}

// What the keys of a map must look like.
struct KeyRule {
  std::string expected;
  std::string pattern;                  // ECMAScript, the whole key; "": any but ""
  std::vector<std::string> names = {};  // when not empty: one of these
};

// Reports a key that breaks the rule; true when it keeps it.
bool CheckKey(const KeyRule& rule, const YamlNode& key, Reader& reader);
Json KeySchema(const KeyRule& rule);

// A map from names to items, kept as a list in the file's order, with the key as a member of the item.
template <class T>
class NamedShape final : public Shape {
 public:
  NamedShape(std::string expected, std::string T::*name, KeyRule rule, std::shared_ptr<const Shape> item,
             bool may_be_empty)
      : expected_(std::move(expected)),
        name_(name),
        rule_(std::move(rule)),
        item_(std::move(item)),
        may_be_empty_(may_be_empty) {}

  void Read(const YamlNode& node, void* into, Reader& reader) const override {
    if (node.kind != YamlNode::Kind::kMap) return reader.WrongKind(node, expected_);
    auto& list = *static_cast<std::vector<T>*>(into);
    list.clear();
    if (node.members.empty() && !may_be_empty_) reader.Add(node.position, reader.Here() + " is empty", expected_);
    for (const auto& [key, value] : node.members) {
      CheckKey(rule_, key, reader);
      T item{};
      {
        const Reader::Scope scope(reader, key.text, value);
        item_->Read(value, &item, reader);
      }
      item.*name_ = key.text;
      list.push_back(std::move(item));
    }
  }
  Json Write(const void* from) const override {
    Json object = Json::object();
    for (const T& item : *static_cast<const std::vector<T>*>(from)) object[item.*name_] = item_->Write(&item);
    return object;
  }
  Json Schema() const override {
    Json schema = {{"type", "object"}, {"propertyNames", KeySchema(rule_)}, {"additionalProperties", item_->Schema()}};
    if (!may_be_empty_) schema["minProperties"] = 1;
    return schema;
  }
  std::string Expected() const override { return expected_; }
  const Shape* inner() const override { return item_.get(); }

 private:
  std::string expected_;
  std::string T::*name_;
  KeyRule rule_;
  std::shared_ptr<const Shape> item_;
  bool may_be_empty_;
};

template <class T>
ShapeOf<std::vector<T>> Named(std::string expected, std::string T::*name, KeyRule rule, ShapeOf<T> item,
                              bool may_be_empty = true) {
  return {
      std::make_shared<NamedShape<T>>(std::move(expected), name, std::move(rule), std::move(item.shape), may_be_empty)};
}

// A map from text to text.
ShapeOf<std::map<std::string, std::string>> TextMap(std::string expected, KeyRule rule, ShapeOf<std::string> value);

// An item that stands in the file as one of its members only: `routes: [origin, dest]` for an entity.
template <class Owner, class T>
class WrappedShape final : public Shape {
 public:
  WrappedShape(T Owner::*member, std::shared_ptr<const Shape> value) : member_(member), value_(std::move(value)) {}

  void Read(const YamlNode& node, void* into, Reader& reader) const override {
    value_->Read(node, &(static_cast<Owner*>(into)->*member_), reader);
  }
  Json Write(const void* from) const override { return value_->Write(&(static_cast<const Owner*>(from)->*member_)); }
  Json Schema() const override { return value_->Schema(); }
  std::string Expected() const override { return value_->Expected(); }
  const Shape* inner() const override { return value_->inner(); }

 private:
  T Owner::*member_;
  std::shared_ptr<const Shape> value_;
};

template <class Owner, class T>
ShapeOf<Owner> Wrapped(T Owner::*member, ShapeOf<T> value) {
  return {std::make_shared<WrappedShape<Owner, T>>(member, std::move(value.shape))};
}

}  // namespace keelson::project
