#include "substrate/local/launch.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/hash.h"
#include "io/os.h"

namespace keelson::substrate {
namespace {

constexpr std::uint64_t kMappings = std::uint64_t{2}
                                    << 30;  // address space of libraries, stacks and arenas, beside the memory
constexpr std::size_t kMaxSocketPath = sizeof(sockaddr_un{}.sun_path) - 1;

std::string Replaced(std::string text, const std::string& socket) {
  constexpr std::string_view kMark = "{socket}";
  for (std::size_t at = text.find(kMark); at != std::string::npos; at = text.find(kMark, at + socket.size())) {
    text.replace(at, kMark.size(), socket);
  }
  return text;
}

std::string SaidLimits(const scheduling::Resources& resources, bool by_cgroup, int version, int nice) {
  const std::string memory =
      resources.memory_bytes > 0 ? fmt::format("{} MiB", resources.memory_bytes >> 20) : "no limit";
  if (by_cgroup) {
    const std::string cpu = resources.cpu_milli > 0
                                ? fmt::format("{:g} cores", static_cast<double>(resources.cpu_milli) / 1000)
                                : "no limit";
    return fmt::format("cgroup v{}: memory {}, cpu {}", version, memory, cpu);
  }
  return fmt::format("rlimit: memory {}{}; cpu: nice {} only", memory,
                     resources.memory_bytes > 0 ? " (and 2 GiB of mappings)" : "", nice);
}

}  // namespace

Status CheckSpec(const WorkloadSpec& spec) {
  const bool sane = !spec.name.empty() && spec.name.size() <= 63 && std::ranges::all_of(spec.name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
  if (!sane) {
    return Fail(ErrorCode::kInvalidArgument, "a workload's name is 1 to 63 of [a-z0-9-]", spec.name.substr(0, 100));
  }
  if (spec.kind != "job" && spec.kind != "replica") {
    return Fail(ErrorCode::kInvalidArgument, "a workload's kind is \"job\" or \"replica\"", spec.name);
  }
  if (spec.command.empty() || spec.command[0].empty()) {
    return Fail(ErrorCode::kInvalidArgument, "a workload needs a command", spec.name);
  }
  return {};
}

LaunchPlan PlanLaunch(const WorkloadSpec& spec, const LocalOptions& options, const std::string& socket,
                      const std::vector<std::string>& cgroups, int cgroup_version) {
  const std::string run = options.data_folder + "/run";
  LaunchPlan plan;
  plan.socket = socket;
  io::SpawnOptions& spawn = plan.spawn;
  for (const std::string& argument : spec.command) spawn.command.push_back(Replaced(argument, socket));
  if (spec.command[0] == "keelson") spawn.command[0] = options.program;
  spawn.folder = spec.folder.empty() ? run + "/work/" + spec.name : spec.folder;
  spawn.output = run + "/" + spec.name + ".log";
  spawn.environment = {
      {"PATH", options.path},
      {"HOME", spawn.folder},
      {"LANG", "C.UTF-8"},
      {"TZ", "UTC"},
      {"OMP_WAIT_POLICY", "PASSIVE"},
      {"OMP_NUM_THREADS", std::to_string(std::max<std::int64_t>(1, (spec.resources.cpu_milli + 999) / 1000))},
      {"KEELSON_LOCK", options.data_folder + "/lock"},
      {"KEELSON_EXIT_FILE", run + "/" + spec.name + ".exit"},
      {"KEELSON_WORKLOAD", spec.name}};
  for (const auto& [name, value] : spec.environment) spawn.environment[name] = Replaced(value, socket);
  switch (spec.workload_class) {
    case scheduling::WorkloadClass::kSystem:
      break;
    case scheduling::WorkloadClass::kInference:
      spawn.oom_score_adjust = 200;
      break;
    case scheduling::WorkloadClass::kTraining:
      spawn.nice = 5;
      spawn.oom_score_adjust = 500;
      break;
    case scheduling::WorkloadClass::kBestEffort:
      spawn.nice = 10;
      spawn.oom_score_adjust = 800;
      break;
  }
  spawn.cgroups = cgroups;
  if (cgroups.empty() && spec.resources.memory_bytes > 0) {
    spawn.memory_limit_bytes = static_cast<std::uint64_t>(spec.resources.memory_bytes) + kMappings;
  }
  plan.limits = SaidLimits(spec.resources, !cgroups.empty(), cgroup_version, spawn.nice);
  return plan;
}

Result<std::string> SocketPath(const LocalOptions& options, const std::string& name) {
  std::string path = fmt::format("{}/run/{}.sock", options.data_folder, name);
  if (path.size() <= kMaxSocketPath) return path;
  const std::string folder =
      fmt::format("{}/keelson-{}", options.runtime_folder, Sha256::Hex(options.data_folder).substr(0, 16));
  path = fmt::format("{}/{}.sock", folder, name);
  if (path.size() > kMaxSocketPath) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("a socket's path may have {} bytes", kMaxSocketPath), path);
  }
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    return io::OsFail(errno, "make the folder of sockets", folder);
  struct stat info {};
  if (lstat(folder.c_str(), &info) != 0) return io::OsFail(errno, "read the folder of sockets", folder);
  if (!S_ISDIR(info.st_mode) || info.st_uid != geteuid() || (info.st_mode & 0077) != 0) {
    return Fail(ErrorCode::kPermissionDenied, "the folder of sockets is not ours alone (a folder of mode 0700)",
                folder);
  }
  return path;
}

}  // namespace keelson::substrate
