#include "project/containers.h"

#include <algorithm>

namespace keelson::project {
namespace {

class TextMapShape final : public Shape {
 public:
  TextMapShape(std::string expected, KeyRule rule, std::shared_ptr<const Shape> value)
      : expected_(std::move(expected)), rule_(std::move(rule)), value_(std::move(value)) {}

  void Read(const YamlNode& node, void* into, Reader& reader) const override {
    if (node.kind != YamlNode::Kind::kMap) return reader.WrongKind(node, expected_);
    auto& map = *static_cast<std::map<std::string, std::string>*>(into);
    map.clear();
    for (const auto& [key, value] : node.members) {
      CheckKey(rule_, key, reader);
      const Reader::Scope scope(reader, key.text, value);
      value_->Read(value, &map[key.text], reader);
    }
  }
  Json Write(const void* from) const override {
    Json object = Json::object();
    for (const auto& [key, value] : *static_cast<const std::map<std::string, std::string>*>(from)) {
      object[key] = value_->Write(&value);
    }
    return object;
  }
  Json Schema() const override {
    return {{"type", "object"}, {"propertyNames", KeySchema(rule_)}, {"additionalProperties", value_->Schema()}};
  }
  std::string Expected() const override { return expected_; }
  const Shape* inner() const override { return value_.get(); }

 private:
  std::string expected_;
  KeyRule rule_;
  std::shared_ptr<const Shape> value_;
};

}  // namespace

bool CheckKey(const KeyRule& rule, const YamlNode& key, Reader& reader) {
  if (!rule.names.empty()) {
    if (std::find(rule.names.begin(), rule.names.end(), key.text) != rule.names.end()) return true;
    reader.UnknownName(key.position, "unknown name " + Quoted(key.text) + " in " + reader.Here(), key.text, rule.names);
    return false;
  }
  const bool good = rule.pattern.empty() ? !key.text.empty() : MatchesPattern(key.text, rule.pattern);
  if (!good) reader.Add(key.position, "bad name " + Quoted(key.text) + " in " + reader.Here(), rule.expected);
  return good;
}

Json KeySchema(const KeyRule& rule) {
  if (!rule.names.empty()) return {{"enum", rule.names}};
  if (rule.pattern.empty()) return {{"minLength", 1}};
  return {{"pattern", "^(?:" + rule.pattern + ")$"}};
}

ShapeOf<std::map<std::string, std::string>> TextMap(std::string expected, KeyRule rule, ShapeOf<std::string> value) {
  return {std::make_shared<TextMapShape>(std::move(expected), std::move(rule), std::move(value.shape))};
}

}  // namespace keelson::project
