#include "wire/mlflow/trace_filter.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <map>

#include "base/strings.h"
#include "io/files.h"

namespace keelson::wire::mlflow {
namespace {

using tracking::Compare;
using tracking::TraceCondition;
using tracking::TraceEntity;

std::string Write(const io::SqlValue& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  if (const auto* number = std::get_if<double>(&value)) return fmt::format("{}", *number);
  return fmt::format("'{}'", io::AsText(value));
}

std::string Write(const TraceCondition& condition) {
  const std::map<TraceEntity, std::string> entities = {{TraceEntity::kAttribute, "attribute"},
                                                       {TraceEntity::kTag, "tag"},
                                                       {TraceEntity::kMetadata, "metadata"},
                                                       {TraceEntity::kSpan, "span"},
                                                       {TraceEntity::kSpanAttribute, "span attribute"},
                                                       {TraceEntity::kFeedback, "feedback"},
                                                       {TraceEntity::kExpectation, "expectation"},
                                                       {TraceEntity::kIssue, "issue"},
                                                       {TraceEntity::kPrompt, "prompt"}};
  const std::map<Compare, std::string> compares = {{Compare::kEqual, "="},
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
  std::string text =
      fmt::format("{} {} {}", entities.at(condition.entity), condition.key, compares.at(condition.compare));
  std::vector<std::string> values;
  for (const auto& value : condition.values) values.push_back(Write(value));
  const bool list = condition.compare == Compare::kIn || condition.compare == Compare::kNotIn;
  if (list) return fmt::format("{} ({})", text, fmt::join(values, ", "));
  return values.empty() ? text : text + " " + values[0];
}

// testdata/trace_filters.txt: a case a line.
TEST(TraceFilter, ReadsEachCaseOfTheFile) {
  const std::string cases = *io::ReadFile(KEELSON_SOURCE_DIR "/src/wire/mlflow/testdata/trace_filters.txt");
  int count = 0;
  for (const std::string_view line : Split(cases, '\n')) {
    if (line.empty() || line.starts_with('#')) continue;
    const std::size_t bar = line.find('|');
    ASSERT_NE(bar, std::string_view::npos) << line;
    const std::string_view wanted = Trim(line.substr(bar + 1));
    const auto read = ParseTraceFilter(Trim(line.substr(0, bar)));
    ++count;
    if (wanted.starts_with('!')) {
      ASSERT_FALSE(read.has_value()) << line;
      EXPECT_EQ(read.error().code, ErrorCode::kInvalidArgument) << line;
      EXPECT_TRUE(read.error().message.starts_with(Trim(wanted.substr(1)))) << line << "\n" << read.error().message;
      continue;
    }
    ASSERT_TRUE(read.has_value()) << line << "\n" << read.error().message;
    std::vector<std::string> written;
    for (const auto& condition : *read) written.push_back(Write(condition));
    EXPECT_EQ(fmt::format("{}", fmt::join(written, ", ")), wanted) << line;
  }
  EXPECT_GT(count, 50);
}

TEST(TraceFilter, ReadsOrders) {
  const auto order = [](std::string text) {
    const auto read = ParseTraceOrders({std::move(text)});
    return read ? fmt::format("{} {}{}", static_cast<int>((*read)[0].entity), (*read)[0].key,
                              (*read)[0].ascending ? "+" : "-")
                : read.error().message;
  };
  EXPECT_EQ(order("timestamp DESC"), "0 timestamp_ms-");
  EXPECT_EQ(order("name"), "0 mlflow.traceName+");
  EXPECT_EQ(order("tags.`a b` asc"), "1 a b+");
  EXPECT_EQ(order("metadata.x"), "2 x+");
  EXPECT_EQ(order("metadata.`mlflow.trace.session`"), "0 mlflow.trace.session+");
  EXPECT_EQ(order("span.name"), "Invalid identifier type 'span'");
  EXPECT_TRUE(order("metadata.`mlflow.trace.cost`").starts_with("Ordering by reserved metadata 'mlflow.trace.cost'"));
  EXPECT_TRUE(order("bogus").starts_with("Invalid attribute key 'bogus' specified."));
  EXPECT_EQ(ParseTraceOrders({"timestamp", "timestamp_ms DESC"}).error().message,
            "`order_by` contains duplicate fields: ['timestamp', 'timestamp_ms DESC']");
}

}  // namespace
}  // namespace keelson::wire::mlflow
