#pragma once

#include <vector>

#include "base/result.h"

namespace keelson::app {

// What `keelson` exits with. Scripts rely on these: docs/command-line.md lists them, and a number never changes its
// meaning.
enum ExitCode : int {
  kExitOk = 0,
  kExitFailed = 1,
  kExitUsage = 2,        // the command line itself is wrong
  kExitNotFound = 3,     // what the command names does not exist
  kExitRefused = 4,      // a check or gate said no: a bad project file, a promotion gate, a precondition
  kExitUnreachable = 5,  // no server answers
};

struct ExitCodeText {
  ExitCode code;
  const char* meaning;
};
const std::vector<ExitCodeText>& ExitCodeTexts();

// The code for a command that ends with `error`.
ExitCode ExitCodeOf(const Error& error);

}  // namespace keelson::app
