#pragma once

#include <map>
#include <mutex>
#include <string>

#include "base/result.h"
#include "tracking/artifact_store.h"

namespace keelson::tracking {

// Whether the files of registered versions are still those that were hashed when they were registered, asked each time
// that somebody is about to load one. Files that were found sound are hashed again only when their sizes or times say
// that something was written since. Thread-safe; the artifacts outlive it.
class VersionCheck {
 public:
  explicit VersionCheck(ArtifactStore& artifacts) : artifacts_(artifacts) {}

  // kDataLoss when what lies at `path` has not the hash (of io::HashTree), or is gone.
  Status Check(const std::string& path, const std::string& hash);

 private:
  struct Sound {
    ArtifactExtent extent;
    std::string hash;
    bool operator==(const Sound&) const = default;
  };

  ArtifactStore& artifacts_;
  std::mutex mutex_;
  std::map<std::string, Sound> sound_;  // by path
};

}  // namespace keelson::tracking
