#pragma once

#include <string>

#include "base/result.h"
#include "control/types.h"
#include "tracking/model_folders.h"
#include "tracking/store.h"

namespace keelson::control {

// Makes a run and a registered version of a pipeline whose steps have all succeeded, and writes the lineage that leads
// from the version to its run, the project's revision and the snapshots. Repeatable: a server killed in the middle does
// it again and gets the same version. `passed`: whether the gate let it through. The number of the version. Where
// `models` is given, its files go into the object store first: kUnavailable as long as they are on their way.
Result<int> RegisterVersion(tracking::Store& tracking, tracking::ModelFolders* models, const Pipeline& pipeline,
                            bool passed);

}  // namespace keelson::control
