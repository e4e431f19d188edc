#pragma once

#include <vector>

#include "app/command.h"

namespace keelson::app {

// Every command of the program, in the order of the help.
const std::vector<Command>& Commands();

// One function a file of app/commands/.
Command CompletionCommand();
Command HelpCommand();
Command RenderCommand();
Command SchemaCommand();
Command ServeCommand();
Command VersionCommand();

}  // namespace keelson::app
