#include "base/log.h"

#include <unistd.h>

#include <atomic>

#include "base/clock.h"
#include "base/strings.h"

namespace keelson {
namespace {

std::string& Role() {
  static std::string role = "cli";
  return role;
}
std::atomic<LogLevel> threshold{LogLevel::kInfo};

std::string_view LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "error";
}

void AppendJsonString(std::string& out, std::string_view text) {
  const bool valid = IsValidUtf8(text);
  out.push_back('"');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !valid)) {
      out += fmt::format("\\u{:04x}", byte);  // bytes of broken text appear as Latin-1: readable, and still JSON
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

}  // namespace

std::string FormatLogLine(std::string_view time, LogLevel level, std::string_view role, std::string_view message,
                          std::initializer_list<LogField> fields) {
  std::string line = fmt::format(R"({{"time":"{}","level":"{}","role":"{}","message":)", time, LevelName(level), role);
  AppendJsonString(line, message);
  for (const auto& [name, value] : fields) {
    line.push_back(',');
    AppendJsonString(line, name);
    line.push_back(':');
    AppendJsonString(line, value);
  }
  line.push_back('}');
  return line;
}

void Log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  if (level < threshold.load(std::memory_order_relaxed)) return;
  std::string line = FormatLogLine(FormatInstant(SystemClock().WallNow()), level, Role(), message, fields);
  line.push_back('\n');
  // One write a line: lines of several processes that share a file do not mix. A full disk cannot be reported here.
  [[maybe_unused]] const auto written = write(STDERR_FILENO, line.data(), line.size());
}

void SetLogRole(std::string role) {
  Role() = std::move(role);
}
void SetLogThreshold(LogLevel level) {
  threshold = level;
}

}  // namespace keelson
