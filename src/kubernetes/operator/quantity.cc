#include "kubernetes/operator/quantity.h"

#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "base/strings.h"

namespace keelson::kubernetes {
namespace {

// As k8s.io/apimachinery/pkg/api/resource writes them.
constexpr std::array<std::pair<std::string_view, long double>, 16> kSuffixes = {{{"Ki", 0x1p10L},
                                                                                 {"Mi", 0x1p20L},
                                                                                 {"Gi", 0x1p30L},
                                                                                 {"Ti", 0x1p40L},
                                                                                 {"Pi", 0x1p50L},
                                                                                 {"Ei", 0x1p60L},
                                                                                 {"n", 1e-9L},
                                                                                 {"u", 1e-6L},
                                                                                 {"m", 1e-3L},
                                                                                 {"", 1},
                                                                                 {"k", 1e3L},
                                                                                 {"M", 1e6L},
                                                                                 {"G", 1e9L},
                                                                                 {"T", 1e12L},
                                                                                 {"P", 1e15L},
                                                                                 {"E", 1e18L}}};

bool IsNumber(std::string_view text) {
  bool digits = false;
  for (const char c : text) {
    if (c >= '0' && c <= '9') {
      digits = true;
    } else if (c != '.') {
      return false;
    }
  }
  return digits;
}

std::optional<long double> ScaleOf(std::string_view suffix) {
  for (const auto& [name, scale] : kSuffixes) {
    if (name == suffix) return scale;
  }
  if (suffix.size() > 1 && (suffix.front() == 'e' || suffix.front() == 'E')) {
    if (suffix[1] == '+') suffix.remove_prefix(1);
    const auto exponent = ParseInt(suffix.substr(1));
    constexpr std::int64_t kMost = 18;
    if (exponent && *exponent <= kMost && *exponent >= -kMost) return std::pow(10.0L, *exponent);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::int64_t> ParseQuantity(std::string_view text, std::int64_t per_unit) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const std::size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
  const std::string_view number = text.substr(0, end);
  if (!IsNumber(number)) return std::nullopt;
  const auto value = ParseDouble(number);
  const auto scale = ScaleOf(text.substr(end));
  if (!value || !scale) return std::nullopt;
  const long double scaled = *value * *scale * static_cast<long double>(per_unit);
  // No double is 0.1: what is above a whole number by less than a double can tell is that number.
  constexpr long double kUntold = 2e-16L;
  const long double floor = std::floor(scaled);
  const long double whole = scaled - floor <= kUntold * scaled ? floor : floor + 1;
  if (!(whole < static_cast<long double>(std::numeric_limits<std::int64_t>::max()))) return std::nullopt;
  return static_cast<std::int64_t>(whole);
}

std::int64_t QuantityOf(const nlohmann::json& resources, const char* name, std::int64_t per_unit) {
  if (!resources.is_object()) return 0;
  const auto found = resources.find(name);
  if (found == resources.end()) return 0;
  if (found->is_string()) return ParseQuantity(found->get_ref<const std::string&>(), per_unit).value_or(0);
  return ParseQuantity(found->dump(), per_unit).value_or(0);
}

bool SameQuantity(std::string_view one, std::string_view other) {
  constexpr std::int64_t kFine = 1'000;
  const auto first = ParseQuantity(one, kFine);
  return first && first == ParseQuantity(other, kFine);
}

}  // namespace keelson::kubernetes
