#include "kubernetes/client/watch_reader.h"

#include <utility>

#include "base/json_depth.h"
#include "base/strings.h"

namespace keelson::kubernetes {
namespace {

using nlohmann::json;

constexpr std::size_t kDeepest = 128;

std::optional<WatchEvent::Type> TypeOf(const json& name) {
  if (name == "ADDED") return WatchEvent::Type::kAdded;
  if (name == "MODIFIED") return WatchEvent::Type::kModified;
  if (name == "DELETED") return WatchEvent::Type::kDeleted;
  if (name == "BOOKMARK") return WatchEvent::Type::kBookmark;
  if (name == "ERROR") return WatchEvent::Type::kError;
  return std::nullopt;
}

std::unexpected<Error> NoWatch(const char* why) {
  return Fail(ErrorCode::kUnavailable, std::string("what answers a watch is none: ") + why);
}

}  // namespace

Result<WatchEvent> WatchReader::ReadLine(std::string_view line) {
  if (JsonDepth(line) > kDeepest) return NoWatch("a line that is nested too deep");
  json event = json::parse(line, nullptr, false);
  if (!event.is_object()) return NoWatch("a line that is no JSON object");
  if (auto problem = ProblemOfStatus(event))
    return WatchEvent{.type = WatchEvent::Type::kError, .object = {}, .problem = *std::move(problem)};
  const auto type = TypeOf(event.value("type", json()));
  if (!type) return NoWatch("an event of no known type");
  const auto object = event.find("object");
  if (object == event.end() || !object->is_object()) return NoWatch("an event without an object");
  WatchEvent read{.type = *type, .object = std::move(*object), .problem = {}};
  if (*type != WatchEvent::Type::kError) return read;
  auto problem = ProblemOfStatus(read.object);
  if (!problem) return NoWatch("an error that is no Status");
  read.problem = *std::move(problem);
  return read;
}

Result<std::vector<WatchEvent>> WatchReader::Feed(std::string_view piece) {
  std::vector<WatchEvent> events;
  for (std::size_t end = piece.find('\n'); end != std::string_view::npos; end = piece.find('\n')) {
    line_ += piece.substr(0, end);
    piece.remove_prefix(end + 1);
    const std::string line = std::exchange(line_, {});
    if (Trim(line).empty()) continue;
    KEELSON_ASSIGN_OR_RETURN(WatchEvent event, ReadLine(line));
    events.push_back(std::move(event));
  }
  line_ += piece;
  if (line_.size() > kLongestLine) return NoWatch("a line without end");
  return events;
}

std::optional<WatchEvent> WatchReader::End() {
  const std::string line = std::exchange(line_, {});
  if (Trim(line).empty()) return std::nullopt;
  auto event = ReadLine(line);
  // Half a line is what a connection that broke leaves behind.
  if (!event) return std::nullopt;
  return *std::move(event);
}

}  // namespace keelson::kubernetes
