#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"

namespace keelson::io {

struct CommandOutput {
  int exit_code = 0;  // 128 and the signal's number for one that a signal has ended
  std::string output;
  std::string errors;
};

// Runs a small program to its end and gives what it wrote, each of the two at most 1 MiB. It gets no input, and the
// whole of `environment`. command[0] is a path or a name looked up in our PATH. kNotFound or kPermissionDenied when it
// cannot be executed; kDeadlineExceeded when it was killed, with all of its process group, for taking too long.
Result<CommandOutput> RunCommand(const std::vector<std::string>& command,
                                 const std::map<std::string, std::string>& environment,
                                 std::chrono::milliseconds timeout);

}  // namespace keelson::io
