#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "io/s3_config.h"
#include "tracking/artifact_store.h"

namespace keelson::app {

// Opens where a server keeps its artifacts: the folder "artifacts" of its data, or, for `place` "s3://bucket/prefix",
// an object store that the environment leads to (io/s3_config.h). A data folder stays with the place that it began
// with, whose name it keeps: another one is kFailedPrecondition, and so is an object store for a data folder that has
// artifacts already, since they would be gone from sight. A store that refuses is an error; one that does not answer is
// only told, for it may come back.
Result<std::shared_ptr<tracking::ArtifactStore>> OpenArtifacts(const std::string& place, const std::string& data_folder,
                                                               const Clock& clock, const io::Environment& environment);

}  // namespace keelson::app
