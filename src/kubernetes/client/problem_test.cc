#include "kubernetes/client/problem.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace keelson::kubernetes {
namespace {

io::HttpResponse Answer(int status, const std::string& body, io::HttpHeaders headers = {}) {
  return {.status = status, .headers = std::move(headers), .body = body};
}

std::string StatusText(const std::string& reason, const std::string& message, const std::string& details = "{}") {
  return fmt::format(
      R"({{"kind":"Status","apiVersion":"v1","status":"Failure","message":"{}","reason":"{}","details":{}}})", message,
      reason, details);
}

TEST(ProblemTest, OfEachAnswerIsItsErrorAndWhetherToAskAgain) {
  struct Case {
    int status;
    std::string body;
    ErrorCode code;
    bool passing;
    bool expired;
  };
  const std::string conflict = R"({"causes":[{"reason":"FieldManagerConflict","message":"conflict with \"hpa\""}]})";
  const std::string too_large = R"({"causes":[{"reason":"ResourceVersionTooLarge"}],"retryAfterSeconds":1})";
  const std::string typed = "failed to create typed patch object (default/x): .spec.nope: field not declared in schema";
  for (const auto& [status, body, code, passing, expired] : std::vector<Case>{
           {400, StatusText("BadRequest", "m"), ErrorCode::kInvalidArgument, false, false},
           {401, StatusText("Unauthorized", "m"), ErrorCode::kUnauthenticated, false, false},
           {403, StatusText("Forbidden", "m"), ErrorCode::kPermissionDenied, false, false},
           {403, StatusText("Forbidden", "exceeded quota: compute"), ErrorCode::kResourceExhausted, false, false},
           {404, StatusText("NotFound", "m"), ErrorCode::kNotFound, false, false},
           {405, "", ErrorCode::kUnsupported, false, false},
           {409, StatusText("AlreadyExists", "m"), ErrorCode::kAlreadyExists, false, false},
           {409, StatusText("Conflict", "m"), ErrorCode::kAborted, false, false},
           {409, StatusText("Conflict", "m", conflict), ErrorCode::kFailedPrecondition, false, false},
           {410, StatusText("Expired", "m"), ErrorCode::kAborted, false, true},
           {422, StatusText("Invalid", "m"), ErrorCode::kInvalidArgument, false, false},
           {429, StatusText("TooManyRequests", "m"), ErrorCode::kResourceExhausted, true, false},
           {500, StatusText("InternalError", "m"), ErrorCode::kUnavailable, true, false},
           {500, StatusText("", typed), ErrorCode::kInvalidArgument, false, false},
           {502, "<html>bad gateway</html>", ErrorCode::kUnavailable, true, false},
           {503, "", ErrorCode::kUnavailable, true, false},
           {504, StatusText("Timeout", "Too large resource version", too_large), ErrorCode::kUnavailable, false,
            true}}) {
    const auto problem = ProblemOf(Answer(status, body));
    ASSERT_TRUE(problem.has_value()) << status;
    const Error error = ErrorOf(*problem, "here");
    EXPECT_EQ(error.code, code) << status << " " << body;
    EXPECT_FALSE(error.message.empty()) << status;
    EXPECT_EQ(problem->passing(), passing) << status << " " << body;
    EXPECT_EQ(problem->expired(), expired) << status << " " << body;
  }
}

TEST(ProblemTest, NoneOfAnAnswerThatSaysYes) {
  EXPECT_FALSE(ProblemOf(Answer(200, "{}")).has_value());
  EXPECT_FALSE(ProblemOf(Answer(201, "")).has_value());
}

TEST(ProblemTest, TellsHowLongToWait) {
  const auto header = ProblemOf(Answer(429, "slow down", {{"Retry-After", "7"}}));
  EXPECT_EQ(header->retry_after, std::chrono::seconds(7));
  EXPECT_EQ(header->message, "slow down");
  const auto body = ProblemOf(Answer(503, StatusText("x", "y", R"({"retryAfterSeconds":3})")));
  EXPECT_EQ(body->retry_after, std::chrono::seconds(3));
  EXPECT_FALSE(ProblemOf(Answer(429, "", {{"Retry-After", "tomorrow"}}))->retry_after.has_value());
  EXPECT_FALSE(ProblemOf(Answer(429, "", {{"Retry-After", "-1"}}))->retry_after.has_value());
}

TEST(ProblemTest, ReadsNothingOutOfWhatIsNoStatus) {
  for (const std::string text : {"", "{", "[]", "null", "{\"kind\":\"Pod\"}", "{\"kind\":7}"}) {
    EXPECT_FALSE(ProblemOfStatus(nlohmann::json::parse(text, nullptr, false)).has_value()) << text;
    EXPECT_EQ(ProblemOf(Answer(500, text))->reason, "") << text;
  }
  EXPECT_EQ(ProblemOf(Answer(500, std::string(100'000, '[')))->reason, "");
  const auto odd = ProblemOfStatus(nlohmann::json::parse(R"({"kind":"Status","code":"x","details":[1],"message":4})"));
  ASSERT_TRUE(odd.has_value());
  EXPECT_EQ(odd->status, 0);
}

}  // namespace
}  // namespace keelson::kubernetes
