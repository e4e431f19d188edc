#pragma once

#include <string>

#include "io/process.h"
#include "substrate/local/cgroup.h"
#include "substrate/local/local_substrate.h"
#include "substrate/substrate.h"

namespace keelson::substrate {

// How one workload is started on this machine: pure, from the specification and the options.
struct LaunchPlan {
  io::SpawnOptions spawn;  // without before_exec
  std::string socket;      // for "{socket}"
  std::string limits;      // said in `describe`
};

// kInvalidArgument for a bad name, kind or command.
Status CheckSpec(const WorkloadSpec& spec);

// `cgroups`: the folders made for it, empty when rlimits have to do.
LaunchPlan PlanLaunch(const WorkloadSpec& spec, const LocalOptions& options, const std::string& socket,
                      const std::vector<std::string>& cgroups, int cgroup_version);

// Where the socket of `name` goes: DATA/run, or a folder of mode 0700 in the runtime folder when that is too long.
// Makes it.
Result<std::string> SocketPath(const LocalOptions& options, const std::string& name);

}  // namespace keelson::substrate
