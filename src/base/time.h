#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"

namespace keelson {

// Instants and spans, in microseconds: the resolution of DuckDB and Parquet timestamps.
using Duration = std::chrono::microseconds;
using Instant = std::chrono::sys_time<std::chrono::microseconds>;
// clang-format off
constexpr Instant InstantFromMicros(std::int64_t micros_since_epoch) { return Instant(Duration(micros_since_epoch)); }
constexpr std::int64_t ToMicros(Instant instant) { return instant.time_since_epoch().count(); }
// clang-format on
// "2013-04-01T04:00:00Z", with as many as six decimals when there are fractions of a second.
std::string FormatInstant(Instant instant);

// RFC 3339 with any offset, or a plain date (midnight UTC), or a date and time separated by a space (UTC).
// kInvalidArgument says what was read and an example of what is expected.
Result<Instant> ParseInstant(std::string_view text);

// Spans as people write them in project files: one or more of "<number><unit>" with the units us, ms, s, m, h, d, w:
// "50ms", "6h", "1d12h", "1.5h". No sign. kInvalidArgument otherwise.
Result<Duration> ParseDuration(std::string_view text);

// The shortest exact form that ParseDuration reads back: "36h" gives "1d12h", zero gives "0s".
std::string FormatDuration(Duration duration);

// A calendar of one IANA time zone ("America/New_York"; "UTC"), for reports by local day and month.
// Immutable; safe from any thread. The zone database is the machine's own (/usr/share/zoneinfo).
class Calendar {
 public:
  static Result<Calendar> Open(std::string_view zone_name);
  static Calendar Utc();

  const std::string& zone_name() const { return zone_name_; }
  std::string Month(Instant instant) const;                 // "2013-04"
  std::string Day(Instant instant) const;                   // "2013-04-01"
  Instant StartOfDay(Instant instant) const;                // the local midnight at or before `instant`
  Result<Instant> ParseLocal(std::string_view text) const;  // "2013-04-01" or "2013-04-01 06:30" here, or RFC 3339

 private:
  Calendar(std::string zone_name, const void* zone) : zone_name_(std::move(zone_name)), zone_(zone) {}
  std::string zone_name_;
  const void* zone_;  // date::time_zone, owned by the zone database for the life of the process
};

}  // namespace keelson
