#include "app/commands.h"

namespace keelson::app {

const std::vector<Command>& Commands() {
  static const std::vector<Command> commands = {
      HelpCommand(), RenderCommand(), SchemaCommand(), ServeCommand(), CompletionCommand(), VersionCommand(),
  };
  return commands;
}

}  // namespace keelson::app
