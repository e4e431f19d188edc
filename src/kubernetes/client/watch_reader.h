#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kubernetes/client/problem.h"

namespace keelson::kubernetes {

// One line of a watch.
struct WatchEvent {
  enum class Type { kAdded, kModified, kDeleted, kBookmark, kError };
  Type type = Type::kError;
  nlohmann::json object;  // of a bookmark little more than its resource version
  Problem problem;        // of an error
};

// Reads a watch out of the pieces in which it comes: one JSON object a line. Also an answer that is no watch but a
// Status, which becomes an error. One thread.
class WatchReader {
 public:
  static constexpr std::size_t kLongestLine = std::size_t{16} << 20;  // etcd's own limit of an object is 1.5 MiB

  // The events that are whole now. kUnavailable for what is no watch: the connection is of no use any more.
  Result<std::vector<WatchEvent>> Feed(std::string_view piece);
  // What stands after the last line end: a Status comes without one.
  std::optional<WatchEvent> End();

 private:
  static Result<WatchEvent> ReadLine(std::string_view line);

  std::string line_;  // unfinished
};

}  // namespace keelson::kubernetes
