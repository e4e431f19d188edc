#include "substrate/local/cgroup.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <optional>

#include "base/strings.h"
#include "io/files.h"
#include "io/os.h"

namespace keelson::substrate {
namespace {

constexpr std::int64_t kPeriodMicros = 100'000;

// Control files are written in place, in one write.
Status WriteControl(const std::string& path, const std::string& value) {
  KEELSON_ASSIGN_OR_RETURN(const io::Fd file, io::OpenFile(path, O_WRONLY));
  return io::WriteAll(file.get(), value, path);
}

Status LimitGroup(int version, const std::string& controller, const std::string& folder,
                  const scheduling::Resources& limits) {
  const bool both = version == 2;
  if (limits.memory_bytes > 0 && (both || controller == "memory")) {
    const char* const file = both ? "memory.max" : "memory.limit_in_bytes";
    KEELSON_RETURN_IF_ERROR(WriteControl(folder + "/" + file, std::to_string(limits.memory_bytes)));
  }
  if (limits.cpu_milli > 0 && (both || controller == "cpu")) {
    const std::int64_t quota = limits.cpu_milli * kPeriodMicros / 1000;
    if (both) return WriteControl(folder + "/cpu.max", fmt::format("{} {}", quota, kPeriodMicros));
    KEELSON_RETURN_IF_ERROR(WriteControl(folder + "/cpu.cfs_period_us", std::to_string(kPeriodMicros)));
    return WriteControl(folder + "/cpu.cfs_quota_us", std::to_string(quota));
  }
  return {};
}

Status MakeGroup(const std::string& folder) {
  if (mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST) return io::OsFail(errno, "make the control group", folder);
  return {};
}

}  // namespace

Cgroups Cgroups::Detect(const std::string& own, const std::string& root, const std::string& trial_name) {
  // Lines "number:controllers:path"; v2 is "0::path".
  std::optional<std::string> memory;
  std::optional<std::string> cpu;
  std::optional<std::string> unified;
  for (const std::string_view line : Split(own, '\n')) {
    const auto parts = Split(line, ':');
    if (parts.size() < 3) continue;
    std::string path(line.substr(parts[0].size() + parts[1].size() + 2));
    if (path == "/") path.clear();
    if (parts[1].empty()) unified = path;
    for (const std::string_view controller : Split(parts[1], ',')) {
      if (controller == "memory") memory = root + "/" + std::string(parts[1]) + path;
      if (controller == "cpu") cpu = root + "/" + std::string(parts[1]) + path;
    }
  }
  const auto usable = [&](int version, std::vector<std::pair<std::string, std::string>> parents) {
    Cgroups candidate;
    candidate.version_ = version;
    candidate.parents_ = std::move(parents);
    const auto made = candidate.Make(trial_name, {1000, std::int64_t{64} << 20});
    if (made.has_value()) Remove(*made);
    return made.has_value() ? std::optional(candidate) : std::nullopt;
  };
  if (memory.has_value() && cpu.has_value()) {
    if (auto v1 = usable(1, {{"memory", *memory}, {"cpu", *cpu}})) return *v1;
  } else if (unified.has_value()) {
    if (auto v2 = usable(2, {{"", root + *unified}})) return *v2;
  }
  return {};
}

Result<std::vector<std::string>> Cgroups::Make(const std::string& name, const scheduling::Resources& limits) const {
  std::vector<std::string> folders;
  for (const auto& [controller, parent] : parents_) {
    const std::string folder = parent + "/" + name;
    Status made = MakeGroup(folder);
    if (made.has_value()) {
      folders.push_back(folder);
      made = LimitGroup(version_, controller, folder, limits);
    }
    if (!made.has_value()) {
      Remove(folders);
      return std::unexpected(made.error());
    }
  }
  return folders;
}

std::uint64_t Cgroups::OutOfMemoryKills(const std::vector<std::string>& folders) {
  for (const std::string& folder : folders) {
    for (const char* name : {"/memory.events", "/memory.oom_control"}) {
      const auto text = io::ReadFile(folder + name, 1 << 16);
      if (!text.has_value()) continue;
      for (const std::string_view line : Split(*text, '\n')) {
        if (!line.starts_with("oom_kill ")) continue;
        return static_cast<std::uint64_t>(ParseInt(line.substr(9)).value_or(0));
      }
    }
  }
  return 0;
}

void Cgroups::KillAll(const std::vector<std::string>& folders) {
  for (const std::string& folder : folders) {
    const auto text = io::ReadFile(folder + "/cgroup.procs", 1 << 20);
    if (!text.has_value()) continue;
    for (const std::string_view line : Split(*text, '\n')) {
      if (const auto pid = ParseInt(line); pid.has_value() && *pid > 1) kill(static_cast<pid_t>(*pid), SIGKILL);
    }
  }
}

void Cgroups::Remove(const std::vector<std::string>& folders) {
  for (const std::string& folder : folders) rmdir(folder.c_str());
}

}  // namespace keelson::substrate
