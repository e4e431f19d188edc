#pragma once

#include <optional>
#include <string>
#include <vector>

#include "io/process.h"
#include "substrate/substrate.h"

namespace keelson::substrate {

// What stands on disk about one workload (DATA/run/NAME.json), so that a server that was killed finds its children
// again. Written before the spawn (no process yet), between fork and exec (with the process), and at its end.
struct WorkloadRecord {
  WorkloadStatus status;  // address included, once it runs
  std::string project;
  std::string socket;                // path of the replica's socket; "" for a job
  std::vector<std::string> cgroups;  // folders to watch and remove
  std::optional<io::ProcessId> process;
};

std::string WriteRecord(const WorkloadRecord& record);  // JSON
// kDataLoss, where = `path`, for anything that WriteRecord cannot have written.
Result<WorkloadRecord> ReadRecord(const std::string& text, const std::string& path);

}  // namespace keelson::substrate
