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

// Takes all that a server of MLflow 3.17 knows over: from its database, with the same ids and times, and its artifacts.
// What is put is left as it is when it is there already, so that an import that ended early goes on when it is started
// again. At the end both sides are read whole and compared.

struct ImportOptions {
  std::string artifacts = {};  // the folder of --artifacts-destination, for what is kept behind MLflow's server
  bool without_artifacts = false;
  bool on_postgres = false;                                                  // whether `database` is PostgreSQL
  std::function<void(const std::string&)> tell = [](const std::string&) {};  // what is being done
};

struct ImportReport {
  std::vector<ComparedKind> kinds;
  CopiedArtifacts artifacts;
  std::vector<std::string> left;  // what did not come over, and why, a sentence each
};

// `database` has the tables of tracking::Store, and nobody else uses it meanwhile. kFailedPrecondition: MLflow's schema
// is another one, the artifacts' folder is needed, or `database` holds runs or models that are not of the source.
// kDataLoss: a comparison at the end fails.
Result<ImportReport> Import(io::SqlSession& theirs, io::Database& database, const Clock& clock,
                            tracking::ArtifactStore& artifacts, const ImportOptions& options);

}  // namespace keelson::wire::mlflow_database
