#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "simulation/queued_load.h"

namespace keelson::app {

// The jobs of a file of rows (simulation/job_rows.h) on machines in words (ParseMachines), in the queues of a file of
// Kueue's objects: as on a server, a job's queue is the LocalQueue of that name in its project, else the ClusterQueue,
// and "default" has all that the machines have where neither a queue nor a flavor of that name is declared. Without
// queues all jobs stand in that one, whatever they name; without machines quotas alone are in play. kInvalidArgument
// with neither.
Result<simulation::QueuedLoad> ReadJobLoad(const std::string& path, const std::vector<std::string>& machines,
                                           const std::string& queues_path);

}  // namespace keelson::app
