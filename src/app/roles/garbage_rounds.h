#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/result.h"
#include "base/time.h"
#include "io/database.h"
#include "tracking/artifact_store.h"
#include "tracking/garbage.h"

namespace keelson::app {

// Work that is done again and again on a thread of its own: at once, and then each time that `every` has passed since
// it ended. What fails is told in the log and tried again the next time. The destructor waits for what is under way.
class Rounds {
 public:
  Rounds(Duration every, std::function<void()> work);
  ~Rounds();
  Rounds(const Rounds&) = delete;
  Rounds& operator=(const Rounds&) = delete;

 private:
  void Run(Duration every, const std::function<void()>& work);

  std::mutex mutex_;
  std::condition_variable ending_;
  bool ended_ = false;
  std::thread thread_;  // last: it uses all above
};

// What a server removes by itself, and how often: a file of the form of `POST /api/keelson/v1/gc` (docs/api.md).
struct GarbageOptions {
  std::string rules;  // "": nothing
  std::string every = "1d";
};

// Null when there are no rules. kInvalidArgument says what is wrong with the file or the time; all that it uses
// outlives it. A round is one line of the log, and one for each thing that went.
Result<std::unique_ptr<Rounds>> StartGarbageRounds(const GarbageOptions& options, io::Database& database,
                                                   const Clock& clock, tracking::ArtifactStore& artifacts);

}  // namespace keelson::app
