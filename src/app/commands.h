#pragma once

#include <vector>

#include "app/command.h"

namespace keelson::app {

// Every command of the program, in the order of the help.
const std::vector<Command>& Commands();

// Each in a file of app/commands/.
Command ApplyCommand();
Command BacktestCommand();
Command BackupCommand();
Command DeleteCommand();
Command DescribeCommand();
Command DoctorCommand();
Command ExportCommand();
Command FetchCommand();
Command GcCommand();
Command ImportCommand();
Command GetCommand();
Command LogsCommand();
Command PredictCommand();
Command PromoteCommand();
Command ReplayCommand();
Command RestoreCommand();
Command RollbackCommand();
Command RunPipelineCommand();
Command ServerCommand();
Command SimulateCommand();
Command StatusCommand();
Command WorkerCommand();
Command CompletionCommand();
Command HelpCommand();
Command RenderCommand();
Command SchemaCommand();
Command ServeCommand();
Command SuggestCommand();
Command VersionCommand();

}  // namespace keelson::app
