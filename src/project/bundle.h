#pragma once

#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "project/parse.h"

namespace keelson::project {

// A project file and the files that it names (SQL, suites, the files of a command), as they are sent to the server and
// kept as a revision. Data files are not part of it.
struct Bundle {
  static constexpr const char* kProjectFile = "keelson.yaml";  // what the project file is called here, whatever it was
  static constexpr std::size_t kMaximumFileBytes = std::size_t{16} << 20;
  static constexpr std::size_t kMaximumBytes = std::size_t{64} << 20;

  std::map<std::string, std::string> files;  // by path, relative to the project's folder

  // The revision id: the SHA-256 of paths and contents, whatever the order in which they came.
  std::string Revision() const;

  // {"revision": "...", "files": [{"path", "text"}]}, with "hex" in place of "text" for what is not UTF-8.
  std::string ToJson() const;
  // kInvalidArgument for whatever ToJson would not write: unsafe paths, a revision that is not that of the files, too
  // much.
  static Result<Bundle> FromJson(std::string_view text);
};

struct LoadedProject {
  ParsedProject parsed;
  Bundle bundle;
};

// Reads, parses and checks a project file and what it names, `data` files too when wanted. A project file that cannot
// be read is a problem at 1:1.
std::expected<LoadedProject, Problems> LoadProject(const std::string& path, bool check_data = false);

// Parses a bundle that came over the wire; a file that it names and that is not in it is a problem.
std::expected<ParsedProject, Problems> ParseBundle(const Bundle& bundle);

// What applying `after` changes, one line each: "~ train.trainer.xgboost.max_depth: 6 -> 8", "+ sources.weather: ...",
// "- monitor.drift", "~ prepare/flights.sql: 40 -> 42 lines". Empty when nothing changes; `before` is empty at the
// first.
std::vector<std::string> Diff(const Bundle& before, const Bundle& after);

}  // namespace keelson::project
