#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace keelson {

// The offsets of one time zone: the changes that its file tells, and the rule for all years after the last of them.
// Times are whole seconds since the epoch; offsets are seconds east of Greenwich. Immutable; safe from any thread.
class Zone {
 public:
  // The bytes of a TZif file (RFC 9636), version 2 or newer. kInvalidArgument says what is wrong with them; files that
  // count leap seconds are refused.
  static Result<Zone> Parse(std::string_view tzif);

  std::int64_t OffsetAt(std::int64_t utc) const;

  // The earliest instant at which clocks here show `local`; for a time that a change skips, the instant of that change.
  std::int64_t EarliestUtc(std::int64_t local) const;

 private:
  // The day of a year on which the rule of the footer changes the clocks, and the second of that day, by the clock
  // before.
  struct Change {
    enum class Kind { kJulianWithoutLeapDay, kDayOfYear, kWeekdayOfMonth } kind = Kind::kDayOfYear;
    int month = 0;
    int week = 0;
    int day = 0;  // of the week (0 is Sunday) or of the year, as the kind says
    std::int64_t second = 7200;
    std::int64_t In(int year) const;  // seconds since the epoch, of the local clock
  };
  struct Rule {
    std::int64_t standard = 0;
    std::int64_t summer = 0;
    std::optional<std::pair<Change, Change>> changes;  // to summer time and back
    std::int64_t OffsetAt(std::int64_t utc) const;
  };
  friend class RuleReader;

  std::vector<std::int64_t> changes_;  // ascending; the offset of changes_[i] is offsets_[i + 1]
  std::vector<std::int64_t> offsets_;  // offsets_[0] holds before the first change
  std::optional<Rule> rule_;           // from the last change on
};

// The zone of that IANA name in the first of the folders that has it. kInvalidArgument when it is the name of no zone,
// kUnavailable when none of the folders exists.
Result<Zone> ReadZone(std::string_view name, std::span<const std::filesystem::path> folders);

// Where zones are on this machine: the system's own, and those that a package of ours brings (share/zoneinfo beside
// bin/).
std::vector<std::filesystem::path> ZoneFolders();

}  // namespace keelson
