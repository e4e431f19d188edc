#include "substrate/local/local_substrate.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "base/hash.h"
#include "base/log.h"
#include "base/strings.h"
#include "io/files.h"
#include "io/os.h"
#include "substrate/local/launch.h"
#include "substrate/local/workload_record.h"

namespace keelson::substrate {
namespace {

using TimePoint = std::chrono::steady_clock::time_point;

constexpr auto kMeasureAgain = std::chrono::seconds(5);  // what a workload uses

bool IsEnded(WorkloadPhase phase) {
  return phase == WorkloadPhase::kSucceeded || phase == WorkloadPhase::kFailed;
}

struct Entry {
  WorkloadRecord record;
  io::Fd pidfd;                         // readable when the process has ended; none for an old kernel
  std::optional<TimePoint> kill_after;  // Stop was called
  std::optional<TimePoint> measured;
  bool killed = false;  // the grace ran out
  bool adopted = false;
};

class LocalSubstrateImpl final : public Substrate {
 public:
  LocalSubstrateImpl(LocalOptions options, const Clock& clock, io::Fd wake)
      : options_(std::move(options)), clock_(clock), run_(options_.data_folder + "/run"), wake_(std::move(wake)) {}

  ~LocalSubstrateImpl() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    Wake();
    if (thread_.joinable()) thread_.join();
  }

  Status Adopt();
  Status Start(const WorkloadSpec& spec) override;
  Status Stop(const std::string& name, Duration grace) override;
  Result<std::vector<WorkloadStatus>> List() override;
  Status Forget(const std::string& name) override;
  Result<std::string> ReadLog(const std::string& name, std::uint64_t offset, std::size_t at_most) override;
  scheduling::Resources Capacity() override { return options_.capacity; }

 private:
  std::string RecordPath(const std::string& name) const { return run_ + "/" + name + ".json"; }
  Status Store(const WorkloadRecord& record) const {
    return io::WriteFileAtomically(RecordPath(record.status.name), WriteRecord(record));
  }
  Status Launch(const WorkloadSpec& spec, WorkloadRecord& record);
  void SetRunning(Entry& entry, WorkloadRecord record, bool adopted);
  void Watch();
  void Look();
  void Measure(Entry& entry);
  void Finish(const std::string& name, Entry& entry, const io::ExitStatus& exit);
  void Wake() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = write(wake_.get(), &one, sizeof one);
  }

  const LocalOptions options_;
  const Clock& clock_;
  const std::string run_;
  const io::Fd wake_;
  Cgroups cgroups_;

  std::mutex mutex_;
  std::map<std::string, Entry> entries_;
  bool stopping_ = false;
  std::thread thread_;  // reaps, and kills after the grace
};

void LocalSubstrateImpl::SetRunning(Entry& entry, WorkloadRecord record, bool adopted) {
  entry.record = std::move(record);
  entry.adopted = adopted;
  const long pidfd = syscall(SYS_pidfd_open, entry.record.process->pid, 0);
  if (pidfd >= 0) entry.pidfd.Reset(static_cast<int>(pidfd));
}

// Before any other thread: what an earlier server left on disk.
Status LocalSubstrateImpl::Adopt() {
  KEELSON_RETURN_IF_ERROR(io::MakeFolders(run_ + "/work"));
  if (options_.cgroups) {
    const auto own = io::ReadFile("/proc/self/cgroup", 1 << 16);
    if (own.has_value()) cgroups_ = Cgroups::Detect(*own, "/sys/fs/cgroup", fmt::format("keelson-trial-{}", getpid()));
  }
  KEELSON_ASSIGN_OR_RETURN(const auto names, io::ListFolder(run_));
  for (const std::string& name : names) {
    if (!name.ends_with(".json")) continue;
    const std::string path = run_ + "/" + name;
    KEELSON_ASSIGN_OR_RETURN(const std::string text, io::ReadFile(path, 1 << 20));
    KEELSON_ASSIGN_OR_RETURN(WorkloadRecord record, ReadRecord(text, path));
    if (!record.process.has_value() && !IsEnded(record.status.phase)) {
      // Killed between the record and the spawn: its program never ran, so it was never started.
      Cgroups::Remove(record.cgroups);
      KEELSON_RETURN_IF_ERROR(io::RemoveTree(path));
      continue;
    }
    Entry& entry = entries_[record.status.name];
    if (IsEnded(record.status.phase)) {
      entry.record = std::move(record);
    } else {
      SetRunning(entry, std::move(record), true);
    }
  }
  Look();
  thread_ = std::thread([this] { Watch(); });
  return {};
}

Status LocalSubstrateImpl::Start(const WorkloadSpec& spec) {
  KEELSON_RETURN_IF_ERROR(CheckSpec(spec));
  WorkloadRecord record;
  record.status.name = spec.name;
  record.status.kind = spec.kind;
  record.status.labels = spec.labels;
  record.project = spec.project;
  {
    const std::lock_guard lock(mutex_);
    const auto [entry, added] = entries_.try_emplace(spec.name);
    if (!added) return {};
    entry->second.record =
        record;  // kPending: from here on the name is taken, and no lock is held while it is launched
  }
  Status launched = Launch(spec, record);

  const std::lock_guard lock(mutex_);
  Entry& entry = entries_[spec.name];
  if (launched.has_value()) {
    SetRunning(entry, std::move(record), false);
    if (entry.kill_after.has_value()) (void)io::SignalGroup(*entry.record.process, SIGTERM);
    Wake();
    return {};
  }
  Cgroups::Remove(record.cgroups);
  record.cgroups.clear();
  record.process.reset();
  const ErrorCode code = launched.error().code;
  if (code == ErrorCode::kNotFound || code == ErrorCode::kPermissionDenied || code == ErrorCode::kInvalidArgument) {
    // The command itself is wrong: that is how this workload ended, and to try again would not help.
    record.status.phase = WorkloadPhase::kFailed;
    record.status.reason = launched.error().ToString();
    record.status.exit_code = 127;
    launched = Store(record);
    if (launched.has_value()) {
      entry.record = std::move(record);
      return {};
    }
  }
  entries_.erase(spec.name);
  (void)io::RemoveTree(RecordPath(spec.name));
  return launched;
}

// Fills `record` on the way: what it holds is on disk before it takes effect.
Status LocalSubstrateImpl::Launch(const WorkloadSpec& spec, WorkloadRecord& record) {
  KEELSON_ASSIGN_OR_RETURN(record.socket, SocketPath(options_, spec.name));
  if (!cgroups_.none()) {
    const std::string group = fmt::format("keelson-{}-{}", Sha256::Hex(options_.data_folder).substr(0, 8), spec.name);
    auto made = cgroups_.Make(group, spec.resources);
    if (made.has_value()) {
      record.cgroups = std::move(*made);
    } else {
      LogWarning("no control group for a workload", {{"workload", spec.name}, {"error", made.error().ToString()}});
    }
  }
  LaunchPlan plan = PlanLaunch(spec, options_, record.socket, record.cgroups, cgroups_.version());
  record.status.limits = plan.limits;
  KEELSON_RETURN_IF_ERROR(Store(record));
  if (spec.folder.empty()) KEELSON_RETURN_IF_ERROR(io::MakeFolders(plan.spawn.folder));
  for (const std::string& old : {record.socket, run_ + "/" + spec.name + ".exit"})
    KEELSON_RETURN_IF_ERROR(io::RemoveTree(old));
  plan.spawn.before_exec = [&](const io::ProcessId& process) -> Status {
    record.process = process;
    record.status.phase = WorkloadPhase::kRunning;
    if (spec.kind == "replica") record.status.address = "unix:" + record.socket;
    return Store(record);
  };
  KEELSON_RETURN_IF_ERROR(io::Spawn(plan.spawn));
  return {};
}

Status LocalSubstrateImpl::Stop(const std::string& name, Duration grace) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(name);
  if (found == entries_.end() || IsEnded(found->second.record.status.phase)) return {};
  Entry& entry = found->second;
  const TimePoint deadline = clock_.MonotonicNow() + grace;
  const bool first = !entry.kill_after.has_value();
  if (first || deadline < *entry.kill_after) entry.kill_after = deadline;
  if (first && entry.record.process.has_value())
    KEELSON_RETURN_IF_ERROR(io::SignalGroup(*entry.record.process, SIGTERM));
  Wake();
  return {};
}

Result<std::vector<WorkloadStatus>> LocalSubstrateImpl::List() {
  const std::lock_guard lock(mutex_);
  std::vector<WorkloadStatus> all;
  for (auto& [name, entry] : entries_) {
    Measure(entry);
    WorkloadStatus& status = all.emplace_back(entry.record.status);
    status.address =
        status.phase == WorkloadPhase::kRunning && status.kind == "replica" ? "unix:" + entry.record.socket : "";
  }
  return all;
}

void LocalSubstrateImpl::Measure(Entry& entry) {
  const auto now = clock_.MonotonicNow();
  if (entry.record.status.phase != WorkloadPhase::kRunning || !entry.record.process.has_value()) return;
  if (entry.measured && now - *entry.measured < kMeasureAgain) return;
  entry.measured = now;
  if (const auto used = io::UsageOf(*entry.record.process)) {
    entry.record.status.usage = WorkloadUsage{used->cpu, used->peak_memory_bytes};
  }
}

Status LocalSubstrateImpl::Forget(const std::string& name) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(name);
    if (found == entries_.end()) return {};
    if (!IsEnded(found->second.record.status.phase)) {
      return Fail(ErrorCode::kFailedPrecondition, "the workload still runs: stop it first", name);
    }
    Cgroups::Remove(found->second.record.cgroups);  // again: at the end someone inside may still have been dying
    KEELSON_RETURN_IF_ERROR(io::RemoveTree(RecordPath(name)));
    entries_.erase(found);
  }
  KEELSON_RETURN_IF_ERROR(io::RemoveTree(run_ + "/" + name + ".exit"));
  return io::RemoveTree(run_ + "/work/" + name);
}

Result<std::string> LocalSubstrateImpl::ReadLog(const std::string& name, std::uint64_t offset, std::size_t at_most) {
  KEELSON_ASSIGN_OR_RETURN(const std::string path, io::SafeJoin(run_, name + ".log"));
  const auto file = io::OpenFile(path, O_RDONLY);
  if (!file.has_value()) {
    const std::lock_guard lock(mutex_);
    if (file.error().code == ErrorCode::kNotFound && entries_.contains(name)) return std::string();  // not begun yet
    return std::unexpected(file.error());
  }
  std::string piece(std::min<std::size_t>(at_most, 16u << 20), '\0');
  KEELSON_ASSIGN_OR_RETURN(const std::size_t got, io::ReadAt(file->get(), piece.data(), piece.size(), offset, path));
  piece.resize(got);
  return piece;
}

void LocalSubstrateImpl::Watch() {
  for (;;) {
    std::vector<pollfd> files = {{wake_.get(), POLLIN, 0}};
    int timeout = -1;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      for (const auto& [name, entry] : entries_) {
        if (IsEnded(entry.record.status.phase) || !entry.record.process.has_value()) continue;
        std::chrono::milliseconds wait(-1);
        if (entry.pidfd.valid()) {
          files.push_back({entry.pidfd.get(), POLLIN, 0});
        } else {
          wait = std::chrono::milliseconds(50);
        }
        if (entry.kill_after.has_value() && !entry.killed) {
          const auto left = std::chrono::ceil<std::chrono::milliseconds>(*entry.kill_after - clock_.MonotonicNow());
          wait = std::clamp(left, std::chrono::milliseconds(0), std::chrono::milliseconds(1000));
        }
        if (wait.count() >= 0 && (timeout < 0 || wait.count() < timeout)) timeout = static_cast<int>(wait.count());
      }
    }
    poll(files.data(), files.size(), timeout);
    if (files[0].revents != 0) {
      std::uint64_t count = 0;
      [[maybe_unused]] const ssize_t drained = read(wake_.get(), &count, sizeof count);
    }
    Look();
  }
}

void LocalSubstrateImpl::Look() {
  const std::lock_guard lock(mutex_);
  for (auto& [name, entry] : entries_) {
    if (IsEnded(entry.record.status.phase) || !entry.record.process.has_value()) continue;
    io::ProcessUsage used;
    if (const auto exit = io::TryReap(*entry.record.process, &used); exit.has_value()) {
      if (used != io::ProcessUsage{}) entry.record.status.usage = WorkloadUsage{used.cpu, used.peak_memory_bytes};
      Finish(name, entry, *exit);
    } else if (entry.kill_after.has_value() && !entry.killed && clock_.MonotonicNow() >= *entry.kill_after) {
      entry.killed = true;
      (void)io::SignalGroup(*entry.record.process, SIGKILL);
      Cgroups::KillAll(entry.record.cgroups);
    }
  }
}

// The leader has ended: takes the rest of its group along, finds out how it ended, and records it.
void LocalSubstrateImpl::Finish(const std::string& name, Entry& entry, const io::ExitStatus& exit) {
  WorkloadRecord& record = entry.record;
  (void)io::SignalGroup(*record.process, SIGKILL);
  Cgroups::KillAll(record.cgroups);
  const bool out_of_memory = Cgroups::OutOfMemoryKills(record.cgroups) > 0;

  std::optional<int> code;
  if (exit.code >= 0) code = exit.code;
  if (!code.has_value() && exit.signal == 0) {
    const auto left = io::ReadFile(run_ + "/" + name + ".exit", 64);
    const auto number = left.has_value() ? ParseInt(Trim(*left)) : std::nullopt;
    if (number.has_value() && *number >= 0 && *number <= 255) code = static_cast<int>(*number);
  }
  WorkloadStatus& status = record.status;
  status.phase = code == 0 ? WorkloadPhase::kSucceeded : WorkloadPhase::kFailed;
  status.exit_code = code.value_or(-1);
  if (exit.signal != 0) status.exit_code = 128 + exit.signal;
  if (code == 0) {
    status.reason.clear();
  } else if (out_of_memory) {
    status.reason = fmt::format("out of memory: killed at its limit ({})", status.limits);
  } else if (entry.kill_after.has_value()) {
    status.reason = entry.killed ? "stopped: killed after its grace ran out" : "stopped";
  } else if (code.has_value()) {
    status.reason = fmt::format("exit code {}", *code);
  } else if (exit.signal != 0) {
    status.reason = fmt::format("killed by signal {}", exit.signal);
  } else {
    status.reason = "ended while the server was away or after it was adopted; exit unknown";
  }
  status.address.clear();
  entry.pidfd.Reset();
  (void)io::RemoveTree(record.socket);
  Cgroups::Remove(record.cgroups);
  if (const Status stored = Store(record); !stored.has_value()) {
    // The state in memory stands; after a restart the process is gone and the end is told then, its code unknown.
    LogError("could not record a workload's end", {{"workload", name}, {"error", stored.error().ToString()}});
  }
}

scheduling::Resources MachineCapacity() {
  scheduling::Resources capacity;
  capacity.cpu_milli = std::int64_t{1000} * std::max(1u, std::thread::hardware_concurrency());
  capacity.memory_bytes = static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
  return capacity;
}

}  // namespace

Result<std::unique_ptr<Substrate>> LocalSubstrate::Open(LocalOptions options, const Clock& clock) {
  if (!options.data_folder.starts_with('/')) {
    return Fail(ErrorCode::kInvalidArgument, "the data folder must be an absolute path", options.data_folder);
  }
  const scheduling::Resources machine = MachineCapacity();
  if (options.capacity.cpu_milli == 0) options.capacity.cpu_milli = machine.cpu_milli;
  if (options.capacity.memory_bytes == 0) options.capacity.memory_bytes = machine.memory_bytes;
  if (options.program.empty()) options.program = io::ExecutablePath();
  io::Fd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.valid()) return io::OsFail(errno, "make an event descriptor", options.data_folder);
  auto substrate = std::make_unique<LocalSubstrateImpl>(std::move(options), clock, std::move(wake));
  KEELSON_RETURN_IF_ERROR(substrate->Adopt());
  return substrate;
}

}  // namespace keelson::substrate
