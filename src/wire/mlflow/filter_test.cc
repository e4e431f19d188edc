#include "wire/mlflow/filter.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <map>

#include "base/strings.h"
#include "io/files.h"

namespace keelson::wire::mlflow {
namespace {

using tracking::Compare;
using tracking::Condition;
using tracking::Entity;

std::string Write(const io::SqlValue& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  if (const auto* number = std::get_if<double>(&value)) return fmt::format("{}", *number);
  return fmt::format("'{}'", io::AsText(value));
}

std::string Write(const Condition& condition) {
  const std::map<Entity, std::string> entities = {{Entity::kAttribute, "attribute"},
                                                  {Entity::kMetric, "metric"},
                                                  {Entity::kParam, "param"},
                                                  {Entity::kTag, "tag"},
                                                  {Entity::kDataset, "dataset"}};
  const std::map<Compare, std::string> compares = {
      {Compare::kEqual, "="},        {Compare::kNotEqual, "!="},    {Compare::kLess, "<"},
      {Compare::kLessOrEqual, "<="}, {Compare::kGreater, ">"},      {Compare::kGreaterOrEqual, ">="},
      {Compare::kLike, "LIKE"},      {Compare::kILike, "ILIKE"},    {Compare::kIn, "IN"},
      {Compare::kNotIn, "NOT IN"},   {Compare::kIsNull, "IS NULL"}, {Compare::kIsNotNull, "IS NOT NULL"}};
  const std::string key = condition.key.contains(' ') ? fmt::format("'{}'", condition.key) : condition.key;
  std::string text = fmt::format("{} {} {}", entities.at(condition.entity), key, compares.at(condition.compare));
  std::vector<std::string> values;
  for (const auto& value : condition.values) values.push_back(Write(value));
  const bool list = condition.compare == Compare::kIn || condition.compare == Compare::kNotIn;
  if (list) return fmt::format("{} ({})", text, fmt::join(values, ", "));
  return values.empty() ? text : text + " " + values[0];
}

Searched SearchedNamed(std::string_view name) {
  if (name == "runs") return Searched::kRuns;
  if (name == "experiments") return Searched::kExperiments;
  if (name == "models") return Searched::kModels;
  return name == "versions" ? Searched::kVersions : Searched::kLoggedModels;
}

// testdata/filters.txt: a case a line.
TEST(Filter, ReadsEachCaseOfTheFile) {
  const std::string cases = *io::ReadFile(KEELSON_SOURCE_DIR "/src/wire/mlflow/testdata/filters.txt");
  int count = 0;
  for (const std::string_view line : Split(cases, '\n')) {
    if (line.empty() || line.starts_with('#')) continue;
    const auto parts = Split(line, '|');
    ASSERT_EQ(parts.size(), 3u) << line;
    const std::string_view wanted = Trim(parts[2]);
    const auto read = ParseFilter(Trim(parts[1]), SearchedNamed(Trim(parts[0])));
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
