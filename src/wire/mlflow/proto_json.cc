#include "wire/mlflow/proto_json.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "base/time.h"

namespace keelson::wire::mlflow {
namespace {

bool AreDigits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// ".250" of 250 ms; nothing of 0.
std::string Fraction(std::int64_t ms) {
  return ms == 0 ? std::string() : fmt::format(".{:03}", ms);
}

}  // namespace

std::optional<std::int64_t> ReadTimestamp(std::string_view text) {
  constexpr std::size_t kDate = 19;  // "2026-01-01T00:00:00"
  constexpr std::size_t kNanos = 9;
  constexpr std::size_t kMicros = 6;
  if (text.size() <= kDate || text[10] != 'T') return std::nullopt;
  std::string plain(text.substr(0, kDate));
  std::string_view rest = text.substr(kDate);
  if (rest.front() == '.') {
    const std::size_t end = std::min(rest.find_first_not_of("0123456789", 1), rest.size());
    const std::string_view digits = rest.substr(1, end - 1);
    if (digits.empty() || digits.size() > kNanos) return std::nullopt;
    plain += fmt::format(".{}", digits.substr(0, kMicros));
    rest.remove_prefix(end);
  }
  if (rest.empty()) return std::nullopt;
  const auto instant = ParseInstant(plain + std::string(rest));
  if (!instant) return std::nullopt;
  return std::chrono::floor<std::chrono::milliseconds>(*instant).time_since_epoch().count();
}

std::optional<std::int64_t> ReadSpanOfTime(std::string_view text) {
  constexpr std::size_t kMostSeconds = 12;
  if (!text.ends_with('s')) return std::nullopt;
  text.remove_suffix(1);
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const std::size_t dot = std::min(text.find('.'), text.size());
  const std::string_view seconds = text.substr(0, dot);
  if (!AreDigits(seconds) || seconds.size() > kMostSeconds) return std::nullopt;
  std::int64_t ms = *ParseInt(seconds) * 1000;
  if (dot < text.size()) {
    const std::string_view digits = text.substr(dot + 1);
    if (!AreDigits(digits) || digits.size() > 9) return std::nullopt;
    std::string three(digits.substr(0, 3));
    three.resize(3, '0');
    ms += *ParseInt(three);
  }
  return negative ? -ms : ms;
}

std::string WriteTimestamp(std::int64_t ms) {
  // What FormatInstant can say; a client may say any number.
  constexpr std::int64_t kFirst = -62'135'596'800'000;  // year 1
  constexpr std::int64_t kLast = 253'402'300'799'999;   // year 9999
  ms = std::clamp(ms, kFirst, kLast);
  const std::int64_t within = ((ms % 1000) + 1000) % 1000;
  std::string text = FormatInstant(InstantFromMicros((ms - within) * 1000));
  text.pop_back();  // 'Z'
  return text + Fraction(within) + "Z";
}

std::string WriteSpanOfTime(std::int64_t ms) {
  const bool negative = ms < 0;
  const std::uint64_t size = negative ? 0 - static_cast<std::uint64_t>(ms) : static_cast<std::uint64_t>(ms);
  return fmt::format("{}{}{}s", negative ? "-" : "", size / 1000, Fraction(static_cast<std::int64_t>(size % 1000)));
}

}  // namespace keelson::wire::mlflow
