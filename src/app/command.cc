#include "app/command.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <ostream>

#include "base/strings.h"

namespace keelson::app {
namespace {

// The parser and what to run for each of its subcommands.
struct Parser {
  CLI::App app{"Keelson: data to a monitored, self-retraining model in production", "keelson"};
  std::map<const CLI::App*, RunCommand> runs;

  explicit Parser(const std::vector<Command>& commands) {
    app.require_subcommand(1);
    app.footer("\nkeelson help COMMAND tells more of one command. Exit codes: docs/command-line.md");
    for (const Command& command : commands) {
      CLI::App* sub = app.add_subcommand(command.name, command.summary);
      std::string footer = "\nExample:\n";
      for (std::string_view line : Split(command.example, '\n')) footer += "  " + std::string(line) + "\n";
      sub->footer(footer);
      if (command.internal) sub->group("");
      runs[sub] = command.setup(*sub);
    }
  }
};

// A first word that is no command: say so ourselves, with the nearest name.
std::optional<std::string> UnknownCommand(const std::vector<Command>& commands,
                                          const std::vector<std::string>& arguments) {
  if (arguments.empty() || arguments.front().starts_with('-')) return std::nullopt;
  std::vector<std::string> names;
  for (const Command& command : commands) {
    if (command.name == arguments.front()) return std::nullopt;
    if (!command.internal) names.push_back(command.name);
  }
  std::string message = "there is no command \"" + arguments.front() + "\"";
  if (const auto near = DidYouMean(arguments.front(), names)) message += ", did you mean \"" + *near + "\"?";
  return message + "; `keelson help` lists them";
}

int Usage(Terminal terminal, const std::string& message) {
  terminal.err << "keelson: " << message << "\n";
  return kExitUsage;
}

}  // namespace

int RunCommandLine(const std::vector<Command>& commands, std::vector<std::string> arguments, Terminal terminal) {
  if (arguments.empty()) arguments = {"help"};
  if (arguments.front() == "--version") arguments.front() = "version";
  if (const auto message = UnknownCommand(commands, arguments)) return Usage(terminal, *message);

  Parser parser(commands);
  try {
    std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back
    parser.app.parse(arguments);
  } catch (const CLI::CallForHelp&) {
    const auto chosen = parser.app.get_subcommands();
    terminal.out << (chosen.empty() ? parser.app.help() : chosen.front()->help());
    return kExitOk;
  } catch (const CLI::ParseError& error) {
    const auto chosen = parser.app.get_subcommands();
    const std::string command = chosen.empty() ? "keelson" : "keelson " + chosen.front()->get_name();
    return Usage(terminal, std::string(error.what()) + "; see `" + command + " --help`");
  }

  for (const CLI::App* chosen : parser.app.get_subcommands()) {
    const Result<int> code = parser.runs.at(chosen)(terminal);
    terminal.out.flush();
    if (code.has_value()) return *code;
    terminal.err << "keelson: " << code.error().ToString() << "\n";
    return ExitCodeOf(code.error());
  }
  return kExitUsage;
}

void WithParser(const std::vector<Command>& commands, const std::function<void(CLI::App&)>& use) {
  Parser parser(commands);
  use(parser.app);
}

}  // namespace keelson::app
