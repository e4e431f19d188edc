#include "data/value_kind.h"

#include <algorithm>
#include <charconv>

namespace keelson::data {
namespace {

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

// Reads exactly `count` digits off the front.
bool TakeDigits(std::string_view& text, std::size_t count, int& value) {
  if (text.size() < count) return false;
  value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (!IsDigit(text[i])) return false;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return true;
}

bool Take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

// ":MM", ":SS" or "MM", below `limit`.
bool TakeSexagesimal(std::string_view& text, bool colon) {
  int value = 0;
  return (!colon || Take(text, ':')) && TakeDigits(text, 2, value) && value < 60;
}

bool TakeOffset(std::string_view& text) {
  if (Take(text, 'Z') || text.empty()) return true;
  if (!Take(text, '+') && !Take(text, '-')) return false;
  int hours = 0;
  if (!TakeDigits(text, 2, hours) || hours > 15) return false;
  return text.empty() || TakeSexagesimal(text, text.front() == ':');
}

// YYYY-MM-DD, then perhaps T or a space, HH:MM, :SS, .fraction, and Z or an offset.
bool IsTimestamp(std::string_view text) {
  int year = 0;
  int month = 0;
  int day = 0;
  if (!TakeDigits(text, 4, year) || !Take(text, '-') || !TakeDigits(text, 2, month) || !Take(text, '-') ||
      !TakeDigits(text, 2, day)) {
    return false;
  }
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return false;
  if (text.empty()) return true;
  if (!Take(text, 'T') && !Take(text, ' ')) return false;
  int hour = 0;
  if (!TakeDigits(text, 2, hour) || hour > 23 || !TakeSexagesimal(text, true)) return false;
  if (!text.empty() && text.front() == ':') {
    if (!TakeSexagesimal(text, true)) return false;
    if (Take(text, '.')) {
      const auto digits = static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), IsDigit) - text.begin());
      if (digits == 0 || digits > 9) return false;
      text.remove_prefix(digits);
    }
  }
  return TakeOffset(text) && text.empty();
}

bool EqualsIgnoringCase(std::string_view text, std::string_view lower) {
  return text.size() == lower.size() && std::equal(text.begin(), text.end(), lower.begin(), [](char a, char b) {
           return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
         });
}

ColumnType KindOfNumber(std::string_view text) {
  const std::string_view digits = text.front() == '-' ? text.substr(1) : text;
  if (digits.empty() || (!IsDigit(digits.front()) && digits.front() != '.')) return ColumnType::kString;
  if (digits.size() > 1 && digits[0] == '0' && IsDigit(digits[1])) return ColumnType::kString;
  const char* end = text.data() + text.size();
  if (std::all_of(digits.begin(), digits.end(), IsDigit)) {
    std::int64_t whole = 0;
    const bool fits = std::from_chars(text.data(), end, whole).ec == std::errc{};
    return fits ? ColumnType::kInt64 : ColumnType::kString;
  }
  double number = 0;
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc{} && stop == end ? ColumnType::kDouble : ColumnType::kString;
}

}  // namespace

ColumnType KindOf(std::string_view text) {
  if (text.empty()) return ColumnType::kString;
  const char first = text.front();
  if (first == 't' || first == 'T' || first == 'f' || first == 'F') {
    return EqualsIgnoringCase(text, "true") || EqualsIgnoringCase(text, "false") ? ColumnType::kBool
                                                                                 : ColumnType::kString;
  }
  if (!IsDigit(first) && first != '-' && first != '.') return ColumnType::kString;
  if (text.size() >= 10 && text[4] == '-') return IsTimestamp(text) ? ColumnType::kTimestamp : ColumnType::kString;
  return KindOfNumber(text);
}

ColumnType CommonType(ColumnType a, ColumnType b) {
  if (a == b) return a;
  const auto numeric = [](ColumnType type) { return type == ColumnType::kInt64 || type == ColumnType::kDouble; };
  return numeric(a) && numeric(b) ? ColumnType::kDouble : ColumnType::kString;
}

}  // namespace keelson::data
