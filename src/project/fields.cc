#include "project/fields.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"

namespace keelson::project {
namespace {

using Kind = YamlNode::Kind;

constexpr std::size_t kMostBytes = std::size_t{16} << 20;

void Shift(YamlNode& node, int lines) {
  node.position.line += lines;
  node.named_at.line += lines;
  for (YamlNode& item : node.items) Shift(item, lines);
  for (auto& [key, value] : node.members) {
    Shift(key, lines);
    Shift(value, lines);
  }
}

bool EndsDocument(std::string_view line) {
  return line.starts_with("---") && (line.size() == 3 || line[3] == ' ' || line[3] == '\t' || line[3] == '\r');
}

}  // namespace

std::expected<std::vector<YamlNode>, Problems> ReadDocuments(std::string_view text, const std::string& file) {
  if (text.size() > kMostBytes) {
    return std::unexpected(Problems{
        {file, 1, 1, fmt::format("the file has {} bytes", text.size()), fmt::format("at most {}", kMostBytes), ""}});
  }
  std::vector<YamlNode> documents;
  int line = 0;
  while (true) {
    const int first = line;  // lines before this document
    const std::string_view rest = text;
    std::size_t length = 0;
    bool ends = false;
    while (!text.empty()) {
      const auto end = text.find('\n');
      const std::string_view one = text.substr(0, end);
      ends = EndsDocument(one);
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
      ++line;
      if (ends) break;
      length = rest.size() - text.size();
    }
    const std::string_view document = rest.substr(0, length);
    if (!Trim(document).empty()) {
      YamlLimits limits;
      limits.nodes = 500'000;
      auto read = ReadYaml(document, file, limits);
      if (!read) {
        for (Problem& problem : read.error()) problem.line += first;
        return std::unexpected(std::move(read.error()));
      }
      Shift(*read, first);
      if (read->kind != Kind::kNull) documents.push_back(std::move(*read));
    }
    if (!ends) return documents;
  }
}

void Findings::Add(const YamlNode& at, std::string what, std::string expected, std::string did_you_mean) {
  problems.push_back(
      {file, at.named_at.line, at.named_at.column, std::move(what), std::move(expected), std::move(did_you_mean)});
}

std::string Findings::Where(const YamlNode& at) const {
  return fmt::format("{}:{}", file, at.position.line);
}

Status Findings::ToStatus() const {
  if (problems.empty()) return {};
  return Fail(ErrorCode::kInvalidArgument, ToString(problems));
}

Fields::Fields(const YamlNode& node, std::string path, Findings& findings)
    : node_(node), path_(std::move(path)), findings_(findings) {
  if (node.kind != Kind::kMap) findings_.Add(node, path_ + " is no map", "a map of fields");
}

const YamlNode* Fields::Take(const std::string& name) {
  known_.insert(name);
  for (const auto& [key, value] : node_.members) {
    if (key.text == name) return value.kind == Kind::kNull ? nullptr : &value;
  }
  return nullptr;
}

void Fields::Required(const std::string& name) {
  if (node_.kind == Kind::kMap) findings_.Add(node_, fmt::format("{}.{} is missing", path_, name));
}

std::vector<const YamlNode*> Fields::List(const std::string& name) {
  const YamlNode* list = Take(name);
  std::vector<const YamlNode*> items;
  if (list == nullptr) return items;
  if (list->kind != Kind::kSequence) findings_.Add(*list, fmt::format("{}.{} is no list", path_, name), "a list");
  for (const YamlNode& item : list->items) items.push_back(&item);
  return items;
}

std::string Fields::Text(const std::string& name, bool required) {
  const YamlNode* value = Take(name);
  if (value == nullptr) {
    if (required) Required(name);
    return "";
  }
  if (value->kind != Kind::kScalar) findings_.Add(*value, fmt::format("{}.{} is no text", path_, name), "text");
  return value->text;
}

std::string Fields::Choice(const std::string& name, const std::vector<std::string>& choices) {
  const YamlNode* value = Take(name);
  if (value == nullptr) return choices.front();
  if (value->kind == Kind::kScalar && std::find(choices.begin(), choices.end(), value->text) != choices.end())
    return value->text;
  findings_.Add(*value, fmt::format("{}.{} is {}", path_, name, Quoted(value->text)), "one of " + Join(choices, ", "),
                DidYouMean(value->text, choices).value_or(""));
  return choices.front();
}

std::optional<std::int64_t> Fields::Whole(const std::string& name, std::int64_t least, std::int64_t most,
                                          bool required) {
  const YamlNode* value = Take(name);
  if (value == nullptr) {
    if (required) Required(name);
    return std::nullopt;
  }
  const auto number = value->kind == Kind::kScalar ? ParseInt(value->text) : std::nullopt;
  if (number && *number >= least && *number <= most) return number;
  findings_.Add(*value, fmt::format("{}.{} is {}", path_, name, Quoted(value->text)),
                fmt::format("a whole number from {} to {}", least, most));
  return std::nullopt;
}

std::optional<double> Fields::Number(const std::string& name, double least, double most, bool required) {
  const YamlNode* value = Take(name);
  if (value == nullptr) {
    if (required) Required(name);
    return std::nullopt;
  }
  const auto number = value->kind == Kind::kScalar ? ParseDouble(value->text) : std::nullopt;
  if (number && *number >= least && *number <= most) return number;
  findings_.Add(*value, fmt::format("{}.{} is {}", path_, name, Quoted(value->text)),
                fmt::format("a number from {} to {}", least, most));
  return std::nullopt;
}

std::optional<std::int64_t> Fields::Quantity(const std::string& name, Unit unit, bool required) {
  const YamlNode* value = Take(name);
  if (value == nullptr) {
    if (required) Required(name);
    return std::nullopt;
  }
  const auto quantity = value->kind == Kind::kScalar ? ParseQuantity(value->text, unit) : std::nullopt;
  if (quantity) return quantity;
  findings_.Add(*value, fmt::format("{}.{} is {}", path_, name, Quoted(value->text)),
                "a quantity such as 20, 500m or 256Gi, not below zero");
  return std::nullopt;
}

std::map<std::string, std::string> Fields::Texts(const std::string& name) {
  std::map<std::string, std::string> texts;
  const YamlNode* map = Take(name);
  if (map == nullptr) return texts;
  if (map->kind != Kind::kMap)
    findings_.Add(*map, fmt::format("{}.{} is no map", path_, name), "a map of text to text");
  for (const auto& [key, value] : map->members) {
    if (value.kind != Kind::kScalar)
      findings_.Add(value, fmt::format("{}.{}.{} is no text", path_, name, key.text), "text");
    texts.emplace(key.text, value.text);
  }
  return texts;
}

void Fields::Unsupported(const std::string& name, const std::vector<std::string>& harmless) {
  const YamlNode* value = Take(name);
  if (value == nullptr) return;
  if (value->kind == Kind::kScalar && std::find(harmless.begin(), harmless.end(), value->text) != harmless.end())
    return;
  if (value->kind != Kind::kScalar && value->items.empty() && value->members.empty()) return;
  findings_.Add(*value,
                fmt::format("{}.{} is not supported here{}", path_, name,
                            value->kind == Kind::kScalar ? " as " + Quoted(value->text) : ""),
                harmless.empty() ? "nothing" : "nothing, or " + Join(harmless, " or "));
}

void Fields::Done() {
  const std::vector<std::string> names(known_.begin(), known_.end());
  for (const auto& [key, value] : node_.members) {
    if (known_.contains(key.text)) continue;
    findings_.Add(key, fmt::format("unknown field {} in {}", Quoted(key.text), path_), "",
                  DidYouMean(key.text, names).value_or(""));
  }
}

}  // namespace keelson::project
