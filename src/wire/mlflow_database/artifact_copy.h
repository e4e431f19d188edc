#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "tracking/artifact_store.h"

namespace keelson::wire::mlflow_database {

struct CopiedArtifacts {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::uint64_t were_there = 0;  // of the files: with the same content, from an earlier time
  std::uint64_t links = 0;       // symbolic links, which are not followed
};

// Copies every file below `folder` to the same path below `below` ("" for the root) in the store, and adds to `copied`.
// What the store has afterwards is compared with what was read, by SHA-256: kDataLoss names the file that differs. A
// folder that is not there has no files. Repeating it copies what is missing.
Status CopyArtifacts(const std::string& folder, const std::string& below, tracking::ArtifactStore& store,
                     CopiedArtifacts& copied);

}  // namespace keelson::wire::mlflow_database
