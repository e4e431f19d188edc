#include "wire/api/push_body.h"

#include <gtest/gtest.h>

namespace keelson::wire::api {
namespace {

Error ErrorOf(const std::string& body) {
  const auto read = ReadPushBody(body);
  EXPECT_FALSE(read) << body;
  return read ? Error{} : read.error();
}

TEST(PushBodyTest, ReadsTheClocks) {
  const auto bare = ReadPushBody(R"({"rows": []})");
  ASSERT_TRUE(bare);
  EXPECT_FALSE(bare->clock);
  EXPECT_FALSE(bare->after);
  const auto both =
      ReadPushBody(R"({"clock": "2013-04-01T04:00:00Z", "after": "2013-04-01T03:59:00Z", "rows": [{"a": 1}]})");
  ASSERT_TRUE(both);
  EXPECT_EQ(ToMicros(*both->clock), 1'364'788'800'000'000);
  EXPECT_EQ(*both->clock - *both->after, std::chrono::minutes(1));
  EXPECT_FALSE(both->unanswered);
  const auto ahead =
      ReadPushBody(R"({"unanswered": "2013-04-01T03:00:00Z", "clock": "2013-04-01T04:00:00Z", "rows": []})");
  ASSERT_TRUE(ahead);
  EXPECT_EQ(*ahead->clock - *ahead->unanswered, std::chrono::hours(1));
}

TEST(PushBodyTest, MistakesNameTheirField) {
  EXPECT_EQ(ErrorOf(R"({"rows": [], "clok": 1})").where, "clok");
  EXPECT_EQ(ErrorOf(R"({"clock": "2013-04-01"})").where, "rows");
  EXPECT_EQ(ErrorOf(R"({"rows": [], "clock": 5})").where, "clock");
  EXPECT_EQ(ErrorOf(R"({"rows": [], "clock": "soon"})").where, "clock");
  EXPECT_EQ(ErrorOf(R"({"rows": [], "after": null})").where, "after");
  EXPECT_EQ(ErrorOf(R"({"rows": [], "unanswered": "2013"})").where, "unanswered");
  for (const char* body : {"", "[]", "{", "3", R"({"rows": []} x)"}) EXPECT_EQ(ErrorOf(body).where, "body") << body;
}

TEST(PushBodyTest, BracketsInBracketsEndAtALimit) {
  const auto nested = [](std::size_t depth) {
    return R"({"rows": )" + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  EXPECT_TRUE(ReadPushBody(nested(500)));
  for (const std::string& body : {nested(1'100), nested(4'000'000), R"({"rows": )" + std::string(4'000'000, '['),
                                  R"({"rows": [{"a": )" + nested(2'000) + "}]}"}) {
    const Error error = ErrorOf(body);
    EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(error.where, "body");
  }
}

}  // namespace
}  // namespace keelson::wire::api
