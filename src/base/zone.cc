#include "base/zone.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>
#include <string>

namespace keelson {
namespace {

constexpr std::int64_t kHour = 3600;
constexpr std::int64_t kDay = 24 * kHour;
constexpr std::int64_t kLargestOffset = 26 * kHour;
constexpr std::size_t kLargestFile = 1 << 20;
constexpr std::size_t kHeader = 44;

std::unexpected<Error> Bad(std::string what) {
  return Fail(ErrorCode::kInvalidArgument, "not a time zone file: " + std::move(what));
}

std::int64_t BigEndian(std::string_view bytes) {
  std::uint64_t value = static_cast<unsigned char>(bytes[0]) >= 0x80 ? ~std::uint64_t{0} : 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return static_cast<std::int64_t>(value);
}

std::int64_t Unsigned32(std::string_view bytes) {
  return BigEndian(bytes.substr(0, 4)) & 0xffffffff;
}

struct Counts {
  std::size_t utc_flags, wall_flags, leaps, changes, types, characters;

  std::size_t Bytes(std::size_t time_size) const {
    return changes * (time_size + 1) + types * 6 + characters + leaps * (time_size + 4) + wall_flags + utc_flags;
  }
};

// The header at the front of `bytes`, and the counts that it tells.
Result<Counts> ReadHeader(std::string_view bytes) {
  if (bytes.size() < kHeader || !bytes.starts_with("TZif")) return Bad("it does not begin as one");
  if (bytes[4] < '2') return Bad("its version is older than 2");
  const auto count = [&](std::size_t i) { return static_cast<std::size_t>(Unsigned32(bytes.substr(20 + 4 * i))); };
  const Counts counts{count(0), count(1), count(2), count(3), count(4), count(5)};
  for (std::size_t i = 0; i < 6; ++i) {
    if (count(i) > kLargestFile) return Bad("its counts are too large");
  }
  return counts;
}

int YearOf(std::int64_t seconds) {
  const std::chrono::sys_seconds instant{std::chrono::seconds(seconds)};
  return static_cast<int>(std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(instant)).year());
}

}  // namespace

// Reads the footer, a POSIX TZ text such as "EST5EDT,M3.2.0,M11.1.0" or "<-03>3".
class RuleReader {
 public:
  explicit RuleReader(std::string_view text) : rest_(text) {}

  std::optional<Zone::Rule> Read() {
    Zone::Rule rule;
    if (!Name()) return std::nullopt;
    const auto standard = Time();
    if (!standard) return std::nullopt;
    rule.standard = -*standard;  // POSIX counts west of Greenwich
    rule.summer = rule.standard;
    if (rest_.empty()) return InRange(rule);
    if (!Name()) return std::nullopt;
    rule.summer = rule.standard + kHour;
    if (!rest_.starts_with(',')) {
      const auto summer = Time();
      if (!summer) return std::nullopt;
      rule.summer = -*summer;
    }
    const auto begin = Change();
    const auto end = begin ? Change() : std::nullopt;
    if (!end || !rest_.empty()) return std::nullopt;
    rule.changes.emplace(*begin, *end);
    return InRange(rule);
  }

 private:
  static std::optional<Zone::Rule> InRange(const Zone::Rule& rule) {
    if (std::abs(rule.standard) > kLargestOffset || std::abs(rule.summer) > kLargestOffset) return std::nullopt;
    return rule;
  }

  bool Take(char wanted) {
    if (!rest_.starts_with(wanted)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  // "EST", or "<+0330>".
  bool Name() {
    if (Take('<')) {
      const auto end = rest_.find('>');
      if (end == std::string_view::npos || end == 0) return false;
      rest_.remove_prefix(end + 1);
      return true;
    }
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), letter);
    if (end - rest_.begin() < 3) return false;
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.begin()));
    return true;
  }

  std::optional<int> Number(int low, int high) {
    int number = 0;
    std::size_t digits = 0;
    for (; digits < rest_.size() && digits < 4 && rest_[digits] >= '0' && rest_[digits] <= '9'; ++digits)
      number = number * 10 + (rest_[digits] - '0');
    if (digits == 0 || number < low || number > high) return std::nullopt;
    rest_.remove_prefix(digits);
    return number;
  }

  // "5", "-3:30", "+167:59:59": in seconds.
  std::optional<std::int64_t> Time() {
    const bool negative = Take('-');
    if (!negative) Take('+');
    const auto hours = Number(0, 167);
    if (!hours) return std::nullopt;
    std::int64_t seconds = *hours * kHour;
    for (const std::int64_t unit : {60, 1}) {
      if (!Take(':')) break;
      const auto number = Number(0, 59);
      if (!number) return std::nullopt;
      seconds += *number * unit;
    }
    return negative ? -seconds : seconds;
  }

  // ",M3.2.0", ",J60/3", ",59/-1:30".
  std::optional<Zone::Change> Change() {
    using Kind = Zone::Change::Kind;
    if (!Take(',')) return std::nullopt;
    Zone::Change change;
    if (Take('M')) {
      change.kind = Kind::kWeekdayOfMonth;
      const auto month = Number(1, 12);
      const auto week = month && Take('.') ? Number(1, 5) : std::nullopt;
      const auto day = week && Take('.') ? Number(0, 6) : std::nullopt;
      if (!day) return std::nullopt;
      change.month = *month;
      change.week = *week;
      change.day = *day;
    } else {
      change.kind = Take('J') ? Kind::kJulianWithoutLeapDay : Kind::kDayOfYear;
      const auto day = change.kind == Kind::kDayOfYear ? Number(0, 365) : Number(1, 365);
      if (!day) return std::nullopt;
      change.day = *day;
    }
    if (Take('/')) {
      const auto second = Time();
      if (!second) return std::nullopt;
      change.second = *second;
    }
    return change;
  }

  std::string_view rest_;
};

std::int64_t Zone::Change::In(int year) const {
  namespace chr = std::chrono;
  const chr::year y{year};
  const chr::sys_days january{y / chr::January / 1};
  chr::sys_days date;
  if (kind == Kind::kWeekdayOfMonth) {
    const chr::weekday weekday{static_cast<unsigned>(day)};
    const auto of_month = y / chr::month{static_cast<unsigned>(month)};
    date = week == 5 ? chr::sys_days{of_month / weekday[chr::last]}
                     : chr::sys_days{of_month / weekday[static_cast<unsigned>(week)]};
  } else if (kind == Kind::kDayOfYear) {
    date = january + chr::days{day};
  } else {
    date = january + chr::days{day - 1 + (y.is_leap() && day > 59 ? 1 : 0)};
  }
  return date.time_since_epoch().count() * kDay + second;
}

std::int64_t Zone::Rule::OffsetAt(std::int64_t utc) const {
  if (!changes) return standard;
  const int year = YearOf(utc + standard);
  const std::int64_t begin = changes->first.In(year) - standard;
  const std::int64_t end = changes->second.In(year) - summer;
  const bool in_summer = begin < end ? utc >= begin && utc < end : utc >= begin || utc < end;
  return in_summer ? summer : standard;
}

Result<Zone> Zone::Parse(std::string_view tzif) {
  if (tzif.size() > kLargestFile) return Bad("it is too large");
  KEELSON_ASSIGN_OR_RETURN(const Counts old, ReadHeader(tzif));  // 32-bit times for old readers: skipped
  if (tzif.size() < kHeader + old.Bytes(4)) return Bad("it is cut off");
  std::string_view bytes = tzif.substr(kHeader + old.Bytes(4));
  KEELSON_ASSIGN_OR_RETURN(const Counts counts, ReadHeader(bytes));
  bytes.remove_prefix(kHeader);
  if (bytes.size() < counts.Bytes(8)) return Bad("it is cut off");
  if (counts.leaps > 0) return Bad("it counts leap seconds");
  if (counts.types == 0 || counts.types > 256) return Bad("it has no offsets, or too many");

  Zone zone;
  const std::string_view which = bytes.substr(8 * counts.changes);
  const std::string_view types = which.substr(counts.changes);
  const auto offset_of = [&](std::size_t type) { return BigEndian(types.substr(6 * type, 4)); };
  for (std::size_t type = 0; type < counts.types; ++type) {
    if (std::abs(offset_of(type)) > kLargestOffset) return Bad("an offset is larger than a day");
  }
  zone.offsets_.push_back(offset_of(0));
  for (std::size_t i = 0; i < counts.changes; ++i) {
    const std::int64_t change = BigEndian(bytes.substr(8 * i, 8));
    const auto type = static_cast<unsigned char>(which[i]);
    if (type >= counts.types) return Bad("a change is to an offset that it does not tell");
    if (i > 0 && change <= zone.changes_.back()) return Bad("its changes are not in order");
    zone.changes_.push_back(change);
    zone.offsets_.push_back(offset_of(type));
  }
  const std::string_view footer = bytes.substr(counts.Bytes(8));
  if (footer.size() < 2 || footer.front() != '\n' || footer.back() != '\n') return Bad("it is cut off");
  if (const auto text = footer.substr(1, footer.size() - 2); !text.empty()) {
    zone.rule_ = RuleReader(text).Read();
    if (!zone.rule_) return Bad(fmt::format("its rule \"{}\" cannot be read", text.substr(0, 80)));
  }
  return zone;
}

std::int64_t Zone::OffsetAt(std::int64_t utc) const {
  if (rule_ && (changes_.empty() || utc >= changes_.back())) return rule_->OffsetAt(utc);
  const auto next = std::upper_bound(changes_.begin(), changes_.end(), utc);
  return offsets_[static_cast<std::size_t>(next - changes_.begin())];
}

std::int64_t Zone::EarliestUtc(std::int64_t local) const {
  // The instant is within an offset of `local`. Between these two ends lies at most one change that matters.
  const std::int64_t before = OffsetAt(local - kLargestOffset);
  const std::int64_t after = OffsetAt(local + kLargestOffset);
  if (OffsetAt(local - before) == before) return local - before;
  if (OffsetAt(local - after) == after) return local - after;
  // Skipped: the change lies between the two readings.
  std::int64_t low = local - after;    // still before the change
  std::int64_t high = local - before;  // behind it
  while (high - low > 1) {
    const std::int64_t middle = low + (high - low) / 2;
    (OffsetAt(middle) == before ? low : high) = middle;
  }
  return high;
}

Result<Zone> ReadZone(std::string_view name, std::span<const std::filesystem::path> folders) {
  const auto in_names = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '_' ||
           c == '-' || c == '+';
  };
  // Zones begin with a capital letter; other files of the folder, such as posixrules, do not.
  const bool is_name = !name.empty() && name.size() <= 64 && name.front() >= 'A' && name.front() <= 'Z' &&
                       std::all_of(name.begin(), name.end(), in_names);
  bool any_folder = false;
  for (const auto& folder : folders) {
    std::error_code error;
    if (!std::filesystem::is_directory(folder, error)) continue;
    any_folder = true;
    const auto path = folder / std::string(name);
    if (!is_name || !std::filesystem::is_regular_file(path, error)) continue;
    std::ifstream file(path, std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(file), {});
    auto zone = Zone::Parse(bytes);
    if (!zone) return Fail(zone.error().code, zone.error().message, path.string());
    return zone;
  }
  if (!any_folder) {
    return Fail(
        ErrorCode::kUnavailable,
        fmt::format("the time zone \"{}\" cannot be read: this machine has no time zones; install its package tzdata",
                    name),
        folders.empty() ? "" : folders.front().string());
  }
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("\"{}\" is not a time zone; expected an IANA name such as UTC or Europe/Paris", name));
}

std::vector<std::filesystem::path> ZoneFolders() {
  std::vector<std::filesystem::path> folders = {"/usr/share/zoneinfo"};
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!error) folders.push_back(program.parent_path().parent_path() / "share" / "zoneinfo");
  return folders;
}

}  // namespace keelson
