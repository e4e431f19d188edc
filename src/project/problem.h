#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace keelson::project {

// A place in a file, counted from 1.
struct Position {
  int line = 1;
  int column = 1;
  bool operator==(const Position&) const = default;
};

// One mistake in a file that a person wrote.
struct Problem {
  std::string file;
  int line = 1;
  int column = 1;
  std::string what;          // what is wrong: "unknown field \"tabel\" in train"
  std::string expected;      // what was expected instead; may be ""
  std::string did_you_mean;  // the nearest right name; may be ""

  // "file:line:column: what, expected ..., did you mean "..."?"
  std::string ToString() const;
  bool operator==(const Problem&) const = default;
};

using Problems = std::vector<Problem>;

// One line a problem.
std::string ToString(const Problems& problems);

// All problems as one error (kFailedPrecondition: refused by a check), for callers that only pass errors on.
Error ToError(const Problems& problems);

// `text` in double quotes, fit to be shown in one line: cut after 60 bytes, control characters as \xNN.
std::string Quoted(std::string_view text);

}  // namespace keelson::project
