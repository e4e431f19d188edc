#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "io/database.h"
#include "tracking/artifact_store.h"
#include "wire/mlflow_database/artifact_copy.h"
#include "wire/mlflow_database/comparison.h"

namespace keelson::wire::mlflow_database {

// Writes all that we know and MLflow 3.17 has a place for as MLflow's own database: the inverse of Import, by the same
// tables. At the end both sides are read whole and compared.

struct ExportOptions {
  std::string file = {};                      // a new SQLite file
  std::string artifact_root = {};             // the folder of our artifacts: what is named by its path there becomes
                                              // "mlflow-artifacts:/..."
  tracking::ArtifactStore* copies = nullptr;  // where that folder's files are copied to; none: they stay where they are
  std::function<void(const std::string&)> tell = [](const std::string&) {};  // what is being done
};

struct ExportReport {
  std::vector<ComparedKind> kinds;
  CopiedArtifacts artifacts;
  std::vector<std::string> left;  // what was not written, and why
};

// Nobody else uses `database` meanwhile. The file is there whole or not at all; artifacts, which are copied first, are
// left as they are when they are there already. kAlreadyExists: there is such a file. kDataLoss: a comparison fails.
Result<ExportReport> Export(io::Database& database, const Clock& clock, const ExportOptions& options);

}  // namespace keelson::wire::mlflow_database
