#include "wire/mlflow/limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/mlflow/message.h"

namespace keelson::wire::mlflow {
namespace {

using testing::HasSubstr;

TEST(MlflowLimits, TakesNamesOfAnyScriptThatResolveToThemselves) {
  for (const char* good : {"a", "val/loss", "größe", "学習", "a b", "x:y", "-dash", "0", "a.b"}) {
    EXPECT_TRUE(CheckKey("key", good).has_value()) << good;
  }
  for (const char* bad :
       {"", "a//b", "../a", "/a", "a/", "a/./b", ".", "...a", "tab\t", "emoji😀", "a;b", "a'b", "a%b"}) {
    EXPECT_FALSE(CheckKey("key", bad).has_value()) << bad;
  }
  EXPECT_THAT(CheckKey("key", "a/../b").error().message, HasSubstr("This name would resolve to 'b'"));
  EXPECT_THAT(CheckKey("key", "ü;").error().message, HasSubstr("Invalid value \"\\u00fc;\" for parameter 'key'"));
}

TEST(MlflowLimits, CountsCharactersAndCutsBetweenThem) {
  EXPECT_EQ(CharactersIn("größe"), 5u);
  EXPECT_TRUE(CheckLength("name", 5, "größe").has_value());
  EXPECT_FALSE(CheckLength("name", 4, "größe").has_value());
  std::string value;
  for (int i = 0; i < 8001; ++i) value += "ü";
  CutTag(value);
  EXPECT_EQ(value.size(), 16'000u);
  CutParam(value);
  EXPECT_EQ(CharactersIn(value), 6000u);
}

TEST(MlflowLimits, KeepsPathsInside) {
  EXPECT_EQ(*SafePath("a/./b//c/"), "a/b/c");
  EXPECT_EQ(*SafePath(""), "");
  EXPECT_EQ(*SafePath("a%20b"), "a b");
  for (const std::string& bad :
       {std::string("../a"), std::string("a/../../b"), std::string("%2e%2e/a"), std::string("%252e%252e/a"),
        std::string("/a"), std::string("a\\b"), std::string("a#b"), std::string("file:/a"), std::string("c:/a"),
        std::string("a\0b", 3), std::string("a%00b"), std::string("\xff")}) {
    EXPECT_EQ(SafePath(bad).error().message, "Invalid path") << bad;
  }
}

TEST(MlflowLimits, ReservesAliases) {
  EXPECT_TRUE(CheckAliasToSet("champion-1").has_value());
  for (const char* bad : {"", "latest", "LATEST", "v1", "V22", "a b"})
    EXPECT_FALSE(CheckAliasToSet(bad).has_value()) << bad;
  EXPECT_EQ(*CanonicalStage("staging"), "Staging");
  EXPECT_FALSE(CanonicalStage("odd").has_value());
}

constexpr std::array kFields = {
    Field{.name = "run_id", .rules = {Rule::kRequired, Rule::kText}},
    Field{.name = "max_results", .type = Type::kInt32, .rules = {Rule::kInt}, .at_most = 10},
    Field{.name = "value", .type = Type::kDouble, .rules = {Rule::kFloat}},
    Field{.name = "ids", .repeated = true, .rules = {Rule::kArray, Rule::kTexts}}};

Result<Message> Read(std::string body, std::string method = "POST", std::string query = "") {
  io::HttpRequest request;
  request.method = std::move(method);
  request.query = std::move(query);
  request.headers = {{"content-type", "application/json; charset=utf-8"}};
  request.body = std::move(body);
  return ReadRequest(request, kFields);
}

TEST(MlflowMessage, ReadsAsProtobufDoes) {
  const auto read =
      Read(R"({"run_id": "r", "maxResults": "7", "value": "-Infinity", "ids": ["a"], "unknown": {"x": 1}})");
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(read->Int("max_results"), 7);
  EXPECT_EQ(read->Double("value"), -HUGE_VAL);
  EXPECT_FALSE(read->Has("unknown"));
  EXPECT_EQ(Read("", "GET", "run_id=a%20b+c&ids=x&ids=y&max_results=3")->Texts("ids").size(), 2u);
  EXPECT_EQ(Read("", "GET", "run_id=a%20b+c")->Text("run_id"), "a b c");
  EXPECT_EQ(Read(R"("{\"run_id\": \"twice\"}")")->Text("run_id"), "twice");
}

TEST(MlflowMessage, RefusesWithTheNameOfTheField) {
  const auto message = [](const std::string& body) { return Read(body).error().message; };
  EXPECT_THAT(message("{}"), HasSubstr("Missing value for required parameter 'run_id'."));
  EXPECT_THAT(message("no json"), HasSubstr("Missing value for required parameter 'run_id'."));
  EXPECT_THAT(message(std::string(100'000, '[')), HasSubstr("Missing value for required parameter 'run_id'."));
  EXPECT_THAT(message(R"({"run_id": 5})"),
              HasSubstr("Invalid value 5 for parameter 'run_id' supplied:  Hint: Value was of type 'int'."));
  EXPECT_THAT(message(R"({"run_id": "r", "max_results": 11})"),
              HasSubstr("Invalid value 11 for parameter 'max_results'"));
  EXPECT_THAT(message(R"({"run_id": "r", "max_results": 1.5})"),
              HasSubstr("Invalid value 1.5 for parameter 'max_results'"));
  EXPECT_THAT(message(R"({"run_id": "r", "ids": "x"})"), HasSubstr("Invalid value \"x\" for parameter 'ids'"));
  EXPECT_THAT(message(R"({"run_id": "r", "runId": "s"})"), HasSubstr("provide only one of them"));
  EXPECT_THAT(message("[1]"), HasSubstr("must be a JSON object"));
}

}  // namespace
}  // namespace keelson::wire::mlflow
