#include "io/process.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <csignal>

#include "base/strings.h"
#include "io/files.h"
#include "io/os.h"

namespace keelson::io {
namespace {

struct ProcessStat {
  char state = 'X';
  std::uint64_t start_ticks = 0;
  std::int64_t cpu_ticks = 0;  // its own and those of the children that it has waited for
};

constexpr std::int64_t kMicros = 1'000'000;

std::string BootId() {
  const auto text = ReadFile("/proc/sys/kernel/random/boot_id", 4096);
  return text.has_value() ? std::string(Trim(*text)) : std::string();
}

std::optional<ProcessStat> ReadStat(pid_t pid) {
  const auto text = ReadFile("/proc/" + std::to_string(pid) + "/stat", 1 << 16);
  if (!text.has_value()) return std::nullopt;
  // The name, second of all, may hold spaces and brackets: what follows its last bracket begins with the third field.
  const std::size_t name_end = text->rfind(')');
  if (name_end == std::string::npos || name_end + 2 >= text->size()) return std::nullopt;
  const auto fields = Split(std::string_view(*text).substr(name_end + 2), ' ');
  if (fields.size() < 20 || fields[0].empty()) return std::nullopt;
  const auto ticks = ParseInt(fields[19]);
  if (!ticks.has_value()) return std::nullopt;
  ProcessStat stat{fields[0][0], static_cast<std::uint64_t>(*ticks), 0};
  for (std::size_t field = 11; field <= 14; ++field) stat.cpu_ticks += ParseInt(fields[field]).value_or(0);
  return stat;
}

// The process's state while it, and no later owner of its pid, is there (a zombie is).
std::optional<ProcessStat> StatOf(const ProcessId& process) {
  if (process.pid <= 0 || process.boot_id != BootId()) return std::nullopt;
  const auto stat = ReadStat(process.pid);
  if (!stat.has_value() || stat->start_ticks != process.start_ticks) return std::nullopt;
  return stat;
}

bool IsEnded(char state) {
  return state == 'Z' || state == 'X' || state == 'x';
}

// The number of a line "NAME:   1234 kB" of a file of /proc.
std::optional<std::int64_t> KilobytesAt(std::string_view text, std::string_view name) {
  for (const std::string_view line : Split(text, '\n')) {
    if (!line.starts_with(name)) continue;
    std::string_view number = Trim(line.substr(name.size()));
    if (number.ends_with(" kB")) number.remove_suffix(3);
    if (const auto value = ParseInt(Trim(number)); value.has_value() && *value >= 0) return value;
  }
  return std::nullopt;
}

}  // namespace

Result<ProcessId> FindProcess(pid_t pid) {
  const auto stat = ReadStat(pid);
  if (!stat.has_value()) return Fail(ErrorCode::kNotFound, "no such process", std::to_string(pid));
  return ProcessId{pid, stat->start_ticks, BootId()};
}

Result<ProcessId> Self() {
  return FindProcess(getpid());
}

bool IsAlive(const ProcessId& process) {
  const auto stat = StatOf(process);
  return stat.has_value() && !IsEnded(stat->state);
}

std::optional<ProcessUsage> UsageOf(const ProcessId& process) {
  const auto stat = StatOf(process);
  if (!stat.has_value() || IsEnded(stat->state)) return std::nullopt;
  const auto text = ReadFile("/proc/" + std::to_string(process.pid) + "/status", 1 << 16);
  if (!text.has_value()) return std::nullopt;
  const auto peak = KilobytesAt(*text, "VmHWM:");
  if (!peak.has_value()) return std::nullopt;
  static const std::int64_t ticks_a_second = sysconf(_SC_CLK_TCK);
  return ProcessUsage{std::chrono::microseconds(stat->cpu_ticks * kMicros / ticks_a_second), *peak * 1024};
}

std::optional<ExitStatus> TryReap(const ProcessId& process, ProcessUsage* usage) {
  // A zombie keeps its pid, so after this check the pid cannot belong to another child of ours.
  const auto stat = StatOf(process);
  if (!stat.has_value()) return ExitStatus{};
  int status = 0;
  pid_t reaped = 0;
  rusage used{};
  do {
    reaped = wait4(process.pid, &status, WNOHANG, &used);
  } while (reaped < 0 && errno == EINTR);
  if (reaped == 0) return std::nullopt;
  if (reaped < 0) {  // not our child
    if (!IsEnded(stat->state)) return std::nullopt;
    return ExitStatus{};
  }
  if (usage != nullptr) {
    const auto micros = [](const timeval& time) { return time.tv_sec * kMicros + time.tv_usec; };
    *usage = {std::chrono::microseconds(micros(used.ru_utime) + micros(used.ru_stime)),
              std::int64_t{used.ru_maxrss} * 1024};
  }
  if (WIFSIGNALED(status)) return ExitStatus{-1, WTERMSIG(status)};
  return ExitStatus{WEXITSTATUS(status), 0};
}

Status SignalGroup(const ProcessId& process, int signal) {
  if (process.pid <= 1 || process.boot_id != BootId()) return {};
  // Without the leader its number still names the group while anyone is in it, and is given to nobody else until then.
  if (const auto stat = ReadStat(process.pid); stat.has_value() && stat->start_ticks != process.start_ticks) return {};
  if (kill(-process.pid, signal) != 0 && errno != ESRCH) {
    return OsFail(errno, "signal the process group", std::to_string(process.pid));
  }
  return {};
}

std::optional<std::uint64_t> ProportionalSetSizeKb(pid_t pid) {
  const auto text = ReadFile("/proc/" + std::to_string(pid) + "/smaps_rollup", 1 << 16);
  if (!text.has_value()) return std::nullopt;
  return KilobytesAt(*text, "Pss:");
}

std::string ExecutablePath() {
  char path[PATH_MAX];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof path);
  if (size <= 0) return {};
  std::string_view found(path, static_cast<std::size_t>(size));
  // The kernel's mark on a program that was replaced while it ran: the new one is at the same path.
  constexpr std::string_view kDeleted = " (deleted)";
  if (found.ends_with(kDeleted)) found.remove_suffix(kDeleted.size());
  return std::string(found);
}

}  // namespace keelson::io
