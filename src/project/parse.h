#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "project/problem.h"
#include "project/reader.h"
#include "project/spec.h"

namespace keelson::project {

struct ParsedProject {
  Project project;      // defaults filled in, references checked
  Positions positions;  // where each given value stands: "train.split.test"
};

// Reads a project file: its YAML, its fields, then the references between them (project/check.h). All mistakes are told
// at once, in the order of the file; `file` is only how they call it. The file's data, SQL and suites are not looked
// at.
std::expected<ParsedProject, Problems> ParseProject(std::string_view text, const std::string& file);

}  // namespace keelson::project
