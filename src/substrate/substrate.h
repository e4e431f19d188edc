#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "scheduling/admission.h"

namespace keelson::substrate {

// One thing to run: a job's attempt (runs to its end) or a replica (runs until it is stopped). The command is the
// arguments of our own binary or, for a command trainer, a program of the user's. Local: a child process. Kubernetes: a
// Job or a pod.
struct WorkloadSpec {
  std::string name;  // unique for ever: "job-42-a1", "flight-delays-v3-r1"; [a-z0-9-], at most 63
  std::string kind;  // "job" or "replica"
  std::string project;
  std::vector<std::string> command;                // "keelson" as command[0] means this same program
  std::map<std::string, std::string> environment;  // added to a clean minimum (PATH, HOME, LANG, TZ, OMP_WAIT_POLICY)
  std::string folder;                              // working folder, "" for the workload's own
  scheduling::Resources resources;
  scheduling::WorkloadClass workload_class = scheduling::WorkloadClass::kTraining;
  std::map<std::string, std::string> labels;
};

// What a workload has used, as far as it was measured: CPU time, and the largest resident memory of one of its
// processes.
struct WorkloadUsage {
  Duration cpu{};
  std::int64_t peak_memory_bytes = 0;
  bool operator==(const WorkloadUsage&) const = default;
};

enum class WorkloadPhase { kPending, kRunning, kSucceeded, kFailed };

struct WorkloadStatus {
  std::string name;
  std::string kind;
  WorkloadPhase phase = WorkloadPhase::kPending;
  std::string reason;  // of a failure, one sentence: "killed by signal 9", "exit code 2", "out of memory"
  int exit_code = 0;
  std::string address;  // replicas: "unix:/...sock" or "http://host:port", once it is running
  std::map<std::string, std::string> labels;
  std::optional<WorkloadUsage> usage;  // so far, a few seconds old at most; of the whole once it has ended
  std::string limits;  // how CPU and memory are limited here, said in `describe`: "cgroup v2 ..." or "rlimit ..."
};

inline bool IsAlive(const WorkloadStatus& workload) {
  return workload.phase == WorkloadPhase::kRunning || workload.phase == WorkloadPhase::kPending;
}

// Where things run. Level-triggered: the caller lists what is observed, compares it with what it wants, and starts or
// stops; each call may be repeated. Thread-safe. Calls return soon; they never wait for a workload.
class Substrate {
 public:
  virtual ~Substrate() = default;

  // Starting a name that exists already is no error and starts nothing: the same effect once.
  virtual Status Start(const WorkloadSpec& spec) = 0;
  // Asks it to end (SIGTERM), and kills it (SIGKILL, whole group) after `grace`. No error when it is gone.
  virtual Status Stop(const std::string& name, Duration grace) = 0;
  // Everything started and not yet forgotten, ended ones too.
  virtual Result<std::vector<WorkloadStatus>> List() = 0;
  // Drops an ended workload's record (its logs stay until the retention plan takes them).
  virtual Status Forget(const std::string& name) = 0;
  // A piece of its captured output from `offset`; the caller goes on at offset + size.
  virtual Result<std::string> ReadLog(const std::string& name, std::uint64_t offset, std::size_t at_most) = 0;
  virtual scheduling::Resources Capacity() = 0;
};

}  // namespace keelson::substrate
