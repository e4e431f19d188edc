#include "tracking/announcements.h"

#include <vector>

#include "base/log.h"
#include "tracking/prompts.h"
#include "tracking/uuid.h"
#include "tracking/webhook_event.h"

namespace keelson::tracking {
namespace {

using Entity = WebhookEntity;
using Action = WebhookAction;

Result<std::vector<std::int64_t>> WhoAsksFor(io::SqlSession& session, const WebhookEvent& event) {
  KEELSON_ASSIGN_OR_RETURN(
      const auto rows, session.Query("SELECT w.number FROM webhook_event e JOIN webhook w ON w.number = e.webhook "
                                     "WHERE e.entity = ? AND e.action = ? AND w.status = 'active' ORDER BY w.number",
                                     {std::string(NameOf(event.entity)), std::string(NameOf(event.action))}));
  std::vector<std::int64_t> webhooks;
  for (const auto& row : rows) webhooks.push_back(io::AsInt(row[0]));
  return webhooks;
}

Result<bool> HasRoom(io::SqlSession& session, std::int64_t webhook) {
  KEELSON_ASSIGN_OR_RETURN(
      const auto rows,
      session.Query("SELECT 1 FROM webhook_delivery WHERE webhook = ? LIMIT 1 OFFSET ?", {webhook, kMostWaiting - 1}));
  return rows.empty();
}

Status Announce(io::SqlSession& session, Instant now, const WebhookEvent& event, const OrderedJson& data) {
  KEELSON_ASSIGN_OR_RETURN(const auto webhooks, WhoAsksFor(session, event));
  if (webhooks.empty()) return {};
  const std::string text = PythonJson(data, /*ascii=*/true);
  for (const std::int64_t webhook : webhooks) {
    KEELSON_ASSIGN_OR_RETURN(const bool room, HasRoom(session, webhook));
    if (!room) {
      LogWarning("a webhook takes nothing and has too many deliveries waiting: this one is dropped",
                 {{"webhook", std::to_string(webhook)}, {"entity", NameOf(event.entity)}});
      continue;
    }
    KEELSON_RETURN_IF_ERROR(
        session.Execute("INSERT INTO webhook_delivery (id, webhook, entity, action, happened_us, data, due_us) "
                        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?5)",
                        {RandomUuid(), webhook, std::string(NameOf(event.entity)), std::string(NameOf(event.action)),
                         ToMicros(now), text}));
  }
  return {};
}

Result<bool> AnyWebhook(io::SqlSession& session) {
  KEELSON_ASSIGN_OR_RETURN(const auto rows, session.Query("SELECT 1 FROM webhook LIMIT 1"));
  return !rows.empty();
}

// Announces `of_model`, or `of_prompt` where the model is a prompt.
Status AnnounceByKind(io::SqlSession& session, Instant now, const std::string& model, Entity of_model, Entity of_prompt,
                      Action action, const OrderedJson& data) {
  KEELSON_ASSIGN_OR_RETURN(const bool any, AnyWebhook(session));
  if (!any) return {};
  KEELSON_ASSIGN_OR_RETURN(const bool prompt, IsPrompt(session, model));
  return Announce(session, now, {prompt ? of_prompt : of_model, action}, data);
}

OrderedJson TagsOf(const Pairs& tags, bool prompt) {
  OrderedJson json = OrderedJson::object();
  for (const auto& [key, value] : tags) {
    if (!prompt || !IsTagOfPrompts(key)) json[key] = value;
  }
  return json;
}

OrderedJson TextOrNull(const std::string& text) {
  return text.empty() ? OrderedJson() : OrderedJson(text);
}

}  // namespace

Status AnnounceModel(io::SqlSession& session, Instant now, const ModelRecord& model) {
  const bool prompt = IsPrompt(model.tags);
  const OrderedJson data = {
      {"name", model.name}, {"tags", TagsOf(model.tags, prompt)}, {"description", model.description}};
  return Announce(session, now, {prompt ? Entity::kPrompt : Entity::kRegisteredModel, Action::kCreated}, data);
}

Status AnnounceVersion(io::SqlSession& session, Instant now, const VersionRecord& version) {
  const bool prompt = IsPrompt(version.tags);
  OrderedJson data = {{"name", version.model}, {"version", std::to_string(version.version)}};
  if (prompt) {
    data["template"] = nullptr;
    for (const auto& [key, value] : version.tags) {
      if (key == kPromptTemplateTag) data["template"] = value;
    }
  } else {
    data["source"] = version.source;
    data["run_id"] = TextOrNull(version.run_id);
  }
  data["tags"] = TagsOf(version.tags, prompt);
  data["description"] = TextOrNull(version.description.value_or(""));
  return Announce(session, now, {prompt ? Entity::kPromptVersion : Entity::kModelVersion, Action::kCreated}, data);
}

Status AnnounceModelTag(io::SqlSession& session, Instant now, const std::string& model, const std::string& key,
                        const std::optional<std::string>& value) {
  KEELSON_ASSIGN_OR_RETURN(const bool any, AnyWebhook(session));
  if (!any) return {};
  KEELSON_ASSIGN_OR_RETURN(const bool prompt, IsPrompt(session, model));
  if (!prompt) return {};  // MLflow has no event for a tag of a model that is none
  OrderedJson data = {{"name", model}, {"key", key}};
  if (value) data["value"] = *value;
  return Announce(session, now, {Entity::kPromptTag, value ? Action::kSet : Action::kDeleted}, data);
}

Status AnnounceVersionTag(io::SqlSession& session, Instant now, const std::string& model, std::int64_t version,
                          const std::string& key, const std::optional<std::string>& value) {
  OrderedJson data = {{"name", model}, {"version", std::to_string(version)}, {"key", key}};
  if (value) data["value"] = *value;
  return AnnounceByKind(session, now, model, Entity::kModelVersionTag, Entity::kPromptVersionTag,
                        value ? Action::kSet : Action::kDeleted, data);
}

Status AnnounceAlias(io::SqlSession& session, Instant now, const std::string& model, const std::string& alias,
                     std::optional<std::int64_t> version) {
  OrderedJson data = {{"name", model}, {"alias", alias}};
  if (version) data["version"] = std::to_string(*version);
  return AnnounceByKind(session, now, model, Entity::kModelVersionAlias, Entity::kPromptAlias,
                        version ? Action::kCreated : Action::kDeleted, data);
}

}  // namespace keelson::tracking
