#include "data/expectations.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace keelson::data {
namespace {

using Json = nlohmann::json;

std::string Suite(const std::string& expectations) {
  return R"({"name": "s", "expectations": [)" + expectations + "]}";
}

std::string One(const std::string& type, const std::string& kwargs) {
  return Suite(fmt::format(R"({{"type": "{}", "kwargs": {}}})", type, kwargs));
}

ExpectationResult Evaluate(const Table& table, const std::string& type, const std::string& kwargs) {
  const auto suite = ExpectationSuite::Parse(One(type, kwargs), "s.json");
  EXPECT_TRUE(suite.has_value()) << suite.error().ToString();
  return suite.has_value() ? suite->Validate(table).results.at(0) : ExpectationResult();
}

Table Weather() {
  Table table({{"temp", ColumnType::kDouble},
               {"origin", ColumnType::kString},
               {"at", ColumnType::kTimestamp},
               {"count", ColumnType::kInt64},
               {"wet", ColumnType::kBool}});
  const auto add = [&](const Value& temp, const Value& origin, const char* at, std::int64_t count, bool wet) {
    EXPECT_TRUE(table.AppendRow({temp, origin, *ParseInstant(at), count, wet}).has_value());
  };
  add(30.5, std::string("JFK"), "2013-01-01T01:00:00Z", 1, true);
  add({}, std::string("LGA"), "2013-01-01T02:00:00Z", 2, false);
  add(300.0, {}, "2013-01-01T03:00:00Z", 9007199254740993, false);
  add(31.0, std::string("JFK"), "2013-01-01T04:00:00Z", 4, true);
  return table;
}

TEST(ExpectationsTest, AFailureSaysHowManyAndWhich) {
  const auto result = Evaluate(Weather(), "expect_column_values_to_be_between",
                               R"({"column": "temp", "min_value": -30, "max_value": 120})");
  EXPECT_FALSE(result.success);
  EXPECT_EQ(result.counts->elements, 4u);
  EXPECT_EQ(result.counts->missing, 1u);
  EXPECT_EQ(result.counts->unexpected, 1u);
  EXPECT_EQ(result.partial_unexpected_json, (std::vector<std::string>{"300.0"}));
  EXPECT_EQ(result.unexpected_rows, (std::vector<std::size_t>{2}));
  EXPECT_NE(result.Summary().find("1 of 3 values are unexpected, such as 300.0 (first in row 3)"), std::string::npos)
      << result.Summary();
}

TEST(ExpectationsTest, Verdicts) {
  struct Case {
    const char* type;
    const char* kwargs;
    bool success;
  };
  const std::vector<Case> cases = {
      {"expect_column_values_to_be_between",
       R"({"column": "at", "min_value": "2013-01-01", "max_value": "2013-01-02"})", true},
      {"expect_column_values_to_be_between", R"({"column": "at", "min_value": "2013-01-01T02:00:00Z"})", false},
      {"expect_column_values_to_be_between", R"({"column": "count", "max_value": 9007199254740993})", true},
      {"expect_column_values_to_be_between", R"({"column": "count", "max_value": 9007199254740992})", false},
      {"expect_column_values_to_be_between", R"({"column": "origin", "min_value": "A", "max_value": "K"})", false},
      {"expect_column_values_to_be_between", R"({"column": "temp", "max_value": 120, "mostly": 0.66})", true},
      {"expect_column_values_to_be_in_set", R"({"column": "origin", "value_set": ["JFK", "LGA", "EWR"]})", true},
      {"expect_column_values_to_be_in_set", R"({"column": "origin", "value_set": ["JFK"]})", false},
      {"expect_column_values_to_be_in_set", R"({"column": "wet", "value_set": [true, false]})", true},
      {"expect_column_values_to_be_in_set", R"({"column": "count", "value_set": [1, 2.0, 4, 9007199254740993]})", true},
      {"expect_column_values_to_be_in_set", R"({"column": "count", "value_set": ["1", "2", "4"]})", false},
      {"expect_column_values_to_not_be_null", R"({"column": "count"})", true},
      {"expect_column_values_to_not_be_null", R"({"column": "origin"})", false},
      {"expect_column_values_to_not_be_null", R"({"column": "origin", "mostly": 0.75})", true},
      {"expect_column_values_to_be_of_type", R"({"column": "temp", "type_": "float64"})", true},
      {"expect_column_values_to_be_of_type", R"({"column": "temp", "type_": "str"})", false},
      {"expect_column_values_to_be_of_type", R"({"column": "at", "type_": "datetime64[ns]"})", true},
      {"expect_column_values_to_be_unique", R"({"column": "at"})", true},
      {"expect_column_values_to_be_unique", R"({"column": "origin"})", false},
      {"expect_column_values_to_match_regex", R"({"column": "origin", "regex": "^[A-Z]{3}$"})", true},
      {"expect_column_values_to_match_regex", R"({"column": "count", "regex": "^\\d+$"})", true},
      {"expect_column_values_to_be_increasing", R"({"column": "at", "strictly": true})", true},
      {"expect_column_values_to_be_decreasing", R"({"column": "at"})", false},
      {"expect_column_mean_to_be_between", R"({"column": "temp", "min_value": 120.4, "max_value": 120.6})", true},
      {"expect_column_median_to_be_between", R"({"column": "temp", "min_value": 31, "max_value": 31})", true},
      {"expect_column_min_to_be_between", R"({"column": "temp", "min_value": 31})", false},
      {"expect_column_max_to_be_between", R"({"column": "at", "max_value": "2013-01-01T04:00:00Z"})", true},
      {"expect_column_max_to_be_between",
       R"({"column": "at", "max_value": "2013-01-01T04:00:00Z", "strict_max": true})", false},
      {"expect_column_max_to_be_between", R"({"column": "origin", "max_value": "LGA"})", true},
      {"expect_column_unique_value_count_to_be_between", R"({"column": "origin", "min_value": 2, "max_value": 2})",
       true},
      {"expect_column_proportion_of_unique_values_to_be_between", R"({"column": "at", "min_value": 1})", true},
      {"expect_column_distinct_values_to_equal_set", R"({"column": "origin", "value_set": ["LGA", "JFK"]})", true},
      {"expect_column_distinct_values_to_equal_set", R"({"column": "origin", "value_set": ["LGA", "JFK", "EWR"]})",
       false},
      {"expect_column_quantile_values_to_be_between",
       R"({"column": "temp", "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[30, 32]]}})", true},
      {"expect_table_columns_to_match_ordered_list", R"({"column_list": ["temp", "origin", "at", "count", "wet"]})",
       true},
      {"expect_table_row_count_to_be_between", R"({"min_value": 5})", false},
      {"expect_table_column_count_to_equal", R"({"value": 5})", true},
      {"expect_column_to_exist", R"({"column": "temperature"})", false},
  };
  for (const Case& c : cases) {
    const auto result = Evaluate(Weather(), c.type, c.kwargs);
    EXPECT_EQ(result.success, c.success) << c.type << " " << c.kwargs << " " << result.exception;
    EXPECT_EQ(result.exception, "") << c.type << " " << c.kwargs;
  }
}

TEST(ExpectationsTest, WhatCannotBeEvaluatedFailsWithAnException) {
  for (const auto& [type, kwargs, part] : std::vector<std::tuple<const char*, const char*, const char*>>{
           {"expect_column_values_to_not_be_null", R"({"column": "gone"})", "\"gone\" does not exist"},
           {"expect_column_mean_to_be_between", R"({"column": "gone"})", "\"gone\" does not exist"},
           {"expect_column_mean_to_be_between", R"({"column": "origin"})", "expected numbers"},
           {"expect_column_values_to_be_between", R"({"column": "origin", "min_value": 1})", "same type"},
           {"expect_column_values_to_be_between", R"({"column": "at", "min_value": 1})", "same type"},
           {"expect_column_pair_values_a_to_be_greater_than_b", R"({"column_A": "at", "column_B": "temp"})",
            "do not compare"},
           {"expect_compound_columns_to_be_unique", R"({"column_list": ["temp", "gone"]})", "\"gone\""},
           {"expect_column_value_lengths_to_equal", R"({"column": "count", "value": 1})", "no len()"}}) {
    const auto result = Evaluate(Weather(), type, kwargs);
    EXPECT_FALSE(result.success) << type;
    EXPECT_NE(result.exception.find(part), std::string::npos) << result.exception;
    EXPECT_NE(result.Summary().find(part), std::string::npos);
  }
}

TEST(ExpectationsTest, MistakesInASuiteAreNamedByTheirPath) {
  const std::string between = "expect_column_values_to_be_between";
  const std::vector<std::tuple<std::string, std::string, std::string>> cases = {
      {"", "$", "parse error"},
      {"[]", "$", "expected an object"},
      {"{}", "$.expectations", "expected a list"},
      {R"({"expectations": [], "expectation": 1})", "$.expectation", "did you mean expectations"},
      {Suite("1"), "$.expectations[0]", "expected an object"},
      {Suite("{}"), "$.expectations[0]", "no type"},
      {One("expect_column_values_to_be_betwen", "{}"), "$.expectations[0].type", "did you mean " + between},
      {Suite(R"({"expectation_type": "expect_magic", "kwargs": {}})"), "$.expectations[0].expectation_type",
       "expect_magic"},
      {Suite(R"({"type": "expect_column_to_exist", "kwarg": {}})"), "$.expectations[0].kwarg", "did you mean kwargs"},
      {One(between, "[]"), "$.expectations[0].kwargs", "expected an object"},
      {One(between, R"({"column": "x", "minvalue": 1, "max_value": 2})"), "$.expectations[0].kwargs.minvalue",
       "did you mean min_value"},
      {One(between, R"({"min_value": 1})"), "$.expectations[0].kwargs.column", "missing"},
      {One(between, R"({"column": "x", "min_value": [1]})"), "$.expectations[0].kwargs.min_value", "number or a text"},
      {One(between, R"({"column": "x", "min_value": 1, "mostly": 2})"), "$.expectations[0].kwargs.mostly",
       "less than or equal"},
      {One(between, R"({"column": "x", "min_value": 1, "strict_min": "yes"})"), "$.expectations[0].kwargs.strict_min",
       "true"},
      {One("expect_column_values_to_match_regex", R"({"column": "x", "regex": "("})"), "$.expectations[0].kwargs.regex",
       "not a regular expression"},
      {One("expect_column_values_to_be_in_set", R"({"column": "x", "value_set": "abc"})"),
       "$.expectations[0].kwargs.value_set", "expected a list"},
      {One("expect_column_values_to_be_of_type", R"({"column": "x", "type_": "quaternion"})"),
       "$.expectations[0].kwargs.type_", "no type"},
      {Suite(std::string(100, '[') + std::string(100, ']')), "$", "deeper"},
      {std::string(1'000'000, '['), "$", "deeper"},
      {std::string("{\"name\": \"\xff\", \"expectations\": []}"), "$", "UTF-8"},
  };
  for (const auto& [text, path, part] : cases) {
    const auto suite = ExpectationSuite::Parse(text, "s.json");
    ASSERT_FALSE(suite.has_value()) << text.substr(0, 200);
    EXPECT_EQ(suite.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(suite.error().where, "s.json: " + path) << suite.error().ToString();
    EXPECT_NE(suite.error().message.find(part), std::string::npos) << suite.error().ToString();
  }
  for (const char* kwargs :
       {R"({"column": "x", "min_value": 1, "row_condition": "y > 1", "condition_parser": "pandas"})",
        R"({"column": "x", "min_value": {"$PARAMETER": "lowest"}})"}) {
    EXPECT_EQ(ExpectationSuite::Parse(One(between, kwargs), "s").error().code, ErrorCode::kUnsupported);
  }
}

TEST(ExpectationsTest, BothGenerationsOfSuiteFilesAreRead) {
  const auto old = ExpectationSuite::Parse(
      R"({"expectation_suite_name": "old", "data_asset_type": "Dataset", "meta": {"great_expectations_version": "0.18.0"},
          "ge_cloud_id": null, "evaluation_parameters": {},
          "expectations": [{"expectation_type": "expect_column_to_exist", "kwargs": {"column": "a"}, "meta": {}}]})",
      "old.json");
  ASSERT_TRUE(old.has_value()) << old.error().ToString();
  EXPECT_EQ(old->name(), "old");
  EXPECT_EQ(old->size(), 1u);
  const auto current = ExpectationSuite::Parse(
      R"({"name": "new", "id": "1", "notes": null, "suite_parameters": {}, "meta": {},
          "expectations": [{"type": "expect_column_to_exist", "kwargs": {"column": "a"}, "id": "2", "severity": "critical"}]})",
      "new.json");
  ASSERT_TRUE(current.has_value()) << current.error().ToString();
  EXPECT_EQ(current->name(), "new");
}

TEST(ExpectationsTest, TheReportHasGreatExpectationsShape) {
  const auto suite = ExpectationSuite::Parse(
      Suite(
          R"({"type": "expect_column_values_to_be_in_set", "kwargs": {"column": "origin", "value_set": ["JFK"]}, "meta": {"n": 1}},
               {"type": "expect_column_mean_to_be_between", "kwargs": {"column": "gone"}},
               {"type": "expect_table_row_count_to_equal", "kwargs": {"value": 4}})"),
      "s.json");
  ASSERT_TRUE(suite.has_value()) << suite.error().ToString();
  const ValidationReport report = suite->Validate(Weather());
  const Json json = Json::parse(report.ToJson());
  EXPECT_FALSE(json["success"]);
  EXPECT_EQ(json["suite_name"], "s");
  EXPECT_EQ(json["statistics"], Json::parse(R"({"evaluated_expectations": 3, "successful_expectations": 1,
                                                "unsuccessful_expectations": 2, "success_percent": 33.33333333333333})"));
  EXPECT_EQ(json["results"][0]["result"],
            Json::parse(R"({"element_count": 4, "missing_count": 1, "missing_percent": 25.0, "unexpected_count": 1,
                            "unexpected_percent": 33.33333333333333, "unexpected_percent_total": 25.0,
                            "unexpected_percent_nonmissing": 33.33333333333333, "partial_unexpected_list": ["LGA"]})"));
  EXPECT_EQ(json["results"][0]["expectation_config"]["meta"], Json::parse(R"({"n": 1})"));
  EXPECT_TRUE(json["results"][1]["exception_info"]["raised_exception"]);
  EXPECT_EQ(json["results"][2]["result"], Json::parse(R"({"observed_value": 4})"));
  EXPECT_NE(report.Summary().find("\"gone\" does not exist"), std::string::npos);
  EXPECT_EQ(report.Summary(1).find("\"gone\""), std::string::npos);
}

TEST(ExpectationsTest, ASlowPatternFailsTheExpectationAndNotTheProcess) {
  Table table({{"s", ColumnType::kString}});
  ASSERT_TRUE(table.AppendRow({std::string(60, 'a') + "b"}).has_value());
  const auto result = Evaluate(table, "expect_column_values_to_match_regex", R"({"column": "s", "regex": "^(a+)+$"})");
  EXPECT_FALSE(result.success);
  EXPECT_NE(result.exception.find("too long"), std::string::npos) << result.exception;
}

TEST(ExpectationsTest, AnEmptyTableHoldsWhatSpeaksOfValues) {
  const Table empty({{"x", ColumnType::kDouble}, {"s", ColumnType::kString}});
  EXPECT_TRUE(Evaluate(empty, "expect_column_values_to_be_between", R"({"column": "x", "min_value": 1})").success);
  EXPECT_TRUE(Evaluate(empty, "expect_column_values_to_not_be_null", R"({"column": "x"})").success);
  EXPECT_FALSE(Evaluate(empty, "expect_column_mean_to_be_between", R"({"column": "x", "min_value": 1})").success);
  EXPECT_FALSE(Evaluate(empty, "expect_column_quantile_values_to_be_between",
                        R"({"column": "x", "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[0, 1]]}})")
                   .success);
}

}  // namespace
}  // namespace keelson::data
