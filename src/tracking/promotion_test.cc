#include "tracking/promotion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "io/database_testing.h"
#include "io/files.h"
#include "io/temp_folder.h"
#include "tracking/registered_models.h"
#include "tracking/runs.h"
#include "tracking/store.h"

namespace keelson::tracking {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

const PromotionTarget kChampion = {PromotionTarget::Kind::kAlias, "champion"};
const PromotionTarget kProduction = {PromotionTarget::Kind::kStage, "Production"};

class PromotionTest : public testing::Test {
 protected:
  void SetUp() override {
    database_ = std::move(*io::OpenTestDatabase(folder_.File("keelson.db")));
    store_ = std::move(*Store::Open(*database_, clock_, folder_.File("artifacts")));
    runs_ = std::make_unique<Runs>(*database_, clock_);
    models_ = std::make_unique<RegisteredModels>(*database_, clock_);
    promotions_ = std::make_unique<Promotions>(*database_, clock_);
    ASSERT_TRUE(models_->Create("m", {}, ""));
    Runs::NewRun run;
    run.name = "r";
    run_ = runs_->Create(run)->id;
    for (int version = 1; version <= 2; ++version) {
      RegisteredModels::NewVersion made;
      made.model = "m";
      made.run_id = run_;
      made.source = "mlflow-artifacts:/0/" + run_ + "/artifacts/m";
      ASSERT_TRUE(models_->CreateVersion(made));
    }
  }
  void Demand(const std::vector<PromotionRule>& rules) { ASSERT_TRUE(promotions_->SetRules("m", rules)); }
  void Log(const std::string& key, double value, std::int64_t step = 0) {
    ASSERT_TRUE(runs_->LogBatch(run_, {{.key = key, .value = value, .step = step}}, {}, {}));
  }
  // The logged model m-1, of which all versions are.
  void MakeTheirModel() {
    ASSERT_TRUE(database_->Write([](io::SqlSession& session) -> Status {
      KEELSON_RETURN_IF_ERROR(
          session.Execute("INSERT INTO logged_model (id, experiment_id, name, artifact_uri, created_ms, updated_ms, "
                          "status, type, source_run_id) VALUES ('m-1', 0, 'n', 'u', 0, 0, 2, '', '')"));
      KEELSON_RETURN_IF_ERROR(session.Execute("UPDATE version SET model_id = 'm-1'"));
      return {};
    }));
  }
  // "" when it is allowed; by a client of MLflow and by Keelson itself alike.
  std::string Refusal(const std::string& alias = "champion", int version = 1) {
    const Status by_client = models_->SetAlias("m", alias, version, "mlflow");
    const Status by_us = store_->SetAlias("m", alias, version, "keelson", "test");
    EXPECT_EQ(by_client.has_value(), by_us.has_value());
    if (by_client.has_value()) return "";
    EXPECT_EQ(by_client.error(), by_us.error());
    EXPECT_EQ(by_client.error().code, ErrorCode::kPermissionDenied);
    return by_client.error().message;
  }

  ManualClock clock_{*ParseInstant("2026-01-01T00:00:00Z")};
  io::TempFolder folder_ = *io::TempFolder::Make();
  std::unique_ptr<io::Database> database_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Runs> runs_;
  std::unique_ptr<RegisteredModels> models_;
  std::unique_ptr<Promotions> promotions_;
  std::string run_;
};

TEST_F(PromotionTest, WithoutARuleEverybodyMay) {
  EXPECT_EQ(Refusal(), "");
  Demand({{.target = kProduction, .tags = {{"reviewed", {}}}}});
  EXPECT_EQ(Refusal("other"), "") << "a rule is of its own target";
}

TEST_F(PromotionTest, TheLatestMetricOfTheRunHasToBeWithinItsLimits) {
  Demand({{.target = kChampion, .metrics = {{"auc", 0.7, {}}, {"loss", {}, 0.3}, {"f1", 0.5, 0.9}}}});
  EXPECT_EQ(Refusal(),
            "version 1 of m may not become its alias champion: its run has no metric auc; its run has no metric f1; "
            "its run has no metric loss");
  Log("auc", 0.9, 1);
  Log("auc", 0.69, 2);
  Log("loss", 0.31);
  Log("f1", std::nan(""));
  EXPECT_THAT(Refusal(),
              HasSubstr("auc is 0.69, less than 0.7; its run has no metric f1; loss is 0.31, more than 0.3"));
  Log("auc", 0.7, 3);
  Log("loss", 0.3, 1);
  Log("f1", 0.9, 1);
  EXPECT_EQ(Refusal(), "");
  EXPECT_EQ((*store_->GetByAlias("m", "champion"))->version, 1);
}

TEST_F(PromotionTest, ALoggedModelsMetricsCountWhereTheRunHasNone) {
  Demand({{.target = kChampion, .metrics = {{"auc", 0.7, {}}}}});
  MakeTheirModel();
  ASSERT_TRUE(database_->Write([](io::SqlSession& session) -> Status {
    for (const auto& [step, value] : {std::pair{1, 0.9}, {2, 0.5}}) {
      KEELSON_RETURN_IF_ERROR(session.Execute(
          "INSERT INTO logged_model_metric (model, key, time_ms, step, run_id, value) SELECT number, 'auc', 0, ?, 'r', "
          "? FROM logged_model",
          {std::int64_t{step}, value}));
    }
    return {};
  }));
  EXPECT_THAT(Refusal(), HasSubstr("auc is 0.5, less than 0.7"));
  Log("auc", 0.8);
  EXPECT_EQ(Refusal(), "");
}

TEST_F(PromotionTest, ALoggedModelsMetricThatIsNoNumberDoesNotPassAsZero) {
  Demand({{.target = kChampion, .metrics = {{"loss", {}, 0.3}}}});
  MakeTheirModel();
  Runs::NewRun evaluation;
  evaluation.name = "evaluation";
  const std::string run = runs_->Create(evaluation)->id;
  const auto log = [&](double value, std::int64_t step) {
    MetricPoint point{.key = "loss", .value = value, .time_ms = 7, .step = step};
    point.model_id = "m-1";
    ASSERT_TRUE(runs_->LogBatch(run, {point}, {}, {}));
  };
  log(std::nan(""), 1);
  EXPECT_THAT(Refusal(), HasSubstr("its run has no metric loss"));
  log(0, 2);
  EXPECT_EQ(Refusal(), "");
}

TEST_F(PromotionTest, TagsAreThereAndSayWhatTheyMust) {
  Demand({{.target = kChampion, .tags = {{"owner", {}}, {"reviewed", "yes"}}}});
  EXPECT_THAT(Refusal(), HasSubstr("it has no tag owner; it has no tag reviewed"));
  ASSERT_TRUE(models_->SetVersionTag("m", 1, "owner", ""));
  ASSERT_TRUE(models_->SetVersionTag("m", 1, "reviewed", "no"));
  EXPECT_THAT(Refusal(), HasSubstr(": its tag reviewed is \"no\", not \"yes\""));
  ASSERT_TRUE(models_->SetVersionTag("m", 1, "reviewed", "yes"));
  EXPECT_EQ(Refusal(), "");
  EXPECT_THAT(Refusal("champion", 2), Not(IsEmpty())) << "the tags of another version";
}

TEST_F(PromotionTest, ApprovalsAreOfDifferentPeopleForThisTargetAndVersion) {
  Demand({{.target = kChampion, .approvals = 2}});
  for (int repeated = 0; repeated < 2; ++repeated) ASSERT_TRUE(promotions_->Approve("m", 1, kChampion, "ann", "good"));
  ASSERT_TRUE(promotions_->Approve("m", 1, kProduction, "bob", ""));
  ASSERT_TRUE(promotions_->Approve("m", 2, kChampion, "bob", ""));
  EXPECT_THAT(Refusal(), HasSubstr("1 of 2 approvals are given"));
  clock_.Advance(std::chrono::minutes(1));
  ASSERT_TRUE(promotions_->Approve("m", 1, kChampion, "bob", ""));
  EXPECT_EQ(Refusal(), "");
  const auto approvals = *promotions_->Approvals("m", 1);
  ASSERT_THAT(approvals, SizeIs(3));
  EXPECT_EQ(approvals[0].who, "ann");
  EXPECT_EQ(approvals[0].comment, "good");
  EXPECT_EQ(approvals[0].target, kChampion);
  EXPECT_EQ(approvals[2].when - approvals[0].when, std::chrono::minutes(1));
  EXPECT_EQ(promotions_->Approve("m", 3, kChampion, "ann", "").error().code, ErrorCode::kNotFound);
}

TEST_F(PromotionTest, AStageIsGuardedAsAnAliasIs) {
  Demand({{.target = kProduction, .metrics = {{"auc", 0.7, {}}}}});
  ASSERT_TRUE(models_->Transition("m", 2, "Staging", false));
  const auto refused = models_->Transition("m", 1, "Production", true);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kPermissionDenied);
  EXPECT_THAT(refused.error().message, HasSubstr("its stage Production: its run has no metric auc"));
  EXPECT_EQ(models_->GetVersion("m", 2)->stage, "Staging") << "and archived nothing";
  Log("auc", 0.7);
  EXPECT_EQ(models_->Transition("m", 1, "Production", true)->stage, "Production");
}

TEST_F(PromotionTest, WhatIsPromotedAlreadyStaysAndMayGo) {
  EXPECT_EQ(Refusal(), "");
  Demand({{.target = kChampion, .metrics = {{"auc", 0.7, {}}}}});
  EXPECT_EQ(Refusal(), "") << "it is the champion: nothing changes";
  EXPECT_TRUE(models_->DeleteAlias("m", "champion", "mlflow"));
  EXPECT_THAT(Refusal(), Not(IsEmpty()));
}

TEST_F(PromotionTest, RulesAreReplacedAndGoWithTheirModel) {
  const std::vector<PromotionRule> rules = {
      {.target = kChampion, .metrics = {{"auc", 0.7, {}}, {"loss", {}, 1.5}}, .approvals = 1},
      {.target = kProduction, .tags = {{"a", {}}, {"b", "c"}}}};
  Demand({{.target = {PromotionTarget::Kind::kAlias, "gone"}}});
  Demand(rules);
  EXPECT_EQ(*promotions_->Rules("m"), rules);
  ASSERT_TRUE(promotions_->Approve("m", 1, kChampion, "ann", ""));
  ASSERT_TRUE(models_->Rename("m", "n"));
  EXPECT_EQ(*promotions_->Rules("n"), rules);
  EXPECT_THAT(*promotions_->Approvals("n", 1), SizeIs(1));
  for (const auto& twice : {rules[0], rules[1]}) {
    auto wrong = rules;
    wrong.push_back(twice);
    EXPECT_EQ(promotions_->SetRules("n", wrong).error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_EQ(*promotions_->Rules("n"), rules) << "nothing of what is refused";
  ASSERT_TRUE(models_->Delete("n"));
  EXPECT_EQ(promotions_->Rules("n").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(promotions_->SetRules("n", {}).error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(models_->Create("n", {}, ""));
  EXPECT_THAT(*promotions_->Rules("n"), IsEmpty());
}

}  // namespace
}  // namespace keelson::tracking
