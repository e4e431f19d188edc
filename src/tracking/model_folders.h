#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "tracking/artifact_store.h"

namespace keelson::tracking {

// A model's folder of which this machine has a copy.
struct ModelCopy {
  std::string path;  // as in the store
  std::uint64_t bytes = 0;
  Instant last_used;
  bool in_use = false;
};

// Pure. Which copies go so that those that stay take at most `limit` bytes: the least recently used first, never one in
// use.
std::vector<std::string> PlanEviction(std::vector<ModelCopy> copies, std::uint64_t limit);

// The folders of model versions on this machine where the artifacts themselves are in an object store. Replicas read
// files: what they load is fetched, verified by the version's hash and kept below a folder, at the same path as in the
// store. Each copy appears whole (renamed into place) or not at all, and is fetched again when it is not what was
// hashed.
//
// The work is done on threads of its own: a call says kUnavailable as long as it is under way, and is to be made again;
// what is done stays so while the copy is there. After a failure the call gives its error; from some seconds on it is
// tried anew. Thread-safe. The store and the clock
// outlive it; the destructor waits for what is under way.
class ModelFolders {
 public:
  struct Options {
    std::string folder;                             // absolute
    std::uint64_t limit = std::uint64_t{20} << 30;  // bytes of copies
    std::chrono::seconds again{5};                  // after a failure
  };
  // `store` has a remote().
  ModelFolders(ArtifactStore& store, const Clock& clock, Options options);
  ~ModelFolders();

  // Puts the folder, which lies below ours, into the store, and makes sure that it is there as it is here. Repeating it
  // changes nothing.
  Status Publish(const std::string& folder);
  // Makes the folder, below ours, hold what the store has there. With `wait` on the caller's thread, which may take as
  // long as the store does.
  Status Fetch(const std::string& folder, const std::string& hash, bool wait = false);
  // What `owner` uses from now on, and no longer what it used before: these copies stay.
  void Use(const std::string& owner, const std::set<std::string>& folders);

 private:
  enum class Phase { kRunning, kDone, kFailed };
  struct Task {
    Phase phase = Phase::kRunning;
    Error error = {};
    bool told = false;
    std::chrono::steady_clock::time_point ended = {};
  };

  Status Run(const std::string& name, const std::string& folder, const std::function<Status()>& work, bool wait);
  Result<std::string> PathOf(const std::string& folder) const;
  Status PublishNow(const std::string& folder, const std::string& path);
  Status FetchNow(const std::string& folder, const std::string& path, const std::string& hash);
  Status FetchTree(const std::string& path, const std::string& target);
  Status NoteAndEvict(const std::string& folder, const std::string& path);

  ArtifactStore& store_;
  const Clock& clock_;
  const Options options_;
  std::mutex noting_;  // held while the file of copies is changed
  std::mutex mutex_;
  std::map<std::string, Task> tasks_;                  // guarded by mutex_, as is the next
  std::map<std::string, std::set<std::string>> used_;  // paths, by owner
  std::unique_ptr<ThreadPool> pool_;                   // last: its tasks use all above
};

}  // namespace keelson::tracking
