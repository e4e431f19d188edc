#include "base/time.h"

#include <date/date.h>
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <sstream>

#include "base/zone.h"

namespace keelson {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t micros;
};

// Longest first, so that formatting is greedy; "ms" stands before "m" for parsing by exact match.
constexpr std::array<Unit, 7> kUnits = {{{"w", 604'800'000'000},
                                         {"d", 86'400'000'000},
                                         {"h", 3'600'000'000},
                                         {"m", 60'000'000},
                                         {"s", 1'000'000},
                                         {"ms", 1'000},
                                         {"us", 1}}};

// Reads `text` whole by `format`; date::parse leaves the rest unread, which here is a refusal.
template <typename Time>
bool ParseWhole(std::string_view text, const char* format, Time& out) {
  std::istringstream in{std::string(text)};
  in >> date::parse(format, out);
  return !in.fail() && (in.eof() || in.peek() == std::istringstream::traits_type::eof());
}

// The digits of `text` from `at` as a number; -1 when one is none.
int Digits(std::string_view text, std::size_t at, std::size_t count) {
  int number = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    number = number * 10 + (text[i] - '0');
  }
  return number;
}

// 2013-04-01T04:00:00Z, with up to six digits of a second's fraction: what FormatInstant writes, without the cost of a
// stream. Nothing for any other text, right or wrong.
std::optional<Instant> ParseUsual(std::string_view text) {
  constexpr std::size_t kToSeconds = 19;
  if (text.size() < kToSeconds + 1 || text.back() != 'Z' || text[4] != '-' || text[7] != '-' || text[10] != 'T' ||
      text[13] != ':' || text[16] != ':') {
    return std::nullopt;
  }
  const int year = Digits(text, 0, 4);
  const int month = Digits(text, 5, 2);
  const int day = Digits(text, 8, 2);
  const int hour = Digits(text, 11, 2);
  const int minute = Digits(text, 14, 2);
  const int second = Digits(text, 17, 2);
  if (year < 0 || month < 0 || day < 0 || hour < 0 || minute < 0 || second < 0) return std::nullopt;
  if (hour > 23 || minute > 59 || second > 59) return std::nullopt;
  const date::year_month_day date{date::year(year), date::month(static_cast<unsigned>(month)),
                                  date::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  std::int64_t micros = 0;
  if (text.size() > kToSeconds + 1) {
    const std::size_t digits = text.size() - kToSeconds - 2;
    if (text[kToSeconds] != '.' || digits == 0 || digits > 6) return std::nullopt;
    micros = Digits(text, kToSeconds + 1, digits);
    if (micros < 0) return std::nullopt;
    for (std::size_t i = digits; i < 6; ++i) micros *= 10;
  }
  return Instant(date::sys_days(date).time_since_epoch() + std::chrono::hours(hour) + std::chrono::minutes(minute) +
                 std::chrono::seconds(second) + std::chrono::microseconds(micros));
}

// RFC 3339's "+05:30" at the end of `text`. Read here: the library's %Ez computes beyond its numbers when the digits
// lie.
constexpr std::size_t kOffsetLength = 6;
std::optional<std::chrono::minutes> OffsetAtEnd(std::string_view text) {
  if (text.size() < kOffsetLength) return std::nullopt;
  const auto offset = text.substr(text.size() - kOffsetLength);
  if ((offset[0] != '+' && offset[0] != '-') || offset[3] != ':') return std::nullopt;
  const int hours = Digits(offset, 1, 2);
  const int minutes = Digits(offset, 4, 2);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return std::nullopt;
  const std::chrono::minutes length(hours * 60 + minutes);
  return offset[0] == '-' ? -length : length;
}

std::unexpected<Error> BadInstant(std::string_view text) {
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("\"{}\" is not a time; expected for example 2013-04-01T04:00:00Z or 2013-04-01", text));
}

std::unexpected<Error> BadDuration(std::string_view text) {
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("\"{}\" is not a duration; expected for example 50ms, 30s, 6h, 7d or 1d12h", text));
}

}  // namespace

std::string FormatInstant(Instant instant) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(instant);
  const auto day = date::floor<date::days>(seconds);
  const date::year_month_day date(day);
  const date::hh_mm_ss time(seconds - day);
  std::string text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                                 static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                                 time.hours().count(), time.minutes().count(), time.seconds().count());
  if (const auto fraction = (instant - seconds).count(); fraction != 0) {
    text += fmt::format(".{:06}", fraction);
    while (text.back() == '0') text.pop_back();
  }
  return text + "Z";
}

Result<Instant> ParseInstant(std::string_view text) {
  if (text.size() < 10 || text.size() > 40) return BadInstant(text);
  if (const auto usual = ParseUsual(text)) return *usual;
  std::string normal(text);
  if (normal.size() > 10 && (normal[10] == ' ' || normal[10] == 't')) normal[10] = 'T';
  if (normal.back() == 'z') normal.back() = 'Z';
  Instant instant;
  if (ParseWhole(normal, "%FT%TZ", instant)) return instant;
  if (const auto offset = OffsetAtEnd(normal)) {
    if (ParseWhole(normal.substr(0, normal.size() - kOffsetLength), "%FT%T", instant)) return instant - *offset;
  }
  if (ParseWhole(normal, "%FT%T", instant)) return instant;
  if (ParseWhole(normal, "%FT%H:%M", instant)) return instant;
  if (ParseWhole(normal, "%F", instant)) return instant;
  return BadInstant(text);
}

Result<Duration> ParseDuration(std::string_view text) {
  if (text.empty() || text.size() > 64) return BadDuration(text);
  std::int64_t total = 0;
  std::string_view rest = text;
  while (!rest.empty()) {
    if (rest.front() < '0' || rest.front() > '9') return BadDuration(text);
    double number = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number, std::chars_format::fixed);
    if (error != std::errc{}) return BadDuration(text);
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    const auto unit_length = std::min(rest.find_first_of("0123456789."), rest.size());
    const auto unit_name = rest.substr(0, unit_length);
    const Unit* unit = nullptr;
    for (const Unit& candidate : kUnits) {
      if (candidate.name == unit_name) unit = &candidate;
    }
    if (unit == nullptr) return BadDuration(text);
    const double micros = number * static_cast<double>(unit->micros);
    if (micros > 9e17 || static_cast<double>(total) + micros > 9e17) return BadDuration(text);
    total += std::llround(micros);
    rest.remove_prefix(unit_length);
  }
  return Duration(total);
}

std::string FormatDuration(Duration duration) {
  std::int64_t rest = duration.count();
  if (rest == 0) return "0s";
  std::string text;
  if (rest < 0) {
    text = "-";
    rest = -rest;
  }
  for (const Unit& unit : kUnits) {
    if (unit.name == "w") continue;  // people read 14d more easily than 2w
    if (const std::int64_t count = rest / unit.micros; count > 0) {
      text += fmt::format("{}{}", count, unit.name);
      rest -= count * unit.micros;
    }
  }
  return text;
}

Result<Calendar> Calendar::Open(std::string_view zone_name) {
  if (zone_name == "UTC") return Utc();
  static std::mutex mutex;
  static std::map<std::string, std::unique_ptr<const Zone>, std::less<>> opened;  // kept for the life of the process
  const std::lock_guard lock(mutex);
  auto found = opened.find(zone_name);
  if (found == opened.end()) {
    KEELSON_ASSIGN_OR_RETURN(Zone zone, ReadZone(zone_name, ZoneFolders()));
    found = opened.emplace(std::string(zone_name), std::make_unique<const Zone>(std::move(zone))).first;
  }
  return Calendar(found->first, found->second.get());
}

Calendar Calendar::Utc() {
  return Calendar("UTC", nullptr);
}

namespace {

using std::chrono::seconds;

date::local_time<Duration> ToLocal(const void* zone, Instant instant) {
  const Duration since = instant.time_since_epoch();
  if (zone == nullptr) return date::local_time<Duration>(since);
  const std::int64_t offset = static_cast<const Zone*>(zone)->OffsetAt(std::chrono::floor<seconds>(since).count());
  return date::local_time<Duration>(since + seconds(offset));
}

Instant ToSys(const void* zone, date::local_time<Duration> local) {
  const Duration since = local.time_since_epoch();
  if (zone == nullptr) return Instant(since);
  const auto whole = std::chrono::floor<seconds>(since);
  const seconds utc(static_cast<const Zone*>(zone)->EarliestUtc(whole.count()));
  return Instant(utc + (since - whole));
}

}  // namespace

std::string Calendar::Month(Instant instant) const {
  return date::format("%Y-%m", date::floor<date::days>(ToLocal(zone_, instant)));
}

std::string Calendar::Day(Instant instant) const {
  return date::format("%F", date::floor<date::days>(ToLocal(zone_, instant)));
}

Instant Calendar::StartOfDay(Instant instant) const {
  return ToSys(zone_, date::floor<date::days>(ToLocal(zone_, instant)));
}

Result<Instant> Calendar::ParseLocal(std::string_view text) const {
  date::local_time<Duration> local;
  std::string normal(text);
  if (normal.size() > 10 && normal[10] == ' ') normal[10] = 'T';
  for (const char* format : {"%F", "%FT%H:%M", "%FT%T"}) {
    if (ParseWhole(normal, format, local)) return ToSys(zone_, local);
  }
  return ParseInstant(text);
}

}  // namespace keelson
