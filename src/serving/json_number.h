#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace keelson::serving {

// A number of a JSON text, scanned but not converted yet: what it is converted to is the caller's choice. The views
// into the text live as long as the text.
struct JsonNumber {
  std::string_view text;
  std::uint64_t mantissa = 0;  // the digits without point and sign; exact when `exact`
  int exponent = 0;            // of ten, behind `mantissa`
  bool negative = false;
  bool integer = false;  // written without point and exponent
  bool exact = false;    // at most 19 digits
  bool special = false;  // NaN or an infinity
};

// What is wrong with a text that should have begun with a number.
enum class JsonNumberProblem { kNone, kNotANumber, kLeadingZero, kNoFraction, kNoExponent };

// Scans the number that begins at *at, which is moved behind it (or, without a number, to the byte that is wrong).
// Beyond RFC 8259 the words NaN, Infinity and -Infinity are numbers.
JsonNumberProblem ScanJsonNumber(const char** at, const char* end, JsonNumber* number);

// Correctly rounded; beyond the range infinite, as Python reads it.
double ToDouble(const JsonNumber& number);
float ToFloat(const JsonNumber& number);
std::optional<std::int64_t> ToInt(const JsonNumber& number);  // nothing unless written as a whole number within range
std::optional<std::uint64_t> ToUnsigned(const JsonNumber& number);

}  // namespace keelson::serving
