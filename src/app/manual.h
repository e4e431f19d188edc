#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/command.h"

namespace keelson::app {

// docs/command-line.md: every command that people call, with its options, examples and the exit codes.
std::string CommandLineManual(const std::vector<Command>& commands);

// A completion script of command and option names for "bash", "zsh" or "fish".
std::string CompletionScript(const std::vector<Command>& commands, std::string_view shell);

}  // namespace keelson::app
