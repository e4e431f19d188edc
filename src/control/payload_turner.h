#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "control/job_runner.h"
#include "control/project_files.h"

namespace keelson::control {

// A project's payload segments at one moment.
struct PayloadSituation {
  std::size_t waiting = 0;            // segments that nobody adds to any more and that have no Parquet file
  bool under_way = false;             // a job turns them
  std::optional<Instant> last_ended;  // of such a job, whatever came of it
  Instant watched_since;
};

// Whether they are to be turned now: something waits, nobody is at it, and the period has passed since the last time,
// or since anybody looks. By the wall's clock: it is the disk's matter and not the project's.
bool PayloadJobDue(const PayloadSituation& situation, Instant now, Duration period);

// Has a project's payload segments turned into Parquet, DATA/projects/NAME/payload-parquet, by a job of kind "payload"
// like any other: admitted by the queue behind everything else, told in the list of jobs, begun again after a kill. Of
// those that have ended the list keeps the last. The segments stay, for the monitor reads them; a damaged one is no
// reason for another job.
//
// Owned by the project's runtime and called on the control thread only.
class PayloadTurner {
 public:
  // A period of zero: never.
  PayloadTurner(std::string project, const ProjectFolders& folders, JobRunner& jobs, const Clock& clock,
                Duration period);

  // One look, which looks at the disk at most once a minute, and submits what is due.
  Status Reconcile();

 private:
  PayloadSituation Look(std::size_t waiting) const;
  std::vector<const Job*> Ended() const;  // the last one to end stands last

  const std::string project_;
  const std::string from_;
  const std::string to_;
  JobRunner& jobs_;
  const Clock& clock_;
  const Duration period_;
  const Instant watched_since_;
  std::chrono::steady_clock::time_point next_look_{};
};

}  // namespace keelson::control
