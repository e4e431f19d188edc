#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/strings.h"
#include "io/database.h"
#include "io/files.h"
#include "tracking/search.h"

// How the files of cases of both filter languages write what was read, and their lines.
namespace keelson::wire::mlflow {

inline std::string Written(const io::SqlValue& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  if (const auto* number = std::get_if<double>(&value)) return fmt::format("{}", *number);
  return fmt::format("'{}'", io::AsText(value));
}

// "metric loss <= 0.5", "tag a IN ('x', 'y')", "param p IS NULL".
inline std::string Written(std::string_view entity, std::string_view key, tracking::Compare compare,
                           const std::vector<io::SqlValue>& values) {
  using tracking::Compare;
  static const std::map<Compare, std::string_view> kCompares = {{Compare::kEqual, "="},
                                                                {Compare::kNotEqual, "!="},
                                                                {Compare::kLess, "<"},
                                                                {Compare::kLessOrEqual, "<="},
                                                                {Compare::kGreater, ">"},
                                                                {Compare::kGreaterOrEqual, ">="},
                                                                {Compare::kLike, "LIKE"},
                                                                {Compare::kILike, "ILIKE"},
                                                                {Compare::kRLike, "RLIKE"},
                                                                {Compare::kIn, "IN"},
                                                                {Compare::kNotIn, "NOT IN"},
                                                                {Compare::kIsNull, "IS NULL"},
                                                                {Compare::kIsNotNull, "IS NOT NULL"}};
  const std::string text = fmt::format("{} {} {}", entity, key, kCompares.at(compare));
  std::vector<std::string> written;
  for (const auto& value : values) written.push_back(Written(value));
  const bool list = compare == Compare::kIn || compare == Compare::kNotIn;
  if (list) return fmt::format("{} ({})", text, fmt::join(written, ", "));
  return written.empty() ? text : text + " " + written[0];
}

// The cases of a file of testdata, each its fields between bars without the space around them.
inline std::vector<std::vector<std::string>> FilterCases(std::string_view file) {
  const std::string text = *io::ReadFile(fmt::format("{}/src/wire/mlflow/testdata/{}", KEELSON_SOURCE_DIR, file));
  std::vector<std::vector<std::string>> cases;
  for (const std::string_view line : Split(text, '\n')) {
    if (line.empty() || line.starts_with('#')) continue;
    std::vector<std::string>& fields = cases.emplace_back();
    for (const std::string_view field : Split(line, '|')) fields.emplace_back(Trim(field));
  }
  return cases;
}

// What a case wants of what was read: its conditions, as `write` writes them, or "!" and the beginning of the error's
// message.
template <typename Condition>
void ExpectFilter(const Result<std::vector<Condition>>& read, std::string_view wanted,
                  std::string (*write)(const Condition&)) {
  if (wanted.starts_with('!')) {
    ASSERT_FALSE(read.has_value());
    EXPECT_EQ(read.error().code, ErrorCode::kInvalidArgument);
    EXPECT_TRUE(read.error().message.starts_with(Trim(wanted.substr(1)))) << read.error().message;
    return;
  }
  ASSERT_TRUE(read.has_value()) << read.error().message;
  std::vector<std::string> written;
  for (const auto& condition : *read) written.push_back(write(condition));
  EXPECT_EQ(fmt::format("{}", fmt::join(written, ", ")), wanted);
}

}  // namespace keelson::wire::mlflow
