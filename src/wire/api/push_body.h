#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "base/time.h"

namespace keelson::wire::api {

// What is posted to a source: {"rows": [...], "clock": "2013-04-01T04:00:00Z", "after": "..."}; see docs/api.md. The
// rows are there, and for the source's intake to read.
struct PushBody {
  std::optional<Instant> clock;  // moves a replay's clock first
  std::optional<Instant> after;  // but only when it has come this far
};
Result<PushBody> ReadPushBody(const std::string& body);

}  // namespace keelson::wire::api
