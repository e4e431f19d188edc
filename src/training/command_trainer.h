#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace keelson::training {

struct CommandRequest {
  std::vector<std::string> command;                // the program and its arguments
  std::string folder;                              // where it runs: the project's files
  std::map<std::string, std::string> parameters;   // names of letters, digits, '_', '.' and '-'
  std::string train_data;                          // a Parquet file
  std::string tracking_uri;                        // of our server, for MLflow clients
  std::string run_id;                              // of the run that it may log to; "" for none
  std::string work_folder;                         // its own: params.json, output.txt, model/, home/ are made in it
  std::map<std::string, std::string> environment;  // added to the clean minimum; what the project's owner allows
  std::function<void(std::string_view)> output;    // what it prints, piece by piece, as it comes; may be empty
  std::function<bool()> cancelled;                 // asked a few times a second; may be empty
  Duration grace = std::chrono::seconds(10);       // from SIGTERM to SIGKILL when cancelled
};

struct CommandResult {
  std::string model_folder;               // an MLflow model directory
  std::map<std::string, double> metrics;  // of metrics.json, when the program left one there
};

// Runs any program as a trainer, in an environment of its own: PATH, LANG, TZ, HOME (a fresh folder), OMP_WAIT_POLICY,
// nothing of ours, so no secret of ours can leak. It gets
//   KEELSON_PARAM_<NAME>   each parameter (name in capitals, '.' and '-' as '_'); all of them in the file
//   KEELSON_PARAMS (JSON) KEELSON_TRAIN_DATA     the Parquet file to train on KEELSON_MODEL_DIR      the folder to
//   leave an MLflow model directory in, and metrics.json ({"auc": 0.7}) if it likes KEELSON_TRACKING_URI,
//   MLFLOW_TRACKING_URI, MLFLOW_RUN_ID   where to log
// Blocks until the program and all that it started have ended; call it from a thread that may wait. Errors:
// kInvalidArgument (parameters, or no program), kNotFound, kPermissionDenied (cannot be run), kFailedPrecondition (it
// ended with an exit code or a signal, named with the last lines that it printed, or left no model), kAborted
// (cancelled).
Result<CommandResult> TrainByCommand(const CommandRequest& request);

}  // namespace keelson::training
