#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tracking/python_json.h"

namespace keelson::tracking {

// What a webhook can be told of, as MLflow numbers and names it.
enum class WebhookEntity {
  kRegisteredModel = 1,
  kModelVersion = 2,
  kModelVersionTag = 3,
  kModelVersionAlias = 4,
  kPrompt = 5,
  kPromptVersion = 6,
  kPromptTag = 7,
  kPromptVersionTag = 8,
  kPromptAlias = 9,
  kBudgetPolicy = 10,
};
enum class WebhookAction { kCreated = 1, kUpdated = 2, kDeleted = 3, kSet = 4, kExceeded = 5 };

struct WebhookEvent {
  WebhookEntity entity = WebhookEntity::kRegisteredModel;
  WebhookAction action = WebhookAction::kCreated;
  bool operator==(const WebhookEvent&) const = default;
};

std::string_view NameOf(WebhookEntity entity);  // "registered_model"
std::string_view NameOf(WebhookAction action);  // "created"
std::optional<WebhookEntity> WebhookEntityNamed(std::string_view name);
std::optional<WebhookAction> WebhookActionNamed(std::string_view name);

// What can happen to an entity, in the order of the names.
std::vector<WebhookAction> ActionsOf(WebhookEntity entity);

// What a webhook is sent when it is tried out.
OrderedJson ExampleOf(const WebhookEvent& event);

}  // namespace keelson::tracking
