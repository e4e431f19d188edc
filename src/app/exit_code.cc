#include "app/exit_code.h"

namespace keelson::app {

const std::vector<ExitCodeText>& ExitCodeTexts() {
  static const std::vector<ExitCodeText> texts = {
      {kExitOk, "done"},
      {kExitFailed, "failed; the error says what was wrong, where, and what to do"},
      {kExitUsage, "the command line is wrong: unknown command or option, missing or malformed value"},
      {kExitNotFound, "what the command names (a file, project, version, job, alias) does not exist"},
      {kExitRefused, "refused by a check or gate: mistakes in the project file, a promotion gate, a precondition"},
      {kExitUnreachable, "the server cannot be reached"},
  };
  return texts;
}

ExitCode ExitCodeOf(const Error& error) {
  switch (error.code) {
    case ErrorCode::kNotFound:
      return kExitNotFound;
    case ErrorCode::kFailedPrecondition:
    case ErrorCode::kPermissionDenied:
    case ErrorCode::kUnauthenticated:
      return kExitRefused;
    case ErrorCode::kUnavailable:
      return kExitUnreachable;
    default:
      return kExitFailed;
  }
}

}  // namespace keelson::app
