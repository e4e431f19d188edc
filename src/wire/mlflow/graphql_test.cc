// GraphQL as a language: queries over answers that are always the same (testdata/graphql_answers.json).
#include "wire/mlflow/graphql.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "io/files.h"

namespace keelson::wire::mlflow::graphql {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;

const std::string kData = KEELSON_SOURCE_DIR "/src/wire/mlflow/testdata/";

struct Case {
  std::string query;
  Request request;
  Json answer;
};

std::vector<Case> Cases() {
  std::vector<Case> cases(1);
  const std::string text = *io::ReadFile(kData + "graphql.txt");
  for (const std::string_view line : Split(text, '\n')) {
    Case& one = cases.back();
    if (line.empty()) {
      if (!one.request.query.empty()) cases.emplace_back();
    } else if (line.starts_with("@ ")) {
      one.request.operation = line.substr(2);
    } else if (line.starts_with("$ ")) {
      one.request.variables = Json::parse(line.substr(2));
    } else if (line.starts_with("= ")) {
      one.answer = Json::parse(line.substr(2));
    } else if (!line.starts_with('#')) {
      one.request.query += one.request.query.empty() ? "" : "\n";
      one.request.query += line;
    }
  }
  if (cases.back().request.query.empty()) cases.pop_back();
  return cases;
}

// The answers of the file for the calls of the roots, those of which are about the run "missing" excepted.
Result<Json> Canned(std::string_view call, const Json& input) {
  static const Json answers = Json::parse(*io::ReadFile(kData + "graphql_answers.json"));
  if (input.value("run_id", "") == "missing") return Fail(ErrorCode::kNotFound, "Run with id=missing not found");
  return answers.at(std::string(call));
}

Result<Outcome> Ask(std::string query) {
  return Answer({.query = std::move(query)}, Canned);
}

TEST(Graphql, AnswersEachCaseOfTheFile) {
  const auto cases = Cases();
  for (const Case& one : cases) {
    SCOPED_TRACE(one.request.query);
    auto outcome = Answer(one.request, Canned);
    ASSERT_TRUE(outcome.has_value()) << outcome.error().message;
    EXPECT_EQ(outcome->data, one.answer.at("data"));
    std::ranges::sort(outcome->errors);
    EXPECT_EQ(Json(outcome->errors), one.answer.at("errors"));
  }
  EXPECT_GT(cases.size(), 60u);
}

TEST(Graphql, SaysWhereTheGrammarIsBroken) {
  const std::vector<std::pair<std::string, std::string>> broken = {
      {"{ a", "Syntax Error: Expected Name, found <EOF>. (line 1)"},
      {"{\n a: }", "Expected Name, found '}'. (line 2)"},
      {"{ a(b: $) }", "Expected Name, found ')'."},
      {"{ a(b: ) }", "Unexpected ')'."},
      {"{ a() }", "Expected Name, found ')'."},
      {"{}", "Expected Name, found '}'."},
      {"", "Unexpected <EOF>."},
      {"select * from runs", "Unexpected Name 'select'."},
      {"query ($a: [Int) { a }", "Expected ']', found ')'."},
      {"query ($a: Int = $b) { a }", "Unexpected variable '$b' in constant value."},
      {"fragment on on Test { output }", "Unexpected Name 'on'."},
      {"fragment a Test { output }", "Expected 'on', found Name 'Test'."},
      {"{ a(b: 01) }", "Invalid number."},
      {"{ a(b: 1.) }", "Invalid number."},
      {"{ a(b: 1e) }", "Invalid number."},
      {"{ a(b: 1x) }", "Invalid number."},
      {"{ a(b: -) }", "Invalid number."},
      {"{ a(b: \"x) }", "Unterminated string."},
      {"{ a(b: \"x\n\") }", "Unterminated string."},
      {"{ a(b: \"\"\"x) }", "Unterminated string."},
      {R"({ a(b: "\q") })", "Invalid character escape sequence."},
      {R"({ a(b: "\u12") })", "Invalid Unicode escape sequence."},
      {R"({ a(b: "\ud800") })", "Invalid Unicode escape sequence."},
      {R"({ a(b: "\ud800\u0041") })", "Invalid Unicode escape sequence."},
      {R"({ a(b: "\u{110000}") })", "Invalid Unicode escape sequence."},
      {R"({ a(b: "\u{}") })", "Invalid Unicode escape sequence."},
      {"{ a ? }", "Unexpected character: '?'."},
      {"{ a \x01 }", "Unexpected character: byte 0x01."},
      {"{ a(b: " + std::string(100, '[') + ") }", "Nested too deeply."},
      {std::string(100, '{'), "Expected Name, found '{'."},
  };
  for (const auto& [query, message] : broken) {
    const auto outcome = Ask(query);
    ASSERT_FALSE(outcome.has_value()) << query;
    EXPECT_EQ(outcome.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(outcome.error().message, HasSubstr(message)) << query;
  }
}

TEST(Graphql, RefusesWhatIsTooLargeToBeAsked) {
  std::string many = "{ test(inputString: \"x\") {";
  for (int i = 0; i < 1001; ++i) many += " output";
  EXPECT_EQ(Ask(many + "} }")->errors, std::vector<std::string>{"Query exceeds maximum total selections of 1000"});
  EXPECT_THAT(Ask("{ a(b: \"" + std::string(70'000, 'x') + "\") }").error().message, HasSubstr("65536 bytes"));
  EXPECT_THAT(Answer({.query = "{ a }", .variables = Json::array()}, Canned).error().message, HasSubstr("an object"));
}

TEST(Graphql, AFragmentThatDoublesItselfEnds) {
  std::string query = "{ test(inputString: \"x\") { ...F0 } }";
  for (int i = 0; i < 200; ++i) {
    query += " fragment F" + std::to_string(i) + " on Test { ...F" + std::to_string(i + 1) + " ...F" +
             std::to_string(i + 1) + " }";
  }
  query += " fragment F200 on Test { output }";
  EXPECT_EQ(Ask(query)->data, Json({{"test", {{"output", "x"}}}}));
}

}  // namespace
}  // namespace keelson::wire::mlflow::graphql
