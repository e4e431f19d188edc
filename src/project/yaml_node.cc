#include "project/yaml_node.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>

#include "base/strings.h"

namespace keelson::project {
namespace {

// Thrown through yaml-cpp's parser to end it; never leaves this file.
struct Stop {};

Position At(const YAML::Mark& mark) {
  return {std::max(mark.line, 0) + 1, std::max(mark.column, 0) + 1};
}

std::size_t CountNodes(const YamlNode& node) {
  std::size_t count = 1;
  for (const auto& item : node.items) count += CountNodes(item);
  for (const auto& [key, value] : node.members) count += 1 + CountNodes(value);
  return count;
}

int Depth(const YamlNode& node) {
  int depth = 0;
  for (const auto& item : node.items) depth = std::max(depth, Depth(item));
  for (const auto& [key, value] : node.members) depth = std::max(depth, Depth(value));
  return depth + 1;
}

// Builds the tree from yaml-cpp's events, which, unlike its own nodes, show duplicate keys and let us count.
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(const std::string& file, const YamlLimits& limits, Problems* problems)
      : file_(file), limits_(limits), problems_(*problems) {}

  YamlNode TakeRoot() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    YamlNode node;
    node.position = At(mark);
    Complete(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchored_.find(anchor);
    if (found == anchored_.end()) Fatal(At(mark), "an alias inside the value that it stands for", "no such cycle");
    Spend(found->second.count, At(mark));
    if (static_cast<int>(open_.size()) + found->second.depth > limits_.depth) TooDeep(At(mark));
    YamlNode copy = found->second.node;
    Place(std::move(copy));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    CheckTag(tag, mark);
    YamlNode node;
    node.kind = YamlNode::Kind::kScalar;
    node.position = At(mark);
    node.quoted = tag == "!";
    node.text = value;
    Complete(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    CheckTag(tag, mark);
    Open(YamlNode::Kind::kSequence, mark, anchor);
  }
  void OnSequenceEnd() override { Close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    CheckTag(tag, mark);
    Open(YamlNode::Kind::kMap, mark, anchor);
  }
  void OnMapEnd() override { Close(); }

 private:
  struct OpenNode {
    YamlNode node;
    YAML::anchor_t anchor;
    std::optional<YamlNode> key;           // of a map: the key that waits for its value
    std::map<std::string, Position> keys;  // of a map: those so far
  };
  struct Anchored {
    YamlNode node;
    std::size_t count;
    int depth;
  };

  void Add(Position at, std::string what, std::string expected) {
    problems_.push_back({file_, at.line, at.column, std::move(what), std::move(expected), ""});
  }
  [[noreturn]] void Fatal(Position at, std::string what, std::string expected) {
    Add(at, std::move(what), std::move(expected));
    throw Stop{};
  }
  [[noreturn]] void TooDeep(Position at) {
    Fatal(at, "maps and lists are nested too deeply", fmt::format("at most {} levels", limits_.depth));
  }

  void Spend(std::size_t nodes, Position at) {
    used_ += nodes;
    if (used_ > limits_.nodes) {
      Fatal(at, "the file holds too many values, aliases counted as often as they are used",
            fmt::format("at most {}", limits_.nodes));
    }
  }

  void CheckTag(const std::string& tag, const YAML::Mark& mark) {
    if (!tag.empty() && tag != "?" && tag != "!") {
      Add(At(mark), "the tag " + Quoted(tag) + " is not supported", "a value without a tag");
    }
  }

  void Open(YamlNode::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (static_cast<int>(open_.size()) >= limits_.depth) TooDeep(At(mark));
    OpenNode open;
    open.node.kind = kind;
    open.node.position = At(mark);
    open.anchor = anchor;
    open_.push_back(std::move(open));
  }

  void Close() {
    OpenNode closed = std::move(open_.back());
    open_.pop_back();
    Complete(std::move(closed.node), closed.anchor);
  }

  void Complete(YamlNode node, YAML::anchor_t anchor) {
    Spend(1, node.position);
    node.named_at = node.position;
    if (anchor != 0) {
      const std::size_t count = CountNodes(node);
      Spend(count, node.position);  // the copy that is kept for aliases
      anchored_[anchor] = {node, count, Depth(node)};
    }
    Place(std::move(node));
  }

  // Gives a finished node to the innermost open one.
  void Place(YamlNode node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    OpenNode& parent = open_.back();
    if (parent.node.kind == YamlNode::Kind::kSequence) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.key) {
      parent.key = std::move(node);
    } else {
      AddMember(parent, std::move(node));
    }
  }

  void AddMember(OpenNode& parent, YamlNode value) {
    YamlNode key = *std::move(parent.key);
    parent.key.reset();
    value.named_at = key.position;
    if (key.kind == YamlNode::Kind::kNull) {
      Add(key.position, "a key is empty", "a name before the colon");
    } else if (key.kind != YamlNode::Kind::kScalar) {
      Add(key.position, "a key is a map or a list", "a name before the colon");
    } else if (key.text == "<<" && !key.quoted) {
      Add(key.position, "merge keys (<<) are not supported", "the fields written out, or an alias as a whole value");
    } else if (const auto [first, is_new] = parent.keys.emplace(key.text, key.position); !is_new) {
      Add(key.position,
          fmt::format("the key {} is given twice, first in line {}", Quoted(key.text), first->second.line),
          "each key once");
    } else {
      parent.node.members.push_back({std::move(key), std::move(value)});
    }
  }

  const std::string& file_;
  const YamlLimits& limits_;
  Problems& problems_;
  std::vector<OpenNode> open_;
  std::map<YAML::anchor_t, Anchored> anchored_;
  std::size_t used_ = 0;
  YamlNode root_;
};

Position PositionOf(std::string_view text, std::size_t offset) {
  Position at;
  for (const char c : text.substr(0, offset)) {
    if (c == '\n') {
      ++at.line;
      at.column = 1;
    } else {
      ++at.column;
    }
  }
  return at;
}

// What can be said of the bytes before any YAML is read.
Problems CheckBytes(std::string_view text, const std::string& file, const YamlLimits& limits) {
  const auto problem = [&](Position at, std::string what, std::string expected) {
    return Problem{file, at.line, at.column, std::move(what), std::move(expected), ""};
  };
  if (text.size() > limits.bytes) {
    return {problem({}, fmt::format("the file has {} bytes", text.size()), fmt::format("at most {}", limits.bytes))};
  }
  if (const auto nul = text.find('\0'); nul != std::string_view::npos) {
    return {problem(PositionOf(text, nul), "a NUL byte", "text")};
  }
  Problems problems;
  int line_number = 0;
  for (std::string_view line : Split(text, '\n')) {
    ++line_number;
    if (!IsValidUtf8(line)) {
      int column = 1;
      while (IsValidUtf8(line.substr(0, static_cast<std::size_t>(column)))) ++column;
      return {problem({line_number, column}, "bytes that are not UTF-8", "a file in UTF-8")};
    }
    const auto indentation = line.substr(0, line.find_first_not_of(" \t"));
    if (indentation.size() == line.size()) continue;
    if (const auto tab = indentation.find('\t'); tab != std::string_view::npos) {
      problems.push_back(problem({line_number, static_cast<int>(tab) + 1}, "a tab in the indentation", "spaces"));
    }
  }
  return problems;
}

}  // namespace

std::expected<YamlNode, Problems> ReadYaml(std::string_view text, const std::string& file, const YamlLimits& limits) {
  Problems problems = CheckBytes(text, file, limits);
  if (!problems.empty()) return std::unexpected(std::move(problems));

  TreeBuilder builder(file, limits, &problems);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) {
      return std::unexpected(Problems{{file, 1, 1, "the file is empty", "a project", ""}});
    }
    YamlNode root = builder.TakeRoot();
    TreeBuilder second(file, limits, &problems);
    if (parser.HandleNextDocument(second)) {
      const Position at = second.TakeRoot().position;
      problems.push_back({file, at.line, at.column, "a second document begins", "one document a file", ""});
    }
    if (problems.empty()) return root;
  } catch (const Stop&) {
    return std::unexpected(std::move(problems));  // what stopped it is the last of them
  } catch (const YAML::Exception& error) {
    const Position at = At(error.mark);
    problems.push_back({file, at.line, at.column, "not valid YAML: " + error.msg, "", ""});
  } catch (const std::exception& error) {  // yaml-cpp lets a few of the standard library's through
    problems.push_back({file, 1, 1, std::string("not valid YAML: ") + error.what(), "", ""});
  }
  return std::unexpected(std::move(problems));
}

}  // namespace keelson::project
