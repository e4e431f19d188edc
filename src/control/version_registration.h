#pragma once

#include <string>

#include "base/result.h"
#include "control/types.h"
#include "tracking/store.h"

namespace keelson::control {

// Makes a run and a registered version of a pipeline whose steps have all succeeded, and writes the lineage that leads
// from the version to its run, the project's revision and the snapshots. Repeatable: a server killed in the middle does
// it again and gets the same version. `passed`: whether the gate let it through. The number of the version.
Result<int> RegisterVersion(tracking::Store& tracking, const Pipeline& pipeline, bool passed);

}  // namespace keelson::control
