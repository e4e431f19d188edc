#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace keelson::io {

// One running process, named so that a reused pid is never mistaken for it.
struct ProcessId {
  pid_t pid = 0;
  std::uint64_t start_ticks = 0;  // field 22 of /proc/PID/stat
  std::string boot_id;            // /proc/sys/kernel/random/boot_id

  bool operator==(const ProcessId&) const = default;
};

struct SpawnOptions {
  std::vector<std::string> command;  // command[0] is a path, or a name looked up in PATH
  std::map<std::string, std::string> environment;  // the whole of it
  std::string folder;                // working folder
  std::string output;                // file that standard output and error are appended to
  std::optional<std::uint64_t> memory_limit_bytes;  // RLIMIT_AS when no cgroup does it (caller decides)
  std::optional<std::string> cgroup;  // a cgroup folder to enter before exec
  int nice = 0;
};

// Starts a child in its own process group, with no descriptor inherited but the output. It is reaped by WaitExited.
Result<ProcessId> Spawn(const SpawnOptions& options);

bool IsAlive(const ProcessId& process);  // also for processes that we did not start (adopted after a restart)
// Exit of one of our own children, without blocking: nothing while it runs. For an adopted process the code is unknown (-1).
struct ExitStatus {
  int code = -1;    // exit code, when it exited
  int signal = 0;   // the signal, when it was killed
};
std::optional<ExitStatus> TryReap(const ProcessId& process);
Status SignalGroup(const ProcessId& process, int signal);  // the whole group; no error when it is gone
std::optional<std::uint64_t> ProportionalSetSizeKb(pid_t pid);  // PSS from smaps_rollup
Result<ProcessId> Self();
std::string ExecutablePath();  // of this program

}  // namespace keelson::io
