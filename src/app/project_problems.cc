#include "app/project_problems.h"

#include <ostream>

namespace keelson::app {

int ReportProblems(Terminal& terminal, const project::Problems& problems) {
  terminal.err << project::ToString(problems);
  const bool missing = problems.size() == 1 && problems.front().what == "there is no such file";
  return missing ? kExitNotFound : kExitRefused;
}

}  // namespace keelson::app
