#include "tracking/webhooks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/database_testing.h"
#include "io/files.h"
#include "io/temp_folder.h"
#include "tracking/announcements.h"
#include "tracking/registered_models.h"
#include "tracking/store.h"

namespace keelson::tracking {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

using Entity = WebhookEntity;
using Action = WebhookAction;

class WebhooksTest : public testing::Test {
 protected:
  WebhookRecord Make(std::vector<WebhookEvent> events, const std::string& secret = "") {
    return *webhooks_.Create({.name = "hook",
                              .url = "https://hooks.example",
                              .events = std::move(events),
                              .description = std::nullopt,
                              .secret = secret});
  }
  // "entity.action data" of what waits, in its order; which is then sent.
  std::vector<std::string> Sent() {
    std::vector<std::string> sent;
    const auto due = *webhooks_.Due(1'000, 1'000);
    for (const auto& each : due) {
      sent.push_back(std::string(NameOf(each.event.entity)) + "." + std::string(NameOf(each.event.action)) + " " +
                     each.data);
      EXPECT_TRUE(webhooks_.Finish(each.id).has_value());
    }
    return sent;
  }
  static std::vector<WebhookEvent> All() {
    std::vector<WebhookEvent> all;
    for (int entity = 1; entity <= 10; ++entity) {
      for (const Action action : ActionsOf(static_cast<Entity>(entity)))
        all.push_back({static_cast<Entity>(entity), action});
    }
    return all;
  }

  ManualClock clock_{*ParseInstant("2026-01-01T00:00:00Z")};
  io::TempFolder folder_ = *io::TempFolder::Make();
  std::unique_ptr<io::Database> database_ = std::move(*io::OpenTestDatabase(folder_.File("keelson.db")));
  std::unique_ptr<Store> store_ = std::move(*Store::Open(*database_, clock_, folder_.File("artifacts")));
  RegisteredModels models_{*database_, clock_};
  Webhooks webhooks_{*database_, clock_, io::SecretBox::WithKeyIn(folder_.File("webhooks.key"))};
};

TEST_F(WebhooksTest, AreToldOfModelsAndVersions) {
  Make(All());
  ASSERT_TRUE(models_.Create("m", {{"a", "b"}}, "text").has_value());
  ASSERT_TRUE(models_
                  .CreateVersion({.model = "m",
                                  .source = "s3://bucket/\xc3\xa9",
                                  .location = "",
                                  .content_hash = "",
                                  .run_id = "",
                                  .run_link = "",
                                  .description = "",
                                  .model_id = "",
                                  .tags = {{"k", "v"}}})
                  .has_value());
  ASSERT_TRUE(models_.SetVersionTag("m", 1, "k", "w").has_value());
  ASSERT_TRUE(models_.SetTag("m", "a", "c").has_value());  // of which there is no event
  ASSERT_TRUE(models_.SetAlias("m", "champion", 1, "ann").has_value());
  ASSERT_TRUE(models_.DeleteAlias("m", "champion", "ann").has_value());
  ASSERT_TRUE(models_.DeleteVersionTag("m", 1, "k").has_value());
  EXPECT_THAT(
      Sent(),
      ElementsAre(R"(registered_model.created {"name": "m", "tags": {"a": "b"}, "description": "text"})",
                  R"(model_version.created {"name": "m", "version": "1", "source": "s3://bucket/\u00e9", "run_id": )"
                  R"(null, "tags": {"k": "v"}, "description": null})",
                  R"(model_version_tag.set {"name": "m", "version": "1", "key": "k", "value": "w"})",
                  R"(model_version_alias.created {"name": "m", "alias": "champion", "version": "1"})",
                  R"(model_version_alias.deleted {"name": "m", "alias": "champion"})",
                  R"(model_version_tag.deleted {"name": "m", "version": "1", "key": "k"})"));
}

TEST_F(WebhooksTest, AreToldOfPromptsByEventsOfTheirOwn) {
  Make(All());
  ASSERT_TRUE(
      models_.Create("p", {{"a", "b"}, {"mlflow.prompt.is_prompt", "True"}, {"_mlflow_prompt_type", "text"}}, "")
          .has_value());
  ASSERT_TRUE(models_
                  .CreateVersion({.model = "p",
                                  .source = "dummy-source",
                                  .location = "",
                                  .content_hash = "",
                                  .run_id = "",
                                  .run_link = "",
                                  .description = "first",
                                  .model_id = "",
                                  .tags = {{"mlflow.prompt.is_prompt", "true"}, {"mlflow.prompt.text", "Hi {{x}}"}}})
                  .has_value());
  ASSERT_TRUE(models_.SetTag("p", "a", "c").has_value());
  ASSERT_TRUE(models_.DeleteTag("p", "a").has_value());
  ASSERT_TRUE(models_.SetVersionTag("p", 1, "k", "v").has_value());
  ASSERT_TRUE(models_.SetAlias("p", "prod", 1, "ann").has_value());
  EXPECT_THAT(Sent(),
              ElementsAre(R"(prompt.created {"name": "p", "tags": {"a": "b"}, "description": ""})",
                          R"(prompt_version.created {"name": "p", "version": "1", "template": "Hi {{x}}", "tags": {}, )"
                          R"("description": "first"})",
                          R"(prompt_tag.set {"name": "p", "key": "a", "value": "c"})",
                          R"(prompt_tag.deleted {"name": "p", "key": "a"})",
                          R"(prompt_version_tag.set {"name": "p", "version": "1", "key": "k", "value": "v"})",
                          R"(prompt_alias.created {"name": "p", "alias": "prod", "version": "1"})"));
}

// A project's own pipeline moves aliases too.
TEST_F(WebhooksTest, AreToldOfWhatTheGateDoes) {
  Make(All());
  const std::string model = folder_.File("artifacts/model");
  ASSERT_TRUE(io::MakeFolders(model).has_value());
  ASSERT_TRUE(io::WriteFileAtomically(model + "/MLmodel", "x").has_value());
  for (int repeated = 0; repeated < 2; ++repeated) {
    ASSERT_TRUE(store_->RegisterVersion("flights", "", model, {{"auc", "0.7"}}).has_value());
    ASSERT_TRUE(store_->SetAlias("flights", "champion", 1, "gate", "").has_value());
  }
  EXPECT_THAT(
      Sent(),
      ElementsAre(
          R"(registered_model.created {"name": "flights", "tags": {}, "description": ""})",
          HasSubstr(R"(model_version.created {"name": "flights", "version": "1", "source": "mlflow-artifacts:/)"),
          R"(model_version_alias.created {"name": "flights", "alias": "champion", "version": "1"})"));
}

TEST_F(WebhooksTest, AreToldOnlyWhatTheyAskedForWhileActive) {
  const auto models = Make({{Entity::kRegisteredModel, Action::kCreated}});
  const auto aliases = Make({{Entity::kModelVersionAlias, Action::kCreated}});
  ASSERT_TRUE(models_.Create("one", {}, "").has_value());
  ASSERT_TRUE(webhooks_.Update(models.id, {.active = false}).has_value());
  ASSERT_TRUE(models_.Create("two", {}, "").has_value());
  const auto due = *webhooks_.Due(10, 10);  // what happened before is still sent
  ASSERT_EQ(due.size(), 1u);
  EXPECT_EQ(due[0].webhook_id, models.id);
  EXPECT_THAT(due[0].data, HasSubstr("one"));
  ASSERT_TRUE(webhooks_.Delete(models.id).has_value());
  EXPECT_THAT(*webhooks_.Due(10, 10), IsEmpty());
  const auto listed = webhooks_.List(10, "");
  ASSERT_TRUE(listed.has_value()) << listed.error().ToString();
  EXPECT_THAT(listed->records, ElementsAre(testing::Field(&WebhookRecord::id, aliases.id)));
}

TEST_F(WebhooksTest, AChangeThatFailsAnnouncesNothing) {
  Make(All());
  ASSERT_TRUE(models_.Create("m", {}, "").has_value());
  Sent();
  EXPECT_FALSE(models_.Create("m", {}, "").has_value());
  EXPECT_FALSE(models_.SetAlias("m", "a", 1, "ann").has_value());
  EXPECT_FALSE(models_.SetVersionTag("m", 1, "a", "b").has_value());
  EXPECT_THAT(Sent(), IsEmpty());
}

TEST_F(WebhooksTest, WaitTheirTurn) {
  const auto many = Make({{Entity::kRegisteredModel, Action::kCreated}});
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(models_.Create("m" + std::to_string(i), {}, "").has_value());
  const auto other = Make({{Entity::kRegisteredModel, Action::kCreated}});
  clock_.Advance(std::chrono::seconds(1));
  ASSERT_TRUE(models_.Create("late", {}, "").has_value());
  const auto due = *webhooks_.Due(10, 2);
  std::vector<std::string> whose;
  for (const auto& each : due) whose.push_back(each.webhook_id);
  EXPECT_THAT(whose, ElementsAre(many.id, many.id, other.id));
  EXPECT_EQ(webhooks_.Due(1, 2)->size(), 1u);

  ASSERT_TRUE(webhooks_.Postpone(due[0].id, clock_.WallNow() + std::chrono::seconds(5)).has_value());
  EXPECT_NE(webhooks_.Due(10, 2)->at(0).id, due[0].id);
  clock_.Advance(std::chrono::seconds(5));
  const auto later = *webhooks_.Due(100, 100);
  ASSERT_EQ(later.size(), 7u);
  EXPECT_EQ(later.back().id, due[0].id);
  EXPECT_EQ(later.back().attempts, 1);
  EXPECT_EQ(later.back().happened, due[0].happened);
}

TEST_F(WebhooksTest, KeepTheirSecretSealed) {
  const auto made = Make({{Entity::kRegisteredModel, Action::kCreated}}, "hush-hush");
  EXPECT_EQ(*webhooks_.Secret(made.id), "hush-hush");
  ASSERT_TRUE(models_.Create("m", {}, "").has_value());
  EXPECT_EQ(webhooks_.Due(1, 1)->at(0).secret, "hush-hush");
  const auto stored = [&] {
    std::string bytes;
    EXPECT_TRUE(database_
                    ->Read([&](io::SqlSession& session) -> Status {
                      KEELSON_ASSIGN_OR_RETURN(const auto rows, session.Query("SELECT secret FROM webhook"));
                      bytes = io::IsNull(rows[0][0]) ? "" : io::AsBytes(rows[0][0]);
                      return {};
                    })
                    .has_value());
    return bytes;
  };
  EXPECT_THAT(stored(), Not(HasSubstr("hush")));
  // Without the key nothing is sent unsigned: it waits.
  Webhooks others(*database_, clock_, io::SecretBox::WithKeyOfItsOwn());
  EXPECT_EQ(others.Secret(made.id).error().code, ErrorCode::kDataLoss);
  EXPECT_THAT(*others.Due(1, 1), IsEmpty());
  clock_.Advance(std::chrono::minutes(2));
  EXPECT_EQ(webhooks_.Due(1, 1)->size(), 1u);
  ASSERT_TRUE(webhooks_.Update(made.id, {.secret = ""}).has_value());
  EXPECT_EQ(*webhooks_.Secret(made.id), "");
  EXPECT_EQ(stored(), "");
}

TEST_F(WebhooksTest, ADeadOneKeepsNoMoreThanSoMany) {
  const auto made = Make({{Entity::kRegisteredModel, Action::kCreated}});
  ASSERT_TRUE(database_
                  ->Write([&](io::SqlSession& session) -> Status {
                    for (std::int64_t i = 0; i < kMostWaiting - 1; ++i) {
                      KEELSON_RETURN_IF_ERROR(session.Execute(
                          "INSERT INTO webhook_delivery (id, webhook, entity, action, happened_us, data, due_us) "
                          "SELECT ?, number, 'prompt', 'created', 0, '{}', 0 FROM webhook",
                          {std::to_string(i)}));
                    }
                    return {};
                  })
                  .has_value());
  ASSERT_TRUE(models_.Create("last", {}, "").has_value());
  ASSERT_TRUE(models_.Create("dropped", {}, "").has_value());
  EXPECT_EQ(webhooks_.Due(2 * kMostWaiting, 2 * kMostWaiting)->size(), static_cast<std::size_t>(kMostWaiting));
}

TEST(WebhookEventTest, NamesAreReadBack) {
  for (int entity = 1; entity <= 10; ++entity) {
    const auto each = static_cast<Entity>(entity);
    EXPECT_EQ(WebhookEntityNamed(NameOf(each)), each);
    for (const Action action : ActionsOf(each)) {
      EXPECT_EQ(WebhookActionNamed(NameOf(action)), action);
      EXPECT_FALSE(ExampleOf({each, action}).empty());
    }
  }
  EXPECT_EQ(WebhookEntityNamed("run"), std::nullopt);
  EXPECT_EQ(WebhookActionNamed(""), std::nullopt);
}

}  // namespace
}  // namespace keelson::tracking
