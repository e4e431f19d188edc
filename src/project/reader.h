#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "project/problem.h"
#include "project/yaml_node.h"

namespace keelson::project {

// Where each value of a file stands, by its path: "train.split.test". A field that was left out has no entry.
using Positions = std::map<std::string, Position>;

// What is carried along while a tree is read into types: the path to here, the positions seen, the problems found.
class Reader {
 public:
  explicit Reader(std::string file) : file_(std::move(file)) {}

  // Goes into a member for as long as it lives.
  class Scope {
   public:
    Scope(Reader& reader, std::string_view name, const YamlNode& node);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Reader& reader_;
    std::size_t before_;
  };

  const std::string& path() const { return path_; }
  // "train.split", or "the project" at the top: how messages call the present place.
  std::string Here() const;

  void Add(Position at, std::string what, std::string expected = "", std::string did_you_mean = "");
  // "<here> is a list", expected ...
  void WrongKind(const YamlNode& node, std::string expected);
  // A name that is none of `candidates`; says the nearest (of `likely`, if given), and all of them when there are few.
  void UnknownName(Position at, std::string what, std::string_view name, const std::vector<std::string>& candidates,
                   const std::vector<std::string>* likely = nullptr);

  const Positions& positions() const { return positions_; }
  Problems TakeProblems() { return std::move(problems_); }

 private:
  std::string file_;
  std::string path_;
  Positions positions_;
  Problems problems_;
};

// "one of a, b or c"
std::string OneOf(const std::vector<std::string>& names);

}  // namespace keelson::project
