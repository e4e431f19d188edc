#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "base/time.h"

namespace keelson::wire::api {

// What is posted to a source: {"rows": [...], "clock": "2013-04-01T04:00:00Z", "after": "...", "unanswered": "..."};
// see docs/api.md. The rows are there, and for the source's intake to read.
struct PushBody {
  std::optional<Instant> clock;       // moves a replay's clock first
  std::optional<Instant> after;       // but only when it has come this far
  std::optional<Instant> unanswered;  // and over nothing that falls due later than this
};
Result<PushBody> ReadPushBody(const std::string& body);

}  // namespace keelson::wire::api
