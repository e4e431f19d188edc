// Webhooks.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "tracking/python_text.h"
#include "tracking/uuid.h"
#include "wire/mlflow/answer.h"
#include "wire/mlflow/fields.h"
#include "wire/mlflow/services.h"
#include "wire/mlflow/webhook_url.h"

namespace keelson::wire::mlflow {
namespace {

constexpr std::int64_t kLargestPage = 1'000;
constexpr std::int64_t kUsualPage = 100;
constexpr std::int64_t kActive = 1;
constexpr std::size_t kLongestName = 63;

constexpr std::array<std::string_view, 11> kEntities = {
    "ENTITY_UNSPECIFIED",  "REGISTERED_MODEL", "MODEL_VERSION",  "MODEL_VERSION_TAG",
    "MODEL_VERSION_ALIAS", "PROMPT",           "PROMPT_VERSION", "PROMPT_TAG",
    "PROMPT_VERSION_TAG",  "PROMPT_ALIAS",     "BUDGET_POLICY"};
constexpr std::array<std::string_view, 6> kActions = {
    "ACTION_UNSPECIFIED", "CREATED", "UPDATED", "DELETED", "SET", "EXCEEDED"};
constexpr std::array<std::string_view, 2> kStatuses = {"ACTIVE", "DISABLED"};

constexpr std::array kEventFields = {
    Field{.name = "entity", .type = Type::kEnum, .enum_names = kEntities, .enum_first = 0},
    Field{.name = "action", .type = Type::kEnum, .enum_names = kActions, .enum_first = 0}};
constexpr Field kStatusField = {.name = "status", .type = Type::kEnum, .rules = kText, .enum_names = kStatuses};

constexpr Field EventsField(std::array<Rule, 3> rules) {
  return {.name = "events", .type = Type::kMessage, .repeated = true, .rules = rules, .fields = kEventFields};
}

std::unexpected<Error> Refuse(std::string message) {
  return Fail(ErrorCode::kInvalidArgument, std::move(message));
}

Result<tracking::WebhookEvent> EventOf(const Message& message) {
  const std::int64_t entity = message.Int("entity", 0);
  const std::int64_t action = message.Int("action", 0);
  if (entity == 0) return Refuse("A webhook's event needs an entity, such as REGISTERED_MODEL.");
  if (action == 0) return Refuse("A webhook's event needs an action, such as CREATED.");
  const tracking::WebhookEvent event{static_cast<tracking::WebhookEntity>(entity),
                                     static_cast<tracking::WebhookAction>(action)};
  const auto valid = tracking::ActionsOf(event.entity);
  if (std::ranges::find(valid, event.action) != valid.end()) return event;
  std::vector<std::string> names;
  for (const auto each : valid) names.push_back(fmt::format("'{}'", NameOf(each)));
  return Refuse(fmt::format("Invalid action '{}' for entity '{}'. Valid actions are: [{}]", NameOf(event.action),
                            NameOf(event.entity), fmt::join(names, ", ")));
}

Result<std::vector<tracking::WebhookEvent>> EventsOf(const Message& message) {
  std::vector<tracking::WebhookEvent> events;
  for (const Message& each : message.Messages("events")) {
    KEELSON_ASSIGN_OR_RETURN(const auto event, EventOf(each));
    events.push_back(event);
  }
  return events;
}

bool IsLetterOrDigit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

Status CheckName(std::string_view name) {
  const bool valid =
      !name.empty() && name.size() <= kLongestName && IsLetterOrDigit(name.front()) && IsLetterOrDigit(name.back()) &&
      std::ranges::all_of(name, [](char c) { return IsLetterOrDigit(c) || c == '.' || c == '_' || c == '-'; });
  if (valid) return {};
  return Refuse(fmt::format(
      "Webhook name {} is invalid. It must start and end with a letter or digit, be less than 63 characters long, and "
      "contain only letters, digits, dots (.), underscores (_), and hyphens (-).",
      tracking::PythonText(name)));
}

std::optional<bool> StatusOf(const Message& message) {
  if (!message.Has("status")) return std::nullopt;
  return message.Int("status") == kActive;
}

// A text of the request; nothing when it is not there or empty.
std::optional<std::string> Given(const Message& message, std::string_view name) {
  std::string text = message.Text(name);
  return text.empty() ? std::nullopt : std::optional(std::move(text));
}

}  // namespace

void Write(JsonWriter& json, const tracking::WebhookRecord& webhook) {
  json.Open('{').Text("webhook_id", webhook.id).Text("name", webhook.name);
  if (webhook.description) json.Text("description", *webhook.description);
  json.Text("url", webhook.url).Key("events").Open('[');
  for (const auto& event : webhook.events) {
    json.Open('{');
    json.Text("entity", kEntities.at(static_cast<std::size_t>(event.entity)));
    json.Text("action", kActions.at(static_cast<std::size_t>(event.action)));
    json.Close('}');
  }
  json.Close(']').Text("status", kStatuses.at(webhook.active ? 0 : 1));
  json.Int("creation_timestamp", webhook.created_ms).Int("last_updated_timestamp", webhook.updated_ms).Close('}');
}

Answered CreateWebhook(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {
      Field{.name = "name", .rules = kTextRequired}, Field{.name = "url", .rules = kTextRequired},
      EventsField({Rule::kArray, Rule::kRequired}),  Field{.name = "description", .rules = kText},
      Field{.name = "secret", .rules = kText},       kStatusField};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  tracking::Webhooks::New webhook;
  KEELSON_ASSIGN_OR_RETURN(webhook.events, EventsOf(message));
  webhook.name = message.Text("name");
  webhook.url = message.Text("url");
  webhook.description = Given(message, "description");
  webhook.secret = message.Text("secret");
  webhook.active = StatusOf(message).value_or(true);
  KEELSON_RETURN_IF_ERROR(CheckName(webhook.name));
  KEELSON_RETURN_IF_ERROR(CheckWebhookUrl(webhook.url, services.webhook_options));
  if (webhook.events.empty()) {
    return Refuse("Webhook events must be a non-empty list of WebhookEvent objects: [].");
  }
  KEELSON_ASSIGN_OR_RETURN(const auto made, services.webhooks.Create(webhook));
  return OneAnswer("webhook", made);
}

Answered ListWebhooks(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {Field{.name = "max_results", .type = Type::kInt32, .rules = {Rule::kInt}},
                                         Field{.name = "page_token", .rules = kText}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  std::int64_t size = message.Int("max_results", kUsualPage);
  if (size == 0) size = kUsualPage;
  if (size < 1 || size > kLargestPage) return Refuse("max_results must be between 1 and 1000.");
  KEELSON_ASSIGN_OR_RETURN(const auto page, services.webhooks.List(size, message.Text("page_token")));
  return PageAnswer("webhooks", page);
}

Answered GetWebhook(Services& services, const Asked& asked) {
  KEELSON_ASSIGN_OR_RETURN(const auto webhook, services.webhooks.Get(asked.parts.at(0)));
  return OneAnswer("webhook", webhook);
}

Answered UpdateWebhook(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {
      Field{.name = "name", .rules = kText},   Field{.name = "description", .rules = kText},
      Field{.name = "url", .rules = kText},    EventsField({Rule::kArray}),
      Field{.name = "secret", .rules = kText}, kStatusField};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  tracking::Webhooks::Change change;
  KEELSON_ASSIGN_OR_RETURN(change.events, EventsOf(message));
  change.name = Given(message, "name");
  change.url = Given(message, "url");
  change.description = message.OptionalText("description");
  change.secret = message.OptionalText("secret");
  change.active = StatusOf(message);
  KEELSON_RETURN_IF_ERROR(services.webhooks.Get(asked.parts.at(0)));
  if (change.name) KEELSON_RETURN_IF_ERROR(CheckName(*change.name));
  if (change.url) KEELSON_RETURN_IF_ERROR(CheckWebhookUrl(*change.url, services.webhook_options));
  KEELSON_ASSIGN_OR_RETURN(const auto changed, services.webhooks.Update(asked.parts.at(0), change));
  return OneAnswer("webhook", changed);
}

Answered DeleteWebhook(Services& services, const Asked& asked) {
  KEELSON_RETURN_IF_ERROR(services.webhooks.Delete(asked.parts.at(0)));
  return EmptyAnswer();
}

Answered TestWebhook(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {Field{.name = "event", .type = Type::kMessage, .fields = kEventFields}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  std::optional<tracking::WebhookEvent> event;
  if (message.Has("event")) {
    KEELSON_ASSIGN_OR_RETURN(event, EventOf(message.Inner("event")));
  }
  KEELSON_ASSIGN_OR_RETURN(const auto webhook, services.webhooks.Get(asked.parts.at(0)));
  KEELSON_ASSIGN_OR_RETURN(const std::string secret, services.webhooks.Secret(webhook.id));
  tracking::WebhookDelivery delivery{.id = tracking::RandomUuid(),
                                     .webhook_id = webhook.id,
                                     .url = webhook.url,
                                     .secret = secret,
                                     .event = event.value_or(webhook.events.front()),
                                     .happened = services.clock.WallNow(),
                                     .data = {}};
  delivery.data = tracking::PythonJson(ExampleOf(delivery.event), /*ascii=*/true);
  const Status allowed = CheckWebhookUrl(webhook.url, services.webhook_options);
  const Result<io::HttpResponse> answer =
      allowed.has_value() ? services.webhook_sender->Post(delivery) : std::unexpected(allowed.error());
  JsonWriter json;
  json.Open('{').Key("result").Open('{').Key("success").Bool(answer.has_value() && answer->status < 400);
  if (answer.has_value()) {
    json.Int("response_status", answer->status).Text("response_body", answer->body);
  } else {
    json.Text("error_message", fmt::format("Failed to test webhook: {}", answer.error().message));
  }
  return JsonAnswer(json.Close('}').Close('}').Take());
}

}  // namespace keelson::wire::mlflow
