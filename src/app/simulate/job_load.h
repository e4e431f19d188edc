#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "scheduling/queues.h"
#include "simulation/fleet.h"
#include "simulation/queued_load.h"

namespace keelson::app {

// The jobs of a file of rows (simulation/job_rows.h) on machines in words (ParseMachines), in the queues of a file of
// Kueue's objects: as on a server, a job's queue is the LocalQueue of that name in its project, else the ClusterQueue,
// and "default" has all that the machines have where neither a queue nor a flavor of that name is declared. Without
// queues all jobs stand in that one, whatever they name; without machines quotas alone are in play. kInvalidArgument
// with neither.
class JobLoad {
 public:
  struct Files {
    std::string jobs;
    std::string queues;  // "": none
    std::string prices;  // of one's own beside the built-in ones; "": none
  };
  static Result<JobLoad> Read(const Files& files, const std::vector<std::string>& machines);

  // The load as it is, or with machines and queues that somebody wonders about (ApplyWhatIf; "": as they are).
  Result<simulation::QueuedLoad> With(const std::string& what_if) const;

 private:
  simulation::QueuedLoad jobs_;  // without queues and machines
  simulation::Fleet fleet_;
  std::optional<scheduling::Queues> queues_;
};

}  // namespace keelson::app
