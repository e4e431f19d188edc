#pragma once

#include <fmt/core.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace keelson {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// One name and value of a log line. Values are text; numbers are given by fmt::to_string. Never pass a secret.
using LogField = std::pair<std::string_view, std::string_view>;

// Writes one JSON object as one line to standard error, whole or not at all, from any thread:
//   {"time":"2026-11-22T00:31:38.5Z","level":"info","role":"server","message":"...","request_id":"...",...}
// The field `request_id` follows a request through gateway, replica and job.
void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {});

inline void LogInfo(std::string_view message, std::initializer_list<LogField> fields = {}) {
  Log(LogLevel::kInfo, message, fields);
}
inline void LogWarning(std::string_view message, std::initializer_list<LogField> fields = {}) {
  Log(LogLevel::kWarning, message, fields);
}
inline void LogError(std::string_view message, std::initializer_list<LogField> fields = {}) {
  Log(LogLevel::kError, message, fields);
}

// Process-wide settings, made once at start before other threads exist.
void SetLogRole(std::string role);         // "server", "replica", "worker", "gateway", "cli"
void SetLogThreshold(LogLevel threshold);  // lines below are dropped; the default is kInfo

// The line that Log would write, without its newline; separate so that it can be tested.
std::string FormatLogLine(std::string_view time, LogLevel level, std::string_view role, std::string_view message,
                          std::initializer_list<LogField> fields);

}  // namespace keelson
