#include "app/commands.h"

#include "app/commands/cost.h"
#include "app/commands/history.h"
#include "app/commands/payload.h"
#include "app/commands/queues.h"

namespace keelson::app {

const std::vector<Command>& Commands() {
  static const std::vector<Command> commands = {
      ServerCommand(),   ApplyCommand(),  RunPipelineCommand(), StatusCommand(),   GetCommand(),
      DescribeCommand(), QueueCommand(),  WhyCommand(),         QuotaCommand(),    TopCommand(),
      CostCommand(),     AdviseCommand(), LogsCommand(),        PredictCommand(),  PromoteCommand(),
      RollbackCommand(), ReplayCommand(), BacktestCommand(),    SimulateCommand(), HistoryCommand(),
      DeleteCommand(),   FetchCommand(),  BackupCommand(),      GcCommand(),       RestoreCommand(),
      DoctorCommand(),   RenderCommand(), SchemaCommand(),      HelpCommand(),     CompletionCommand(),
      VersionCommand(),  ServeCommand(),  PayloadCommand(),     SuggestCommand(),  WorkerCommand(),
      ImportCommand(),   ExportCommand(),
  };
  return commands;
}

}  // namespace keelson::app
