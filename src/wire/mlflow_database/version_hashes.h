#pragma once

#include "base/result.h"
#include "io/database.h"
#include "tracking/artifact_store.h"

namespace keelson::wire::mlflow_database {

// Hashes the files of the versions that came over, those that are here, as if each had been registered here: from then
// on they stay as they are (tracking::GuardVersions). A version of "runs:/RUN/path" gets the place of its files.
Status HashVersions(io::Database& database, tracking::ArtifactStore& artifacts);

}  // namespace keelson::wire::mlflow_database
