#include "io/command_output.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "io/http_sockets.h"

namespace keelson::io {
namespace {

constexpr std::size_t kAtMost = std::size_t{1} << 20;

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Result<Pipe> MakePipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return Fail(ErrorCode::kUnavailable, strerror(errno), "pipe");
  return Pipe{.read = UniqueFd(ends[0]), .write = UniqueFd(ends[1])};
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

Result<pid_t> Start(const std::vector<std::string>& command, const std::map<std::string, std::string>& environment,
                    int out, int err) {
  std::vector<std::string> arguments = command;
  std::vector<std::string> variables;
  for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out, 1);
  posix_spawn_file_actions_adddup2(&actions, err, 2);
  sigset_t none;
  sigemptyset(&none);
  sigset_t all;
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  pid_t pid = 0;
  const int problem = posix_spawnp(&pid, arguments.front().c_str(), &actions, &attributes, Pointers(arguments).data(),
                                   Pointers(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (problem == 0) return pid;
  const ErrorCode code = problem == ENOENT   ? ErrorCode::kNotFound
                         : problem == EACCES ? ErrorCode::kPermissionDenied
                                             : ErrorCode::kUnavailable;
  return Fail(code, fmt::format("cannot be executed: {}", strerror(problem)), command.front());
}

// Reads both pipes to their ends; false when the time is over, or one says too much, first.
bool ReadBoth(std::array<UniqueFd, 2>& ends, std::array<std::string*, 2> texts,
              std::chrono::steady_clock::time_point deadline) {
  std::array<char, 16384> buffer{};
  while (ends[0] || ends[1]) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    if (left <= 0) return false;
    std::array<pollfd, 2> entries{};
    for (std::size_t i = 0; i < 2; ++i)
      entries[i] = {.fd = ends[i] ? ends[i].get() : -1, .events = POLLIN, .revents = 0};
    if (poll(entries.data(), entries.size(), static_cast<int>(std::min<std::int64_t>(left, 60'000))) < 0) continue;
    for (std::size_t i = 0; i < 2; ++i) {
      if (entries[i].revents == 0) continue;
      const ssize_t count = read(ends[i].get(), buffer.data(), buffer.size());
      if (count <= 0) {
        ends[i].Reset();
        continue;
      }
      texts[i]->append(buffer.data(), static_cast<std::size_t>(count));
      if (texts[i]->size() > kAtMost) return false;
    }
  }
  return true;
}

}  // namespace

Result<CommandOutput> RunCommand(const std::vector<std::string>& command,
                                 const std::map<std::string, std::string>& environment,
                                 std::chrono::milliseconds timeout) {
  if (command.empty() || command.front().empty()) return Fail(ErrorCode::kInvalidArgument, "no command was given");
  KEELSON_ASSIGN_OR_RETURN(Pipe out, MakePipe());
  KEELSON_ASSIGN_OR_RETURN(Pipe err, MakePipe());
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  KEELSON_ASSIGN_OR_RETURN(const pid_t pid, Start(command, environment, out.write.get(), err.write.get()));
  out.write.Reset();
  err.write.Reset();
  CommandOutput result;
  std::array<UniqueFd, 2> ends{std::move(out.read), std::move(err.read)};
  const bool whole = ReadBoth(ends, {&result.output, &result.errors}, deadline);
  // What has closed both ends ends itself, or is ended now.
  int status = 0;
  bool ended = false;
  while (whole && !ended && std::chrono::steady_clock::now() < deadline) {
    ended = waitpid(pid, &status, WNOHANG) == pid;
    if (!ended) usleep(1'000);
  }
  if (!ended) {
    kill(-pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (result.output.size() > kAtMost || result.errors.size() > kAtMost)
      return Fail(ErrorCode::kResourceExhausted, "it wrote more than 1 MiB", command.front());
    return Fail(ErrorCode::kDeadlineExceeded, fmt::format("it did not end within {} ms", timeout.count()),
                command.front());
  }
  result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

}  // namespace keelson::io
