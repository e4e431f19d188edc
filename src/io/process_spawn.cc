// Spawn of io/process.h.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/close_range.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <mutex>

#include "base/strings.h"
#include "io/os.h"
#include "io/process.h"

namespace keelson::io {
namespace {

// The steps of the child between fork and exec, in their order, for the message about the one that failed.
enum Step : int { kEnterCgroup, kSetLimit, kSetNice, kEnterFolder, kMoveDescriptors, kExecute };
constexpr const char* kStepNames[] = {"enter the cgroup of", "limit the memory of",   "set the priority of",
                                      "enter the folder of", "prepare the output of", "execute"};

constexpr int kNicest = 19;

struct StepFailure {
  int step = 0;
  int error_number = 0;
};

// Everything that the child needs, made before the fork: between fork and exec a child of a program with threads may
// neither allocate nor lock.
struct ChildPlan {
  std::string program;
  std::string folder;
  std::vector<char*> arguments;
  std::vector<char*> environment;
  std::vector<int> cgroup_files;
  std::optional<rlim_t> memory_limit;
  int nice = 0;
  bool own_group = true;
  int oom_file = -1;
  std::string_view oom_text;
  int null_file = -1;
  int output_file = -1;
  int go_pipe = -1;       // one byte: go on to exec; its end: the parent died or gave up
  int failure_pipe = -1;  // a StepFailure; its end without one: exec has happened
};

[[noreturn]] void FailChild(int pipe, Step step) {
  const StepFailure failure{step, errno};
  // When nobody reads it any more there is nobody to tell.
  [[maybe_unused]] const ssize_t written = write(pipe, &failure, sizeof failure);
  _exit(127);
}

// In the child; only async-signal-safe calls.
[[noreturn]] void RunChild(const ChildPlan& plan) {
  if (plan.own_group) setpgid(0, 0);
  for (int number = 1; number < NSIG; ++number) {
    if (number != SIGKILL && number != SIGSTOP) signal(number, SIG_DFL);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);

  for (const int file : plan.cgroup_files) {
    if (write(file, "0", 1) != 1) FailChild(plan.failure_pipe, kEnterCgroup);
  }
  // Best effort: without it the kernel only chooses its victim by size alone.
  if (plan.oom_file >= 0) {
    [[maybe_unused]] const ssize_t written = write(plan.oom_file, plan.oom_text.data(), plan.oom_text.size());
  }
  const struct rlimit no_core {
    0, 0
  };
  setrlimit(RLIMIT_CORE, &no_core);
  if (plan.memory_limit.has_value()) {
    const struct rlimit limit {
      *plan.memory_limit, *plan.memory_limit
    };
    if (setrlimit(RLIMIT_AS, &limit) != 0) FailChild(plan.failure_pipe, kSetLimit);
  }
  if (plan.nice != 0 && setpriority(PRIO_PROCESS, 0, plan.nice) != 0) FailChild(plan.failure_pipe, kSetNice);
  if (!plan.folder.empty() && chdir(plan.folder.c_str()) != 0) FailChild(plan.failure_pipe, kEnterFolder);

  char go = 0;
  ssize_t got = 0;
  do {
    got = read(plan.go_pipe, &go, 1);
  } while (got < 0 && errno == EINTR);
  if (got != 1) _exit(127);

  if (dup2(plan.null_file, 0) < 0 || dup2(plan.output_file, 1) < 0 || dup2(plan.output_file, 2) < 0) {
    FailChild(plan.failure_pipe, kMoveDescriptors);
  }
  // All else closes at exec, also what another thread opened without O_CLOEXEC.
  if (syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC) != 0) FailChild(plan.failure_pipe, kMoveDescriptors);
  execve(plan.program.c_str(), plan.arguments.data(), plan.environment.data());
  FailChild(plan.failure_pipe, kExecute);
}

bool IsExecutableFile(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && access(path.c_str(), X_OK) == 0;
}

Result<std::string> FindProgram(const SpawnOptions& options) {
  if (options.command.empty() || options.command[0].empty()) {
    return Fail(ErrorCode::kInvalidArgument, "a command needs at least the program's name");
  }
  const std::string& name = options.command[0];
  if (name.find('/') != std::string::npos) return name;
  const auto path = options.environment.find("PATH");
  const std::string_view folders = path == options.environment.end() ? "/usr/bin:/bin" : std::string_view(path->second);
  for (const std::string_view folder : Split(folders, ':')) {
    std::string candidate = fmt::format("{}/{}", folder.empty() ? "." : folder, name);
    if (IsExecutableFile(candidate)) return candidate;
  }
  return Fail(ErrorCode::kNotFound, "no such program in PATH", name);
}

struct Pipe {
  Fd read;
  Fd write;
};

// Both ends above 2, so that moving 0, 1 and 2 in the child overwrites neither.
Result<Pipe> MakePipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return OsFail(errno, "make a pipe", "pipe");
  Pipe pipe{Fd(ends[0]), Fd(ends[1])};
  for (Fd* end : {&pipe.read, &pipe.write}) {
    if (end->get() > 2) continue;
    const int moved = fcntl(end->get(), F_DUPFD_CLOEXEC, 3);
    if (moved < 0) return OsFail(errno, "make a pipe", "pipe");
    end->Reset(moved);
  }
  return pipe;
}

void Reap(pid_t child) {
  while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace

Result<ProcessId> Spawn(const SpawnOptions& options) {
  ChildPlan plan;
  KEELSON_ASSIGN_OR_RETURN(plan.program, FindProgram(options));
  plan.folder = options.folder;
  plan.memory_limit = options.memory_limit_bytes;
  if (options.nice > 0) plan.nice = std::min(kNicest, getpriority(PRIO_PROCESS, 0) + options.nice);
  plan.own_group = options.own_group;

  std::vector<std::string> arguments = options.command;
  std::vector<std::string> variables;
  for (const auto& [name, value] : options.environment) variables.push_back(name + "=" + value);
  for (const auto* texts : {&arguments, &variables}) {
    for (const std::string& text : *texts) {
      if (text.find('\0') != std::string::npos) {
        return Fail(ErrorCode::kInvalidArgument, "an argument or variable must not contain a NUL byte", plan.program);
      }
    }
  }
  for (std::string& text : arguments) plan.arguments.push_back(text.data());
  for (std::string& text : variables) plan.environment.push_back(text.data());
  plan.arguments.push_back(nullptr);
  plan.environment.push_back(nullptr);

  KEELSON_ASSIGN_OR_RETURN(const Fd null_file, OpenFile("/dev/null", O_RDONLY));
  KEELSON_ASSIGN_OR_RETURN(
      const Fd output, OpenFile(options.output.empty() ? "/dev/null" : options.output, O_WRONLY | O_CREAT | O_APPEND));
  plan.null_file = null_file.get();
  plan.output_file = output.get();
  std::vector<Fd> opened;
  for (const std::string& cgroup : options.cgroups) {
    KEELSON_ASSIGN_OR_RETURN(Fd file, OpenFile(cgroup + "/cgroup.procs", O_WRONLY));
    plan.cgroup_files.push_back(file.get());
    opened.push_back(std::move(file));
  }
  const std::string oom_text = std::to_string(options.oom_score_adjust);
  plan.oom_text = oom_text;
  // An ignored SIGCHLD, which one may inherit, would lose every child's exit code.
  struct sigaction on_child {};
  if (sigaction(SIGCHLD, nullptr, &on_child) == 0 && on_child.sa_handler == SIG_IGN) signal(SIGCHLD, SIG_DFL);

  // One at a time: a child that is forked here must not hold another waiting child's pipe open, which would keep that
  // one waiting for ever if we died now.
  static std::mutex one_at_a_time;
  const std::lock_guard lock(one_at_a_time);
  KEELSON_ASSIGN_OR_RETURN(Pipe go, MakePipe());
  KEELSON_ASSIGN_OR_RETURN(Pipe failure, MakePipe());
  plan.go_pipe = go.read.get();
  plan.failure_pipe = failure.write.get();

  const pid_t child = fork();
  if (child < 0) return OsFail(errno, "make a process", plan.program);
  if (child == 0) {
    close(go.write.get());  // or the child itself would keep its own wait from ending
    if (options.oom_score_adjust > 0) plan.oom_file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    RunChild(plan);
  }
  failure.write.Reset();

  const auto process = FindProcess(child);
  Status recorded = process.has_value() ? Status() : std::unexpected(process.error());
  if (recorded.has_value() && options.before_exec) recorded = options.before_exec(*process);
  if (!recorded.has_value()) {
    go.write.Reset();
    kill(child, SIGKILL);
    Reap(child);
    return std::unexpected(recorded.error());
  }
  // Our own reading end is still open: a child that has failed already cannot make this a SIGPIPE.
  [[maybe_unused]] const ssize_t sent = write(go.write.get(), "g", 1);

  StepFailure failed;
  ssize_t got = 0;
  do {
    got = read(failure.read.get(), &failed, sizeof failed);
  } while (got < 0 && errno == EINTR);
  if (got == sizeof failed) {
    Reap(child);
    const bool in_folder = failed.step == kEnterFolder;
    return OsFail(failed.error_number, kStepNames[failed.step], in_folder ? options.folder : plan.program);
  }
  return *process;
}

}  // namespace keelson::io
