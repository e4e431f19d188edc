#include "project/parse.h"

#include <algorithm>
#include <tuple>

#include "project/check.h"
#include "project/description.h"
#include "project/yaml_node.h"

namespace keelson::project {

std::expected<ParsedProject, Problems> ParseProject(std::string_view text, const std::string& file) {
  auto root = ReadYaml(text, file);
  if (!root) return std::unexpected(std::move(root).error());

  ParsedProject parsed;
  Reader reader(file);
  ProjectShape().Read(*root, &parsed.project, reader);
  parsed.positions = reader.positions();
  Problems problems = reader.TakeProblems();

  FillDefaults(parsed.project, parsed.positions);
  for (Problem& problem : CheckReferences(parsed.project, parsed.positions, file)) {
    // What is wrong in itself is said once: its references are not looked at.
    const bool said = std::any_of(problems.begin(), problems.end(), [&](const Problem& earlier) {
      return earlier.line == problem.line && earlier.column == problem.column;
    });
    if (!said) problems.push_back(std::move(problem));
  }
  if (problems.empty()) return parsed;
  std::stable_sort(problems.begin(), problems.end(), [](const Problem& a, const Problem& b) {
    return std::tie(a.line, a.column) < std::tie(b.line, b.column);
  });
  return std::unexpected(std::move(problems));
}

}  // namespace keelson::project
