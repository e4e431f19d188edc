#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "app/commands.h"
#include "app/manual.h"
#include "base/strings.h"

namespace keelson::app {
namespace {

struct Options {
  std::string command;
  bool markdown = false;
};

Result<int> Help(const Options& options, Terminal& terminal) {
  if (options.markdown) {
    terminal.out << CommandLineManual(Commands());
    return kExitOk;
  }
  std::optional<std::string> text;
  WithParser(Commands(), [&](CLI::App& root) {
    if (options.command.empty()) text = root.help();
    for (const CLI::App* sub : root.get_subcommands(nullptr)) {
      if (sub->get_name() == options.command) text = sub->help("keelson");
    }
  });
  if (!text)
    return Fail(ErrorCode::kNotFound, "there is no command \"" + options.command + "\"; `keelson help` lists them");
  terminal.out << *text;
  return kExitOk;
}

}  // namespace

Command HelpCommand() {
  return {"help", "Tell what the commands do", "keelson help apply\nkeelson help --markdown > docs/command-line.md",
          [](CLI::App& app) -> RunCommand {
            auto options = std::make_shared<Options>();
            app.add_option("command", options->command, "The command to tell of; without it, all of them");
            app.add_flag("--markdown", options->markdown,
                         "The manual of all commands, as docs/command-line.md holds it");
            return [options](Terminal& terminal) { return Help(*options, terminal); };
          }};
}

}  // namespace keelson::app
