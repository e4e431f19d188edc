#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "simulation/queued_load.h"

namespace keelson::simulation {

// Jobs as rows of CSV, one a job, in any order: a simple form for loads of one's own, and the one in which a running
// Keelson gives its history. Columns that must be there:
//
//   id             differs from all others'
//   submitted_ms   when, from whatever beginning
//   run_time_ms    how long it takes, undisturbed and with all its pods
//   cpu_milli, memory_mib   what one pod asks for
//
// and that may be: name (its kind, for the report; "" else), user, queue ("default"), class (system, inference,
// training, best-effort; training), priority (0), gpus (0), gpu_milli (1000; less is a share of one GPU), pods (1),
// least_pods (all), checkpoint_ms (0: it keeps nothing; it loses at most so much when it is preempted), preemptible
// (yes, no; yes), project (whose LocalQueue `queue` may be; "" none). Another column is an error, and so is a value
// beyond its bounds, with its line.
struct JobRowLimits {
  std::size_t jobs = 2'000'000;
};

// The jobs of the file in the order of their submission, which begins with the earliest; the load has neither cluster
// nor queues yet.
Result<QueuedLoad> ReadJobRows(std::string_view text, const std::string& file, const JobRowLimits& limits = {});

// The same jobs as such a file, every column there; what a cell cannot hold (commas, quotes, control characters)
// becomes '_', and memory is rounded down to MiB. Read and written again it is the same.
std::string WriteJobRows(const QueuedLoad& load);

}  // namespace keelson::simulation
