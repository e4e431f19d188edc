#include "wire/mlflow/trace_filter.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

#include "wire/mlflow/filter_testing.h"

namespace keelson::wire::mlflow {
namespace {

using tracking::TraceCondition;
using tracking::TraceEntity;

std::string WriteCondition(const TraceCondition& condition) {
  static const std::map<TraceEntity, std::string_view> kEntities = {{TraceEntity::kAttribute, "attribute"},
                                                                    {TraceEntity::kTag, "tag"},
                                                                    {TraceEntity::kMetadata, "metadata"},
                                                                    {TraceEntity::kSpan, "span"},
                                                                    {TraceEntity::kSpanAttribute, "span attribute"},
                                                                    {TraceEntity::kFeedback, "feedback"},
                                                                    {TraceEntity::kExpectation, "expectation"},
                                                                    {TraceEntity::kIssue, "issue"},
                                                                    {TraceEntity::kPrompt, "prompt"}};
  return Written(kEntities.at(condition.entity), condition.key, condition.compare, condition.values);
}

TEST(TraceFilter, ReadsEachCaseOfTheFile) {
  const auto cases = FilterCases("trace_filters.txt");
  for (const auto& fields : cases) {
    ASSERT_EQ(fields.size(), 2u) << fields[0];
    SCOPED_TRACE(fields[0]);
    ExpectFilter(ParseTraceFilter(fields[0]), fields[1], WriteCondition);
  }
  EXPECT_GT(cases.size(), 50u);
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
