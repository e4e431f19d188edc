#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "app/commands.h"
#include "app/manual.h"

namespace keelson::app {

Command CompletionCommand() {
  return {
      "completion", "Print a completion script for a shell",
      "source <(keelson completion bash)\nkeelson completion fish > ~/.config/fish/completions/keelson.fish",
      [](CLI::App& app) -> RunCommand {
        auto shell = std::make_shared<std::string>();
        app.add_option("shell", *shell, "bash, zsh or fish")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
        return [shell](Terminal& terminal) -> Result<int> {
          terminal.out << CompletionScript(Commands(), *shell);
          return kExitOk;
        };
      }};
}

}  // namespace keelson::app
