#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "substrate/substrate.h"

namespace keelson::substrate {

struct LocalOptions {
  std::string data_folder;                            // DATA; workloads live below DATA/run
  scheduling::Resources capacity;                     // zero: the machine's cores and memory
  std::string program;                                // what "keelson" as command[0] means; "": this program
  std::string path = "/usr/local/bin:/usr/bin:/bin";  // PATH of the workloads
  std::string runtime_folder = "/tmp";  // where sockets go when DATA/run is too long for a socket's name (107 bytes)
  bool cgroups = true;                  // use control groups where they may be made
};

// Substrate over child processes of this one, each the leader of its own process group.
//
//   DATA/run/NAME.json      the record, from which a server that was killed adopts its children (pid, start time, boot
//   id) DATA/run/NAME.log       standard output and error DATA/run/NAME.sock      a replica's socket; its path replaces
//   "{socket}" in the command and the environment's values DATA/run/NAME.exit      exit code in decimal, if the
//   workload chooses to leave it (KEELSON_EXIT_FILE): an adopted child
//                           cannot be reaped, so without it its end is kFailed, "... exit unknown"
//   DATA/run/work/NAME      working folder when the specification names none; goes with Forget
//
// The environment is PATH, HOME, LANG, TZ, OMP_WAIT_POLICY, OMP_NUM_THREADS (the CPU asked for), KEELSON_LOCK (see
// orphan_watch.h), KEELSON_EXIT_FILE, KEELSON_WORKLOAD and the specification's own, which win.
//
// CPU and memory are limited by cgroup (v1 or v2) where groups may be made below our own, else by RLIMIT_AS (memory and
// 2 GiB of mappings) and priority alone; WorkloadStatus.limits says which. Training runs at nice 5, best effort at
// nice 10.
//
// Stop: SIGTERM to the group, SIGKILL to group and cgroup after the grace, by a thread of its own. Whatever the
// leader's end, the rest of its group is killed with it: no zombie, no orphan. Ended by Stop, a workload is kSucceeded
// when it exited with 0. Children outlive this object and the server. One server a data folder: the caller holds
// DATA/lock.
class LocalSubstrate {
 public:
  static Result<std::unique_ptr<Substrate>> Open(LocalOptions options, const Clock& clock);
};

}  // namespace keelson::substrate
