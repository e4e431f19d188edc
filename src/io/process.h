#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
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
  std::vector<std::string> command;                // command[0] is a path, or a name looked up in PATH of `environment`
  std::map<std::string, std::string> environment;  // the whole of it
  std::string folder;                              // working folder
  std::string output;                              // file that standard output and error are appended to
  std::optional<std::uint64_t> memory_limit_bytes;  // RLIMIT_AS when no cgroup does it (caller decides)
  std::vector<std::string> cgroups;                 // cgroup folders to enter before exec (v1: one a controller)
  int nice = 0;                                     // beyond our own, to 19 in all
  bool own_group = true;     // false: stays in ours and is killed with us; then SignalGroup is not for it
  int oom_score_adjust = 0;  // 0 to 1000: how much sooner than others the kernel kills it when memory runs out

  // Called in the parent when the child exists and waits before its exec. An error ends the child, and Spawn returns
  // it; so does the parent's death at this point. A caller that records the process here can never lose sight of it.
  std::function<Status(const ProcessId&)> before_exec;
};

// Starts a child as the leader of its own process group, with default signals, no core file and no descriptor but 0
// (/dev/null), 1 and 2 (the output). Returns when its program runs; kNotFound or kPermissionDenied when it cannot be
// executed, each failing step with the operating system's reason. The child lives on when its parent dies. It is reaped
// by TryReap. Safe from any thread. SIGCHLD must not be ignored by the caller.
Result<ProcessId> Spawn(const SpawnOptions& options);

// False for a zombie. Also for processes that we did not start (adopted after a restart).
bool IsAlive(const ProcessId& process);

// The end of a process, without blocking: nothing while it runs. Only a parent learns how it ended, and once: for an
// adopted process, or one reaped before, both fields keep their defaults.
struct ExitStatus {
  int code = -1;   // exit code, when it exited
  int signal = 0;  // the signal, when it was killed
  bool operator==(const ExitStatus&) const = default;
};
// What a process has used, by the kernel's counts. Of a child that was reaped with everything that it had waited for
// itself; the memory is that of the largest one of them.
struct ProcessUsage {
  std::chrono::microseconds cpu{};
  std::int64_t peak_memory_bytes = 0;  // resident
  bool operator==(const ProcessUsage&) const = default;
};

// `usage`, when given, is set when a child of ours has been reaped, and left alone otherwise.
std::optional<ExitStatus> TryReap(const ProcessId& process, ProcessUsage* usage = nullptr);
// Of one that runs, so far. Nothing when it cannot be read or the process has ended.
std::optional<ProcessUsage> UsageOf(const ProcessId& process);

// Signals the whole group that the process leads, also when only others of the group are left. No error when it is
// gone; a process that has got its pid since is left alone.
Status SignalGroup(const ProcessId& process, int signal);

std::optional<std::uint64_t> ProportionalSetSizeKb(pid_t pid);  // PSS from smaps_rollup; nothing when it cannot be read
Result<ProcessId> Self();
Result<ProcessId> FindProcess(pid_t pid);  // kNotFound when there is none
std::string ExecutablePath();              // of this program

}  // namespace keelson::io
