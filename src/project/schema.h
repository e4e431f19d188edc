#pragma once

#include <string>

namespace keelson::project {

// The JSON Schema (draft 2020-12) of the project file, with descriptions and defaults, for editors and checkers. It
// comes from the same description as the parser. A file that it refuses, the parser refuses; references between fields
// and the rules of expressions and time zones are the parser's alone.
std::string JsonSchema();

// docs/project-file.md: every field with its type, default and meaning, from the same description.
std::string ProjectFileManual();

}  // namespace keelson::project
