#pragma once

#include "app/command.h"
#include "project/problem.h"

namespace keelson::app {

// Prints every mistake of a project file, a line each, and gives the command's exit code.
int ReportProblems(Terminal& terminal, const project::Problems& problems);

}  // namespace keelson::app
