#pragma once

#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "app/exit_code.h"
#include "base/result.h"

namespace CLI {
class App;
}

namespace keelson::app {

// Where a command writes: results to `out`, errors and progress to `err`.
struct Terminal {
  std::ostream& out;
  std::ostream& err;
};

// What a command does when it was asked for: its exit code, or an Error, which is printed as "keelson: ..." and mapped
// by ExitCodeOf.
using RunCommand = std::function<Result<int>(Terminal&)>;

// One subcommand of `keelson`. Each lives in a file of its own in app/commands/, as a function that returns its
// Command; app/commands.h declares them and commands.cc lists them. Help, completion and docs/command-line.md come from
// this table.
struct Command {
  std::string name;
  std::string summary;  // one line, without a full stop
  std::string example;  // one or more whole command lines, one a line
  // Declares options on `app` (bound to state that the returned function owns, a std::shared_ptr as a rule) and returns
  // what to run after parsing. Must do nothing else: it is called for every invocation.
  std::function<RunCommand(CLI::App& app)> setup;
  bool internal = false;  // a role that Keelson starts itself (worker, serve); left out of the help
};

// Parses `arguments` (without the program's name) and runs the command that they name. Returns the exit code.
int RunCommandLine(const std::vector<Command>& commands, std::vector<std::string> arguments, Terminal terminal);

// Calls `use` with the whole parser as RunCommandLine builds it, for what describes it: completion and documentation.
void WithParser(const std::vector<Command>& commands, const std::function<void(CLI::App&)>& use);

}  // namespace keelson::app
