#include "serving/json_number.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>

#include "base/random.h"

namespace keelson::serving {
namespace {

JsonNumber Scan(const std::string& text) {
  const char* at = text.data();
  JsonNumber number;
  EXPECT_EQ(ScanJsonNumber(&at, text.data() + text.size(), &number), JsonNumberProblem::kNone) << text;
  EXPECT_EQ(at, text.data() + text.size()) << text;
  return number;
}

TEST(JsonNumber, RoundsAsTheCLibraryDoes) {
  for (const std::string text : {"0",
                                 "-0",
                                 "1",
                                 "-1.5",
                                 "0.1",
                                 "16777217",
                                 "16777216.0000001",
                                 "9007199254740993",
                                 "1e22",
                                 "1e23",
                                 "1e-22",
                                 "3.4028235e38",
                                 "3.4028236e38",
                                 "1e39",
                                 "-1e400",
                                 "1e-45",
                                 "7.006492321624085e-46",
                                 "1e-400",
                                 "2.2250738585072011e-308",
                                 "179769313486231580793728971405301e276",
                                 "12345678901234567890123456789",
                                 "0.000000000000000000000000000001e30",
                                 "1e100000000000000000000",
                                 "8.41e10",
                                 "8.41e11"}) {
    const JsonNumber number = Scan(text);
    EXPECT_EQ(std::bit_cast<std::uint64_t>(ToDouble(number)),
              std::bit_cast<std::uint64_t>(std::strtod(text.c_str(), nullptr)))
        << text;
    EXPECT_EQ(std::bit_cast<std::uint32_t>(ToFloat(number)),
              std::bit_cast<std::uint32_t>(std::strtof(text.c_str(), nullptr)))
        << text;
  }
}

TEST(JsonNumber, GivesBackEveryFloatThatWasPrinted) {
  Random random(3);
  for (int i = 0; i < 50'000; ++i) {
    const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(random.Below(std::uint64_t{1} << 32)));
    if (!std::isfinite(value)) continue;
    char text[64];
    for (const char* form : {"%.9g", "%.17g", "%.3f"}) {
      std::snprintf(text, sizeof(text), form, static_cast<double>(value));
      ASSERT_EQ(ToFloat(Scan(text)), std::strtof(text, nullptr)) << text;
      ASSERT_EQ(ToDouble(Scan(text)), std::strtod(text, nullptr)) << text;
    }
  }
}

TEST(JsonNumber, TakesTheWordsThatPythonWrites) {
  EXPECT_TRUE(std::isnan(ToFloat(Scan("NaN"))));
  EXPECT_EQ(ToDouble(Scan("Infinity")), std::numeric_limits<double>::infinity());
  EXPECT_EQ(ToFloat(Scan("-Infinity")), -std::numeric_limits<float>::infinity());
  EXPECT_FALSE(ToInt(Scan("NaN")));
  EXPECT_FALSE(ToUnsigned(Scan("Infinity")));
}

TEST(JsonNumber, KnowsTheLimitsOfWholeNumbers) {
  EXPECT_EQ(ToInt(Scan("9223372036854775807")), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(ToInt(Scan("-9223372036854775808")), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(ToUnsigned(Scan("18446744073709551615")), std::numeric_limits<std::uint64_t>::max());
  for (const std::string text :
       {"9223372036854775808", "-9223372036854775809", "1.0", "1e3", "100000000000000000000"}) {
    EXPECT_FALSE(ToInt(Scan(text))) << text;
  }
  for (const std::string text : {"18446744073709551616", "-1", "1.5"}) EXPECT_FALSE(ToUnsigned(Scan(text))) << text;
}

TEST(JsonNumber, SaysWhatIsWrongAndWhere) {
  struct Case {
    std::string text;
    JsonNumberProblem problem;
    std::ptrdiff_t at;
  };
  for (const auto& bad : std::initializer_list<Case>{{"", JsonNumberProblem::kNotANumber, 0},
                                                     {"-", JsonNumberProblem::kNotANumber, 0},
                                                     {"+1", JsonNumberProblem::kNotANumber, 0},
                                                     {".5", JsonNumberProblem::kNotANumber, 0},
                                                     {"nan", JsonNumberProblem::kNotANumber, 0},
                                                     {"-NaN", JsonNumberProblem::kNotANumber, 0},
                                                     {"Infinit", JsonNumberProblem::kNotANumber, 0},
                                                     {"01", JsonNumberProblem::kLeadingZero, 0},
                                                     {"-00", JsonNumberProblem::kLeadingZero, 0},
                                                     {"1.", JsonNumberProblem::kNoFraction, 2},
                                                     {"1.e5", JsonNumberProblem::kNoFraction, 2},
                                                     {"1e", JsonNumberProblem::kNoExponent, 2},
                                                     {"1e+", JsonNumberProblem::kNoExponent, 3},
                                                     {"1E-x", JsonNumberProblem::kNoExponent, 3}}) {
    const char* at = bad.text.data();
    JsonNumber number;
    EXPECT_EQ(ScanJsonNumber(&at, bad.text.data() + bad.text.size(), &number), bad.problem) << bad.text;
    EXPECT_EQ(at - bad.text.data(), bad.at) << bad.text;
  }
}

}  // namespace
}  // namespace keelson::serving
