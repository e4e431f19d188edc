#include "serving/json_number.h"

#include <array>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <string>
#include <type_traits>

namespace keelson::serving {
namespace {

// Powers of ten that the type holds exactly: with a mantissa that it holds too, one multiplication or division rounds
// correctly.
constexpr std::array<double, 23> kPowersOfTen = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                                 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
constexpr std::array<float, 11> kFloatPowersOfTen = {1e0f, 1e1f, 1e2f, 1e3f, 1e4f, 1e5f, 1e6f, 1e7f, 1e8f, 1e9f, 1e10f};

bool IsDigit(char c) {
  return static_cast<unsigned char>(c - '0') < 10;
}

// Text to a number where the exact shortcut does not hold.
template <typename T>
T SlowParse(std::string_view text) {
  T value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc{}) return value;
  const std::string copy(text);  // out of range: from_chars does not say on which side
  if constexpr (std::is_same_v<T, float>) {
    return std::strtof(copy.c_str(), nullptr);
  } else {
    return std::strtod(copy.c_str(), nullptr);
  }
}

template <typename T, typename Powers>
T Convert(const JsonNumber& number, const Powers& powers) {
  using Limits = std::numeric_limits<T>;
  if (number.special) {
    if (number.text.back() == 'N') return Limits::quiet_NaN();
    return number.negative ? -Limits::infinity() : Limits::infinity();
  }
  constexpr int kLargest = static_cast<int>(std::tuple_size_v<Powers>) - 1;
  constexpr std::uint64_t kExact = std::uint64_t{1} << Limits::digits;
  if (!number.exact || number.mantissa > kExact || number.exponent < -kLargest || number.exponent > kLargest) {
    return SlowParse<T>(number.text);
  }
  T value = static_cast<T>(number.mantissa);
  const T power = powers[static_cast<std::size_t>(std::abs(number.exponent))];
  value = number.exponent < 0 ? value / power : value * power;
  return number.negative ? -value : value;
}

bool IsWord(const char* at, const char* end, std::string_view word) {
  return static_cast<std::size_t>(end - at) >= word.size() && std::string_view(at, word.size()) == word;
}

JsonNumberProblem ScanWord(const char* word, const char** at, const char* end, JsonNumber* number) {
  const std::size_t length = IsWord(word, end, "Infinity") ? 8 : !number->negative && IsWord(word, end, "NaN") ? 3 : 0;
  if (length == 0) return JsonNumberProblem::kNotANumber;
  number->special = true;
  number->text = std::string_view(*at, static_cast<std::size_t>(word - *at) + length);
  *at = word + length;
  return JsonNumberProblem::kNone;
}

}  // namespace

JsonNumberProblem ScanJsonNumber(const char** at, const char* end, JsonNumber* number) {
  const char* p = *at;
  const char* const begin = p;
  if (p != end && *p == '-') {
    number->negative = true;
    ++p;
  }
  if (p == end || !IsDigit(*p)) return ScanWord(p, at, end, number);
  const char* const digits = p;
  std::uint64_t mantissa = 0;
  while (p != end && IsDigit(*p)) mantissa = mantissa * 10 + static_cast<std::uint64_t>(*p++ - '0');
  auto count = p - digits;
  if (count > 1 && *digits == '0') return JsonNumberProblem::kLeadingZero;
  number->integer = true;
  int exponent = 0;
  if (p != end && *p == '.') {
    number->integer = false;
    const char* const fraction = ++p;
    while (p != end && IsDigit(*p)) mantissa = mantissa * 10 + static_cast<std::uint64_t>(*p++ - '0');
    if (p == fraction) {
      *at = p;
      return JsonNumberProblem::kNoFraction;
    }
    count += p - fraction;
    exponent = static_cast<int>(fraction - p);
  }
  if (p != end && (*p == 'e' || *p == 'E')) {
    number->integer = false;
    ++p;
    bool minus = false;
    if (p != end && (*p == '+' || *p == '-')) minus = *p++ == '-';
    if (p == end || !IsDigit(*p)) {
      *at = p;
      return JsonNumberProblem::kNoExponent;
    }
    int written = 0;
    while (p != end && IsDigit(*p)) {
      if (written < 100'000) written = written * 10 + (*p - '0');
      ++p;
    }
    exponent += minus ? -written : written;
  }
  number->exact = count <= 19;  // no overflow of 64 bits
  number->mantissa = mantissa;
  number->exponent = exponent;
  number->text = std::string_view(begin, static_cast<std::size_t>(p - begin));
  *at = p;
  return JsonNumberProblem::kNone;
}

double ToDouble(const JsonNumber& number) {
  return Convert<double>(number, kPowersOfTen);
}

float ToFloat(const JsonNumber& number) {
  return Convert<float>(number, kFloatPowersOfTen);
}

std::optional<std::int64_t> ToInt(const JsonNumber& number) {
  const auto limit = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) + (number.negative ? 1 : 0);
  if (!number.integer || !number.exact || number.mantissa > limit) return std::nullopt;
  return static_cast<std::int64_t>(number.negative ? 0 - number.mantissa : number.mantissa);
}

std::optional<std::uint64_t> ToUnsigned(const JsonNumber& number) {
  std::uint64_t value = 0;
  const char* const end = number.text.data() + number.text.size();
  if (!number.integer || number.negative || std::from_chars(number.text.data(), end, value).ec != std::errc{}) {
    return std::nullopt;
  }
  return value;
}

}  // namespace keelson::serving
