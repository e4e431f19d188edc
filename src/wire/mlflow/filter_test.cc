#include "wire/mlflow/filter.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

#include "wire/mlflow/filter_testing.h"

namespace keelson::wire::mlflow {
namespace {

using tracking::Condition;
using tracking::Entity;

std::string WriteCondition(const Condition& condition) {
  static const std::map<Entity, std::string_view> kEntities = {{Entity::kAttribute, "attribute"},
                                                               {Entity::kMetric, "metric"},
                                                               {Entity::kParam, "param"},
                                                               {Entity::kTag, "tag"},
                                                               {Entity::kDataset, "dataset"}};
  const std::string key = condition.key.contains(' ') ? fmt::format("'{}'", condition.key) : condition.key;
  return Written(kEntities.at(condition.entity), key, condition.compare, condition.values);
}

Searched SearchedNamed(std::string_view name) {
  if (name == "runs") return Searched::kRuns;
  if (name == "experiments") return Searched::kExperiments;
  if (name == "models") return Searched::kModels;
  return name == "versions" ? Searched::kVersions : Searched::kLoggedModels;
}

TEST(Filter, ReadsEachCaseOfTheFile) {
  const auto cases = FilterCases("filters.txt");
  for (const auto& fields : cases) {
    ASSERT_EQ(fields.size(), 3u) << fields[0];
    SCOPED_TRACE(fields[1]);
    ExpectFilter(ParseFilter(fields[1], SearchedNamed(fields[0])), fields[2], WriteCondition);
  }
  EXPECT_GT(cases.size(), 50u);
}

TEST(Filter, ReadsOrders) {
  const auto order = [](std::string_view text, Searched searched = Searched::kRuns) {
    const auto read = ParseOrder(text, searched);
    return read ? fmt::format("{}{}{}", static_cast<int>(read->entity), read->key, read->ascending ? "+" : "-")
                : read.error().message;
  };
  EXPECT_EQ(order("metrics.`a b` DESC"), "1a b-");
  EXPECT_EQ(order("start_time"), "0start_time+");
  EXPECT_EQ(order("created asc"), "0start_time+");
  EXPECT_EQ(order("tag.x"), "3x+");
  EXPECT_EQ(order("metrics.a SIDEWAYS"), "Invalid ordering key in order_by clause 'metrics.a SIDEWAYS'.");
  EXPECT_EQ(order(""), "Invalid order_by clause ''. Could not be parsed.");
  EXPECT_EQ(order("timestamp DESC", Searched::kModels), "0last_updated_timestamp-");
  EXPECT_EQ(order("version_number", Searched::kVersions), "0version_number+");
  EXPECT_EQ(order("tags.a", Searched::kExperiments), "Invalid order_by entity: tag");
  EXPECT_EQ(ParseOrders({"run_id", "run_id DESC"}, Searched::kRuns).error().message,
            "`order_by` contains duplicate fields: ['run_id', 'run_id DESC']");
}

}  // namespace
}  // namespace keelson::wire::mlflow
