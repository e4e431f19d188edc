#include "project/quantity.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace keelson::project {
namespace {

constexpr std::size_t kMostDigits = 18;
constexpr std::int64_t kMost = std::int64_t{1} << 56;

struct Suffix {
  std::string_view name;
  int power;
};
constexpr std::array<Suffix, 10> kDecimal = {
    {{"n", -9}, {"u", -6}, {"m", -3}, {"", 0}, {"k", 3}, {"M", 6}, {"G", 9}, {"T", 12}, {"P", 15}, {"E", 18}}};
constexpr std::array<Suffix, 6> kBinary = {{{"Ki", 10}, {"Mi", 20}, {"Gi", 30}, {"Ti", 40}, {"Pi", 50}, {"Ei", 60}}};

// mantissa * 10^ten * 2^two, in whole numbers, rounded up; nothing beyond kMost.
std::optional<std::int64_t> Scale(std::int64_t mantissa, int ten, int two) {
  __extension__ using Wide = unsigned __int128;
  if (mantissa == 0) return 0;
  auto value = static_cast<Wide>(mantissa);
  for (; two > 0; --two) {
    value *= 2;
    if (value >> 120 != 0) return std::nullopt;
  }
  for (; ten > 0; --ten) {
    value *= 10;
    if (value >> 120 != 0) return std::nullopt;
  }
  for (; ten < 0; ++ten) {
    value = value / 10 + (value % 10 != 0 ? 1 : 0);
    if (value == 1) break;  // it stays one thousandth
  }
  if (value >= static_cast<Wide>(kMost)) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

}  // namespace

std::optional<std::int64_t> ParseQuantity(std::string_view text, Unit unit) {
  if (text.starts_with('+')) text.remove_prefix(1);
  std::int64_t mantissa = 0;
  std::size_t digits = 0;
  int ten = unit == Unit::kThousandths ? 3 : 0;
  bool point = false;
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '.' && !point) {
      point = true;
      continue;
    }
    if (c < '0' || c > '9') break;
    if (mantissa > 0 || c != '0') ++digits;
    if (digits > kMostDigits) return std::nullopt;
    mantissa = mantissa * 10 + (c - '0');
    if (point) --ten;
  }
  if (at == 0 || (at == 1 && point)) return std::nullopt;
  const std::string_view suffix = text.substr(at);
  for (const auto& [name, power] : kDecimal) {
    if (suffix == name) return Scale(mantissa, ten + power, 0);
  }
  for (const auto& [name, power] : kBinary) {
    if (suffix == name) return Scale(mantissa, ten, power);
  }
  if (suffix.size() < 2 || (suffix[0] != 'e' && suffix[0] != 'E')) return std::nullopt;
  const std::string_view exponent = suffix.substr(suffix[1] == '+' ? 2 : 1);
  int power = 0;
  const auto [end, error] = std::from_chars(exponent.data(), exponent.data() + exponent.size(), power);
  if (exponent.empty() || error != std::errc() || end != exponent.data() + exponent.size()) return std::nullopt;
  return Scale(mantissa, ten + std::clamp(power, -100, 100), 0);
}

}  // namespace keelson::project
