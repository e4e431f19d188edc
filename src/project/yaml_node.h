#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "project/problem.h"

namespace keelson::project {

struct YamlMember;

// A YAML document as a tree with positions. Aliases are already replaced by copies of what they stand for.
struct YamlNode {
  enum class Kind { kNull, kScalar, kSequence, kMap };

  Kind kind = Kind::kNull;
  Position position;                // of the value
  Position named_at;                // of the key that names it; where there is none, of the value
  bool quoted = false;              // of a scalar: it is text, whatever it looks like
  std::string text;                 // of a scalar
  std::vector<YamlNode> items;      // of a sequence
  std::vector<YamlMember> members;  // of a map; keys are scalars and differ
};

struct YamlMember {
  YamlNode key;
  YamlNode value;
};

struct YamlLimits {
  std::size_t bytes = std::size_t{1} << 20;
  int depth = 32;
  std::size_t nodes = 50'000;  // copies made by aliases included, which bounds what a few lines can blow up to
};

// Reads one document. Stricter than YAML, since this is for files that people write and read: no duplicate keys, no
// keys that are not plain text, no tags, no merge keys, no tabs as indentation, no NUL, UTF-8 only, one document a
// file. A mistake of syntax ends the reading; others are collected.
std::expected<YamlNode, Problems> ReadYaml(std::string_view text, const std::string& file,
                                           const YamlLimits& limits = {});

}  // namespace keelson::project
