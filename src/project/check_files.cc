#include <fmt/format.h>

#include <filesystem>

#include "base/strings.h"
#include "project/check.h"

namespace keelson::project {
namespace {

namespace fs = std::filesystem;

// The names in a folder, for "did you mean"; none when it cannot be read.
std::vector<std::string> Siblings(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  return names;
}

bool IsInside(const fs::path& root, const fs::path& file) {
  const auto relative = file.lexically_relative(root);
  return !relative.empty() && *relative.begin() != "..";
}

// What is wrong with the file at `relative` below `folder`; `near` gets a path that exists. "" when nothing is.
std::string WhatIsWrong(const std::string& folder, const std::string& relative, std::string* near) {
  std::error_code error;
  const fs::path root = fs::canonical(folder, error);
  if (error) return "is not there: the project's folder cannot be read";
  const fs::path path = root / relative;
  if (!fs::exists(path, error)) {
    if (const auto name = DidYouMean(path.filename().string(), Siblings(path.parent_path()))) {
      *near = (fs::path(relative).parent_path() / *name).string();
    }
    return "is not there";
  }
  const fs::path real = fs::canonical(path, error);
  if (error) return "cannot be read: " + error.message();
  if (!IsInside(root, real)) return "is a link that leaves the project's folder";
  if (!fs::is_regular_file(real, error)) return "is not a file";
  return "";
}

}  // namespace

Problems CheckFiles(const Project& project, const Positions& positions, const std::string& file,
                    const std::string& folder, bool data) {
  Problems problems;
  const auto check = [&](const std::string& path, const std::string& relative) {
    std::string near;
    const std::string wrong = WhatIsWrong(folder, relative, &near);
    if (wrong.empty()) return;
    const auto found = positions.find(path);
    const Position at = found == positions.end() ? Position{} : found->second;
    problems.push_back({file, at.line, at.column, fmt::format("{} names {}, which {}", path, Quoted(relative), wrong),
                        "a file inside the project's folder", near});
  };
  for (const TableSpec& table : project.tables) check("tables." + table.name + ".sql", table.sql_path);
  for (const ExpectationsSpec& suite : project.expectations) check("expectations." + suite.table, suite.suite_path);
  if (!data) return problems;
  for (const Source& source : project.sources) {
    if (source.path.find_first_of("*?[") == std::string::npos) check("sources." + source.name + ".path", source.path);
  }
  return problems;
}

}  // namespace keelson::project
