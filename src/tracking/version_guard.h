#pragma once

#include <memory>

#include "io/database.h"
#include "tracking/artifact_store.h"

namespace keelson::tracking {

// The same artifacts for those outside: what a registered version was made of, at a path, in it or around it, is
// neither replaced nor deleted (kPermissionDenied), so that what was hashed when it was registered is what is loaded.
// Until the version is deleted; a version whose files were not here to be hashed has none. The database outlives it.
std::shared_ptr<ArtifactStore> GuardVersions(std::shared_ptr<ArtifactStore> artifacts, io::Database& database);

}  // namespace keelson::tracking
