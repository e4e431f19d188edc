#include "project/reader.h"

#include "base/strings.h"

namespace keelson::project {
namespace {

// More than a person reads; bounds the work that a hostile file can cause.
constexpr std::size_t kMostProblems = 200;

}  // namespace

Reader::Scope::Scope(Reader& reader, std::string_view name, const YamlNode& node)
    : reader_(reader), before_(reader.path_.size()) {
  if (!reader.path_.empty()) reader.path_ += '.';
  reader.path_ += name;
  reader.positions_[reader.path_] = node.kind == YamlNode::Kind::kNull ? node.named_at : node.position;
}

Reader::Scope::~Scope() {
  reader_.path_.resize(before_);
}

std::string Reader::Here() const {
  return path_.empty() ? "the project" : path_;
}

void Reader::Add(Position at, std::string what, std::string expected, std::string did_you_mean) {
  if (problems_.size() > kMostProblems) return;
  if (problems_.size() == kMostProblems) {
    what = "there are more mistakes than these";
    expected.clear();
    did_you_mean.clear();
  }
  problems_.push_back({file_, at.line, at.column, std::move(what), std::move(expected), std::move(did_you_mean)});
}

void Reader::WrongKind(const YamlNode& node, std::string expected) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return Add(node.named_at, Here() + " is empty", std::move(expected));
    case YamlNode::Kind::kScalar:
      return Add(node.position, Here() + " is " + Quoted(node.text), std::move(expected));
    case YamlNode::Kind::kSequence:
      return Add(node.position, Here() + " is a list", std::move(expected));
    case YamlNode::Kind::kMap:
      return Add(node.position, Here() + " is a map", std::move(expected));
  }
}

void Reader::UnknownName(Position at, std::string what, std::string_view name,
                         const std::vector<std::string>& candidates, const std::vector<std::string>* likely) {
  if (problems_.size() > kMostProblems) return;
  Add(at, std::move(what), candidates.size() <= 20 ? OneOf(candidates) : "",
      DidYouMean(name, likely == nullptr ? candidates : *likely).value_or(""));
}

std::string OneOf(const std::vector<std::string>& names) {
  if (names.empty()) return "none";
  if (names.size() == 1) return names.front();
  std::string text = "one of ";
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " or " : ", ";
    text += names[i];
  }
  return text;
}

}  // namespace keelson::project
