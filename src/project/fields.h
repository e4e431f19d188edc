#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "project/problem.h"
#include "project/quantity.h"
#include "project/yaml_node.h"

namespace keelson::project {

// The documents of a file of several, each with positions of the whole file. A null document is left out.
std::expected<std::vector<YamlNode>, Problems> ReadDocuments(std::string_view text, const std::string& file);

// The problems found in a file, as they are collected.
struct Findings {
  std::string file;
  Problems problems;

  void Add(const YamlNode& at, std::string what, std::string expected = "", std::string did_you_mean = "");
  // "file:line"
  std::string Where(const YamlNode& at) const;
  // kInvalidArgument with a line each, when there are any.
  Status ToStatus() const;
};

// The fields of a map, taken one by one; Done complains of those that nobody took. What is no map has no fields and is
// complained of at once.
class Fields {
 public:
  Fields(const YamlNode& node, std::string path, Findings& findings);

  const YamlNode& node() const { return node_; }
  const std::string& path() const { return path_; }
  Findings& findings() { return findings_; }

  // Null when it is not there, or null.
  const YamlNode* Take(const std::string& name);
  // The items of a list; none when it is not there.
  std::vector<const YamlNode*> List(const std::string& name);
  std::string Text(const std::string& name, bool required = false);
  // One of `choices`; the first when it is not there.
  std::string Choice(const std::string& name, const std::vector<std::string>& choices);
  std::optional<std::int64_t> Whole(const std::string& name, std::int64_t least, std::int64_t most,
                                    bool required = false);
  std::optional<double> Number(const std::string& name, double least, double most, bool required = false);
  std::optional<std::int64_t> Quantity(const std::string& name, Unit unit, bool required = false);
  std::map<std::string, std::string> Texts(const std::string& name);
  // Known to Kueue, and of no meaning to us when it says `harmless` (or is not there); else an error.
  void Unsupported(const std::string& name, const std::vector<std::string>& harmless = {});
  void Ignore(const std::string& name) { Take(name); }
  void Done();

 private:
  void Required(const std::string& name);

  const YamlNode& node_;
  std::string path_;
  Findings& findings_;
  std::set<std::string> known_;
};

}  // namespace keelson::project
