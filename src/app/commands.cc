#include "app/commands.h"

namespace keelson::app {

const std::vector<Command>& Commands() {
  static const std::vector<Command> commands = {
      ServerCommand(),   ApplyCommand(),   RunPipelineCommand(), StatusCommand(),   GetCommand(),    DescribeCommand(),
      LogsCommand(),     PredictCommand(), PromoteCommand(),     RollbackCommand(), ReplayCommand(), BacktestCommand(),
      SimulateCommand(), DeleteCommand(),  BackupCommand(),      RestoreCommand(),  DoctorCommand(), RenderCommand(),
      SchemaCommand(),   HelpCommand(),    CompletionCommand(),  VersionCommand(),  ServeCommand(),  WorkerCommand(),
  };
  return commands;
}

}  // namespace keelson::app
