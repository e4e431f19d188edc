#include "wire/api/promotion_body.h"

#include <gtest/gtest.h>

namespace keelson::wire::api {
namespace {

using control::Json;
using tracking::PromotionTarget;

TEST(PromotionBodyTest, ReadsEverythingThatMayBeSaidAndShowsItSo) {
  const std::string text = R"({"rules": [
      {"alias": "champion", "approvals": 2, "metrics": [{"name": "auc", "at_least": 0.7}, {"name": "loss", "at_most": 1}],
       "tags": {"owner": null, "reviewed": "yes"}},
      {"stage": "Production"}]})";
  const auto rules = ReadPromotionRules(text);
  ASSERT_TRUE(rules.has_value()) << rules.error().ToString();
  ASSERT_EQ(rules->size(), 2u);
  const auto& first = rules->front();
  EXPECT_EQ(first.target, (PromotionTarget{PromotionTarget::Kind::kAlias, "champion"}));
  EXPECT_EQ(first.approvals, 2);
  ASSERT_EQ(first.metrics.size(), 2u);
  EXPECT_EQ(first.metrics[0].at_least, 0.7);
  EXPECT_EQ(first.metrics[0].at_most, std::nullopt);
  EXPECT_EQ(first.metrics[1].at_most, 1.0);
  ASSERT_EQ(first.tags.size(), 2u);
  EXPECT_EQ(first.tags[0].value, std::nullopt);
  EXPECT_EQ(first.tags[1].value, "yes");
  EXPECT_EQ(rules->back().target, (PromotionTarget{PromotionTarget::Kind::kStage, "Production"}));
  const auto again = ReadPromotionRules(PromotionRulesView(*rules).dump());
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(*again, *rules);
  EXPECT_TRUE(ReadPromotionRules(R"({"rules": []})")->empty());
}

TEST(PromotionBodyTest, MistakesAreToldWithTheirPath) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({})", "rules"},
      {R"({"rules": {}})", "rules"},
      {R"({"rules": [], "more": 1})", "more"},
      {R"({"rules": [1]})", "rules[0]"},
      {R"({"rules": [{}]})", "rules[0].alias"},
      {R"({"rules": [{"alias": "a", "stage": "Production"}]})", "rules[0].alias"},
      {R"({"rules": [{"stage": "production"}]})", "rules[0].stage"},
      {R"({"rules": [{"alias": "a"}, {"alias": 1}]})", "rules[1].alias"},
      {R"({"rules": [{"alias": "a", "metrics": {}}]})", "rules[0].metrics"},
      {R"({"rules": [{"alias": "a", "metrics": [{"at_least": 1}]}]})", "rules[0].metrics[0].name"},
      {R"({"rules": [{"alias": "a", "metrics": [{"name": "m", "at_least": "1"}]}]})", "rules[0].metrics[0].at_least"},
      {R"({"rules": [{"alias": "a", "metrics": [{"name": "m", "over": 1}]}]})", "rules[0].metrics[0].over"},
      {R"({"rules": [{"alias": "a", "tags": []}]})", "rules[0].tags"},
      {R"({"rules": [{"alias": "a", "tags": {"k": 1}}]})", "rules[0].tags.k"},
      {R"({"rules": [{"alias": "a", "approvals": -1}]})", "rules[0].approvals"},
      {R"({"rules": [{"alias": "a", "approvals": 1.5}]})", "rules[0].approvals"},
      {R"({"rules": [{"alias": "a", "approver": "x"}]})", "rules[0].approver"},
  };
  for (const auto& [text, where] : cases) {
    const auto rules = ReadPromotionRules(text);
    ASSERT_FALSE(rules.has_value()) << text;
    EXPECT_EQ(rules.error().code, ErrorCode::kInvalidArgument) << text;
    EXPECT_EQ(rules.error().where, where) << text;
  }
  EXPECT_FALSE(ReadPromotionRules("[]").has_value());
}

TEST(PromotionBodyTest, AnApprovalHasWhoAndWhatFor) {
  const auto body = ReadApproval(R"({"alias": "champion", "who": "ann", "comment": "fine"})");
  ASSERT_TRUE(body.has_value()) << body.error().ToString();
  EXPECT_EQ(body->who, "ann");
  EXPECT_EQ(body->comment, "fine");
  EXPECT_EQ(body->target.name, "champion");
  EXPECT_EQ(ReadApproval(R"({"alias": "champion"})").error().where, "who");
  EXPECT_EQ(ReadApproval(R"({"who": "ann"})").error().where, "alias");
  EXPECT_EQ(ReadApproval(R"({"stage": "Staging", "who": "ann", "x": 1})").error().where, "x");
  EXPECT_EQ(ReadApproval(Json{{"alias", "a"}, {"who", std::string(1001, 'a')}}.dump()).error().where, "who");
  const Json view = ApprovalsView({{body->target, "ann", "fine", *ParseInstant("2026-01-01T00:00:00Z")}});
  EXPECT_EQ(view, Json::parse(R"({"approvals": [{"alias": "champion", "who": "ann", "comment": "fine",
                                  "when": "2026-01-01T00:00:00Z"}]})"));
}

}  // namespace
}  // namespace keelson::wire::api
