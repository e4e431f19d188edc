#include "tracking/webhook_event.h"

#include <algorithm>
#include <array>
#include <utility>

namespace keelson::tracking {
namespace {

using Entity = WebhookEntity;
using Action = WebhookAction;

constexpr std::array<std::pair<Entity, std::string_view>, 10> kEntities = {{
    {Entity::kRegisteredModel, "registered_model"},
    {Entity::kModelVersion, "model_version"},
    {Entity::kModelVersionTag, "model_version_tag"},
    {Entity::kModelVersionAlias, "model_version_alias"},
    {Entity::kPrompt, "prompt"},
    {Entity::kPromptVersion, "prompt_version"},
    {Entity::kPromptTag, "prompt_tag"},
    {Entity::kPromptVersionTag, "prompt_version_tag"},
    {Entity::kPromptAlias, "prompt_alias"},
    {Entity::kBudgetPolicy, "budget_policy"},
}};
constexpr std::array<std::pair<Action, std::string_view>, 5> kActions = {{
    {Action::kCreated, "created"},
    {Action::kUpdated, "updated"},
    {Action::kDeleted, "deleted"},
    {Action::kSet, "set"},
    {Action::kExceeded, "exceeded"},
}};

template <typename Names, typename Kind>
std::string_view NameIn(const Names& names, Kind kind) {
  return std::ranges::find(names, kind, [](const auto& each) { return each.first; })->second;
}

template <typename Kind, typename Names>
std::optional<Kind> KindIn(const Names& names, std::string_view name) {
  const auto found = std::ranges::find(names, name, [](const auto& each) { return each.second; });
  return found == names.end() ? std::nullopt : std::optional(found->first);
}

bool IsPrompt(Entity entity) {
  return entity == Entity::kPrompt || entity == Entity::kPromptVersion || entity == Entity::kPromptTag ||
         entity == Entity::kPromptVersionTag || entity == Entity::kPromptAlias;
}

}  // namespace

std::string_view NameOf(WebhookEntity entity) {
  return NameIn(kEntities, entity);
}
std::string_view NameOf(WebhookAction action) {
  return NameIn(kActions, action);
}
std::optional<WebhookEntity> WebhookEntityNamed(std::string_view name) {
  return KindIn<Entity>(kEntities, name);
}
std::optional<WebhookAction> WebhookActionNamed(std::string_view name) {
  return KindIn<Action>(kActions, name);
}

std::vector<WebhookAction> ActionsOf(WebhookEntity entity) {
  switch (entity) {
    case Entity::kRegisteredModel:
    case Entity::kModelVersion:
    case Entity::kPrompt:
    case Entity::kPromptVersion:
      return {Action::kCreated};
    case Entity::kModelVersionTag:
    case Entity::kPromptTag:
    case Entity::kPromptVersionTag:
      return {Action::kDeleted, Action::kSet};
    case Entity::kModelVersionAlias:
    case Entity::kPromptAlias:
      return {Action::kCreated, Action::kDeleted};
    case Entity::kBudgetPolicy:
      break;
  }
  return {Action::kExceeded};
}

OrderedJson ExampleOf(const WebhookEvent& event) {
  const bool prompt = IsPrompt(event.entity);
  OrderedJson data = {{"name", prompt ? "example_prompt" : "example_model"}};
  const OrderedJson tags = {{"example_key", "example_value"}};
  switch (event.entity) {
    case Entity::kRegisteredModel:
    case Entity::kPrompt:
      data["tags"] = tags;
      data["description"] = prompt ? "An example prompt" : "An example registered model";
      break;
    case Entity::kModelVersion:
      data["version"] = "1";
      data["source"] = "models:/123";
      data["run_id"] = "abcd1234abcd5678";
      data["tags"] = tags;
      data["description"] = "An example model version";
      break;
    case Entity::kPromptVersion:
      data["version"] = "1";
      data["template"] = "Hello {{name}}!";
      data["tags"] = tags;
      data["description"] = "An example prompt version";
      break;
    case Entity::kModelVersionTag:
    case Entity::kPromptVersionTag:
      data["version"] = "1";
      [[fallthrough]];
    case Entity::kPromptTag:
      data["key"] = "example_key";
      if (event.action == Action::kSet) data["value"] = "example_value";
      break;
    case Entity::kModelVersionAlias:
    case Entity::kPromptAlias:
      data["alias"] = "example_alias";
      if (event.action == Action::kCreated) data["version"] = "1";
      break;
    case Entity::kBudgetPolicy:
      data = {{"budget_policy_id", "bp-abc123"},  {"budget_unit", "USD"},      {"budget_amount", 100.0},
              {"current_spend", 105.5},           {"duration_unit", "MONTHS"}, {"duration_value", 1},
              {"target_scope", "ENDPOINT"},       {"workspace", "default"},    {"target_value", "ep-abc123"},
              {"window_start", 1'704'067'200'000}};
      break;
  }
  return data;
}

}  // namespace keelson::tracking
