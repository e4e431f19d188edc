#include "control/row_intake.h"

#include <gtest/gtest.h>

#include "io/files.h"
#include "io/temp_folder.h"

namespace keelson::control {
namespace {

using data::ColumnType;

const data::Schema kWeather = {{"id", ColumnType::kString},
                               {"temp", ColumnType::kDouble},
                               {"gusts", ColumnType::kInt64},
                               {"at", ColumnType::kTimestamp}};

Json Expectation(const std::string& type, Json kwargs) {
  return {{"type", type}, {"kwargs", std::move(kwargs)}};
}
Json Between(double low, double high, Json more = Json::object()) {
  more.update({{"column", "temp"}, {"min_value", low}, {"max_value", high}});
  return Expectation("expect_column_values_to_be_between", std::move(more));
}

// `count` rows with ids from `first`; those below `cold` have a temperature of -500.
Json Rows(int count, int cold = 0, int first = 0) {
  Json rows = Json::array();
  for (int i = 0; i < count; ++i) {
    rows.push_back({{"id", "w" + std::to_string(first + i)}, {"temp", i < cold ? -500.0 : 20.0}});
  }
  return rows;
}

class RowIntakeTest : public testing::Test {
 protected:
  std::unique_ptr<RowIntake> Open(const Json& expectations = Json(), const std::string& key = "id") {
    RowIntake::Options options{.source = "weather",
                               .log_path = folder_.File("rows/weather.log"),
                               .quarantine_folder = folder_.File("quarantine/weather"),
                               .key_column = key,
                               .schema = kWeather,
                               .suite = nullptr};
    if (!expectations.is_null()) {
      auto suite = data::ExpectationSuite::Parse(Json{{"name", "s"}, {"expectations", expectations}}.dump(), "s.json");
      EXPECT_TRUE(suite) << suite.error().ToString();
      options.suite = std::make_shared<data::ExpectationSuite>(*std::move(suite));
    }
    auto intake = RowIntake::Open(std::move(options), [](const RowLog::Batch&) -> Status { return {}; });
    EXPECT_TRUE(intake) << intake.error().ToString();
    return *std::move(intake);
  }
  static Result<RowsAnswer> Take(RowIntake& intake, const Json& rows) {
    KEELSON_ASSIGN_OR_RETURN(const auto pushed, intake.Read(Json{{"rows", rows}}.dump()));
    return intake.Accept(pushed, Instant{});
  }
  // "" when accepted, else the summary of the refusal.
  static std::string Push(RowIntake& intake, const Json& rows) {
    const auto answer = Take(intake, rows);
    if (!answer) return "error: " + answer.error().ToString();
    return answer->refusal ? answer->refusal->at("summary").get<std::string>() : "";
  }
  static Error ErrorOf(RowIntake& intake, const Json& rows) {
    const auto answer = Take(intake, rows);
    EXPECT_FALSE(answer);
    return answer ? Error{} : answer.error();
  }

  const io::TempFolder folder_ = io::TempFolder::Make().value();
};

TEST_F(RowIntakeTest, RowsBecomeTypedAndWhatNoRowHasIsNull) {
  const auto intake = Open();
  const auto answer =
      Take(*intake, Json::parse(R"([{"at": "2013-04-01T12:00:00Z", "id": "a", "temp": 7}, {"id": "b", "at": null}])"));
  ASSERT_TRUE(answer) << answer.error().ToString();
  EXPECT_FALSE(answer->refusal);
  EXPECT_EQ(answer->sequence, 1u);
  const data::Table& rows = answer->accepted;
  ASSERT_EQ(rows.schema(), kWeather);
  ASSERT_EQ(rows.rows(), 2u);
  EXPECT_EQ(rows.At(0, 1), data::Value(7.0));
  EXPECT_EQ(rows.At(0, 3), data::Value(ParseInstant("2013-04-01T12:00:00Z").value()));
  EXPECT_EQ(rows.At(1, 0), data::Value("b"));
  for (const std::size_t column : {1u, 2u, 3u}) EXPECT_EQ(rows.At(1, column), data::Value{}) << column;
}

TEST_F(RowIntakeTest, WrongTypesAreToldWithRowAndColumnAndNothingIsAccepted) {
  const auto intake = Open();
  for (const char* bad : {R"("warm")", "[1]", R"({"c": 1})", "true"}) {
    const Error error =
        ErrorOf(*intake, Json::parse(R"([{"id": "a", "temp": 1}, {"id": "b", "temp": )" + std::string(bad) + "}]"));
    EXPECT_EQ(error.code, ErrorCode::kInvalidArgument) << bad;
    EXPECT_TRUE(error.where.starts_with("rows[1]")) << error.ToString();
    EXPECT_NE(error.ToString().find("temp"), std::string::npos) << error.ToString();
  }
  EXPECT_EQ(ErrorOf(*intake, Json::parse(R"([{"id": "a", "gusts": 18446744073709551615}])")).where, "rows[0].gusts");
  EXPECT_EQ(ErrorOf(*intake, Json::parse(R"([{"id": "a", "gusts": 1.5}])")).code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(ErrorOf(*intake, Json::parse(R"([{"id": "a"}, 5])")).where, "rows[1]");
  EXPECT_EQ(ErrorOf(*intake, Json::parse(R"({"id": "a"})")).where, "rows");
  EXPECT_EQ(ErrorOf(*intake, Json::parse(R"([{}])")).where, "rows[0]") << "a row without its key is no row";
  EXPECT_EQ(intake->sequence(), 0u);
}

TEST_F(RowIntakeTest, AnUnknownColumnIsNamedWithTheNearestOne) {
  const auto intake = Open();
  const Error error = ErrorOf(*intake, Json::parse(R"([{"id": "a", "tmep": 1}])"));
  EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(error.message, R"(unknown column "tmep"; did you mean "temp"?)");
}

TEST_F(RowIntakeTest, ARenamedColumnIsRefusedByTheSuiteAndKeptInQuarantine) {
  const auto intake = Open(Json::array({Between(-100, 100)}));
  const Json rows = Json::parse(R"([{"id": "a", "temperature": 20}])");
  const auto answer = Take(*intake, rows);
  ASSERT_TRUE(answer);
  ASSERT_TRUE(answer->refusal);
  EXPECT_EQ(answer->refusal->at("unknown_columns"), Json{"temperature"});
  EXPECT_NE(answer->refusal->at("summary").get<std::string>().find("temp"), std::string::npos);
  EXPECT_EQ(answer->sequence, 0u);
  EXPECT_EQ(answer->accepted.rows(), 0u);
  EXPECT_EQ(intake->refused_batches(), 1u);

  Push(*intake, rows);
  const auto kept = io::ListFolder(folder_.File("quarantine/weather"));
  ASSERT_TRUE(kept);
  ASSERT_EQ(kept->size(), 1u) << "the same batch again replaces its file";
  const Json file = Json::parse(io::ReadFile(folder_.File("quarantine/weather/" + kept->front())).value());
  EXPECT_EQ(file.at("rows"), rows);
  EXPECT_EQ(file.at("report"), *answer->refusal);
}

TEST_F(RowIntakeTest, ARefusalHasCountsAndSomeOfTheRows) {
  const auto intake = Open(Json::array({Between(-100, 100)}));
  const auto answer = Take(*intake, Rows(30, 7));
  ASSERT_TRUE(answer && answer->refusal);
  const Json& failure = answer->refusal->at("failures").at(0);
  EXPECT_EQ(answer->refusal->at("rows"), 30);
  EXPECT_EQ(failure.at("expectation"), "expect_column_values_to_be_between");
  EXPECT_EQ(failure.at("unexpected"), 7);
  EXPECT_EQ(failure.at("elements"), 30);
  ASSERT_EQ(failure.at("example_rows").size(), 5u);
  EXPECT_EQ(failure.at("example_rows").at(4), Rows(30, 7).at(4));
  EXPECT_EQ(Push(*intake, Rows(30)), "") << "and a good batch after it is accepted";
}

TEST_F(RowIntakeTest, MostlyToleratesInASmallBatchAsManyAsInOneOfTwenty) {
  const auto intake = Open(Json::array({Between(-100, 100, {{"mostly", 0.9}})}), "");
  EXPECT_EQ(Push(*intake, Rows(3, 2)), "");
  EXPECT_NE(Push(*intake, Rows(3, 3)), "");
  EXPECT_EQ(Push(*intake, Rows(99, 9, 1'000)), "") << "what the suite itself lets pass";
  EXPECT_NE(Push(*intake, Rows(99, 10, 2'000)), "");
  EXPECT_NE(Push(*intake, Rows(100, 11, 3'000)), "");
}

TEST_F(RowIntakeTest, WithoutMostlyOneRowIsTooMany) {
  for (const Json& more : {Json::object(), Json{{"mostly", nullptr}}, Json{{"mostly", 1}}}) {
    const auto intake = Open(Json::array({Between(-100, 100, more)}));
    EXPECT_NE(Push(*intake, Rows(3, 1)), "") << more;
  }
}

TEST_F(RowIntakeTest, WhatAWholeColumnMustBeLikeIsNotAskedOfASmallBatch) {
  const auto intake = Open(
      Json{Expectation("expect_column_mean_to_be_between", {{"column", "temp"}, {"min_value", 90}, {"max_value", 99}}),
           Expectation("expect_table_row_count_to_be_between", {{"min_value", 1'000}, {"max_value", 2'000}})});
  EXPECT_EQ(Push(*intake, Rows(static_cast<int>(RowIntake::kWholeBatch) - 1)), "");
  const auto answer = Take(*intake, Rows(static_cast<int>(RowIntake::kWholeBatch), 0, 500));
  ASSERT_TRUE(answer && answer->refusal);
  EXPECT_EQ(answer->refusal->at("failures").size(), 2u);
}

TEST_F(RowIntakeTest, ABatchThatIsTooLargeIsRefusedWhole) {
  const auto intake = Open();
  const Error error = ErrorOf(*intake, Rows(static_cast<int>(RowIntake::kRowsAtMost) + 1));
  EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(intake->sequence(), 0u);
}

TEST_F(RowIntakeTest, ARepeatedPushChangesNothingAlsoAfterReopening) {
  {
    const auto intake = Open();
    ASSERT_EQ(Push(*intake, Rows(3)), "");
    const auto again = Take(*intake, Rows(4));
    ASSERT_TRUE(again);
    EXPECT_EQ(again->repeated, 3u);
    EXPECT_EQ(again->accepted.rows(), 1u);
    EXPECT_EQ(again->sequence, 2u);
  }
  const auto intake = Open();
  const auto again = Take(*intake, Rows(4));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->repeated, 4u);
  EXPECT_EQ(again->sequence, 2u);
}

TEST_F(RowIntakeTest, AnEmptyBatchIsAcceptedAndLeavesNoTrace) {
  const auto intake = Open(Json::array({Between(0, 1)}));
  EXPECT_EQ(Push(*intake, Json::array()), "");
  EXPECT_EQ(intake->sequence(), 0u);
}

}  // namespace
}  // namespace keelson::control
