#include "wire/api/gc_body.h"

#include <gtest/gtest.h>

namespace keelson::wire::api {
namespace {

TEST(GcBodyTest, ReadsEverythingThatMayBeSaid) {
  const auto body = ReadGcBody(R"({"deleted_for": "7d", "dry_run": true, "price": 0.5, "artifacts": [
      {"age": "90d"},
      {"age": "30d", "experiment": "e", "keep_stages": ["Production", "Staging"],
       "keep_best": {"metric": "loss", "count": 3, "order": "smallest"}}]})");
  ASSERT_TRUE(body.has_value()) << body.error().ToString();
  EXPECT_TRUE(body->dry_run);
  EXPECT_EQ(body->price, 0.5);
  EXPECT_EQ(body->policy.deleted_for, std::chrono::days(7));
  ASSERT_EQ(body->policy.artifacts.size(), 2u);
  EXPECT_EQ(body->policy.artifacts[0].age, std::chrono::days(90));
  EXPECT_FALSE(body->policy.artifacts[0].keep_best);
  const auto& rule = body->policy.artifacts[1];
  EXPECT_EQ(rule.experiment, "e");
  EXPECT_EQ(rule.keep_stages.size(), 2u);
  EXPECT_EQ(rule.keep_best->metric, "loss");
  EXPECT_EQ(rule.keep_best->count, 3);
  EXPECT_FALSE(rule.keep_best->largest);
}

TEST(GcBodyTest, SaysNothingMeansAMonthAndNoRules) {
  const auto body = ReadGcBody("{}");
  ASSERT_TRUE(body.has_value());
  EXPECT_FALSE(body->dry_run);
  EXPECT_EQ(body->policy.deleted_for, std::chrono::days(30));
  EXPECT_TRUE(body->policy.artifacts.empty());
}

TEST(GcBodyTest, MistakesAreToldWithTheirPath) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"older": "7d"})", "older"},
      {R"({"deleted_for": 7})", "deleted_for"},
      {R"({"deleted_for": "soon"})", "deleted_for"},
      {R"({"dry_run": "yes"})", "dry_run"},
      {R"({"price": -1})", "price"},
      {R"({"artifacts": {}})", "artifacts"},
      {R"({"artifacts": [{"age": "1d"}, 5]})", "artifacts[1]"},
      {R"({"artifacts": [{}]})", "artifacts[0].age"},
      {R"({"artifacts": [{"age": "1d", "stage": "x"}]})", "artifacts[0].stage"},
      {R"({"artifacts": [{"age": "1d", "experiment": 1}]})", "artifacts[0].experiment"},
      {R"({"artifacts": [{"age": "1d", "keep_stages": "x"}]})", "artifacts[0].keep_stages"},
      {R"({"artifacts": [{"age": "1d", "keep_best": {"count": 1}}]})", "artifacts[0].keep_best.metric"},
      {R"({"artifacts": [{"age": "1d", "keep_best": {"metric": "m", "count": -1}}]})", "artifacts[0].keep_best.count"},
      {R"({"artifacts": [{"age": "1d", "keep_best": {"metric": "m", "count": 1, "order": "up"}}]})",
       "artifacts[0].keep_best.order"},
  };
  for (const auto& [text, where] : cases) {
    const auto body = ReadGcBody(text);
    ASSERT_FALSE(body.has_value()) << text;
    EXPECT_EQ(body.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(body.error().where, where) << text;
  }
  EXPECT_FALSE(ReadGcBody("[]").has_value());
}

TEST(GcBodyTest, TheAnswerSumsWhatIsSaved) {
  GcBody body;
  body.price = 0.02;
  const auto answer = GcAnswer(body, {{tracking::GarbageItem::Kind::kRun, "a", "0/a", "why", 3'000'000'000},
                                      {tracking::GarbageItem::Kind::kOrphan, "0/b", "0/b", "left", 2'000'000'000}});
  EXPECT_EQ(answer["bytes"], 5'000'000'000);
  EXPECT_EQ(answer["saved_a_month"], 0.1);
  EXPECT_EQ(answer["items"].size(), 2u);
  EXPECT_EQ(answer["items"][1]["kind"], "orphan");
}

}  // namespace
}  // namespace keelson::wire::api
