// Registered models and aliases.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "wire/mlflow/answer.h"
#include "wire/mlflow/fields.h"
#include "wire/mlflow/filter.h"
#include "wire/mlflow/limits.h"
#include "wire/mlflow/services.h"

namespace keelson::wire::mlflow {
namespace {

constexpr Field kName = {.name = "name", .rules = kTextRequired};
constexpr Field kAlias = {.name = "alias", .rules = kTextRequired};
constexpr std::string_view kWho = "mlflow";  // how the history of aliases names a client

Result<std::string> ReadName(const Asked& asked) {
  static constexpr std::array kFields = {kName};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  KEELSON_RETURN_IF_ERROR(CheckModelName(message.Text("name")));
  return message.Text("name");
}

// The last value of each key, as the reference keeps them.
tracking::Pairs LastOfEach(const tracking::Pairs& pairs) {
  tracking::Pairs last;
  for (const auto& pair : pairs) {
    const auto found = std::ranges::find(last, pair.first, [](const auto& each) { return each.first; });
    if (found == last.end()) {
      last.push_back(pair);
    } else {
      found->second = pair.second;
    }
  }
  return last;
}

}  // namespace

Answered CreateRegisteredModel(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {kName, PairsField("tags"), Field{.name = "description", .rules = kText}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  const std::string name = message.Text("name");
  KEELSON_RETURN_IF_ERROR(CheckModelName(name));
  const auto tags = message.Pairs("tags");
  for (const auto& [key, value] : tags) KEELSON_RETURN_IF_ERROR(CheckModelTag(key, value));
  KEELSON_ASSIGN_OR_RETURN(const auto model,
                           services.models.Create(name, LastOfEach(tags), message.Text("description")));
  return OneAnswer("registered_model", model);
}

Answered GetRegisteredModel(Services& services, const Asked& asked) {
  KEELSON_ASSIGN_OR_RETURN(const std::string name, ReadName(asked));
  KEELSON_ASSIGN_OR_RETURN(const auto model, services.models.Get(name));
  return OneAnswer("registered_model", model);
}

Answered RenameRegisteredModel(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {kName, Field{.name = "new_name", .rules = kTextRequired}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  const std::string new_name = message.Text("new_name");
  if (new_name.find_first_not_of(" \t\n\r\f\v") == std::string::npos) {
    return Fail(ErrorCode::kInvalidArgument, "Missing value for required parameter 'new_name'.");
  }
  KEELSON_RETURN_IF_ERROR(CheckModelName(new_name));
  KEELSON_RETURN_IF_ERROR(CheckModelName(message.Text("name")));
  KEELSON_ASSIGN_OR_RETURN(const auto model, services.models.Rename(message.Text("name"), new_name));
  return OneAnswer("registered_model", model);
}

Answered UpdateRegisteredModel(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {kName, Field{.name = "description", .rules = kText}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  KEELSON_RETURN_IF_ERROR(CheckModelName(message.Text("name")));
  KEELSON_ASSIGN_OR_RETURN(const auto model,
                           services.models.Describe(message.Text("name"), message.Text("description")));
  return OneAnswer("registered_model", model);
}

Answered DeleteRegisteredModel(Services& services, const Asked& asked) {
  KEELSON_ASSIGN_OR_RETURN(const std::string name, ReadName(asked));
  KEELSON_RETURN_IF_ERROR(services.models.Delete(name));
  return EmptyAnswer();
}

Answered SearchRegisteredModels(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {
      Field{.name = "filter", .rules = kText},
      Field{.name = "max_results", .type = Type::kInt64, .rules = {Rule::kInt}, .at_most = 1000}, kOrderBy,
      Field{.name = "page_token", .rules = kText}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  KEELSON_ASSIGN_OR_RETURN(const tracking::Search search, ReadSearch(message, Searched::kModels, 100));
  if (search.at_most <= 0) return PageAnswer("registered_models", tracking::Page<tracking::ModelRecord>());
  KEELSON_ASSIGN_OR_RETURN(const auto page, services.models.Find(search));
  return PageAnswer("registered_models", page);
}

Answered GetLatestVersions(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {
      kName, Field{.name = "stages", .repeated = true, .rules = {Rule::kArray, Rule::kTexts}}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  KEELSON_RETURN_IF_ERROR(CheckModelName(message.Text("name")));
  KEELSON_ASSIGN_OR_RETURN(const auto model, services.models.Get(message.Text("name")));
  std::vector<std::string> stages;
  for (const auto& stage : message.Texts("stages")) {
    KEELSON_ASSIGN_OR_RETURN(std::string canonical, CanonicalStage(stage));
    stages.push_back(std::move(canonical));
  }
  tracking::Page<tracking::VersionRecord> page;
  for (const auto& version : model.latest) {
    if (stages.empty() || std::ranges::find(stages, version.stage) != stages.end()) page.records.push_back(version);
  }
  return PageAnswer("model_versions", page);
}

Answered SetRegisteredModelTag(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {kName, Field{.name = "key", .rules = kTextRequired},
                                         Field{.name = "value", .rules = kText}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  KEELSON_RETURN_IF_ERROR(CheckModelName(message.Text("name")));
  KEELSON_RETURN_IF_ERROR(CheckModelTag(message.Text("key"), message.Text("value")));
  KEELSON_RETURN_IF_ERROR(services.models.SetTag(message.Text("name"), message.Text("key"), message.Text("value")));
  return EmptyAnswer();
}

Answered DeleteRegisteredModelTag(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {kName, Field{.name = "key", .rules = kTextRequired}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  KEELSON_RETURN_IF_ERROR(CheckModelName(message.Text("name")));
  KEELSON_RETURN_IF_ERROR(CheckKey("key", message.Text("key")));
  KEELSON_RETURN_IF_ERROR(services.models.DeleteTag(message.Text("name"), message.Text("key")));
  return EmptyAnswer();
}

Answered SetRegisteredModelAlias(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {kName, kAlias, Field{.name = "version", .rules = kTextRequired}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  KEELSON_RETURN_IF_ERROR(CheckModelName(message.Text("name")));
  KEELSON_RETURN_IF_ERROR(CheckAliasToSet(message.Text("alias")));
  KEELSON_ASSIGN_OR_RETURN(const std::int64_t version, VersionNumber(message.Text("version")));
  KEELSON_RETURN_IF_ERROR(
      services.models.SetAlias(message.Text("name"), message.Text("alias"), version, std::string(kWho)));
  return EmptyAnswer();
}

Answered DeleteRegisteredModelAlias(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {kName, kAlias};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  KEELSON_RETURN_IF_ERROR(CheckModelName(message.Text("name")));
  KEELSON_RETURN_IF_ERROR(CheckAlias(message.Text("alias")));
  KEELSON_RETURN_IF_ERROR(services.models.DeleteAlias(message.Text("name"), message.Text("alias"), std::string(kWho)));
  return EmptyAnswer();
}

Answered GetModelVersionByAlias(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {kName, kAlias};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  KEELSON_RETURN_IF_ERROR(CheckModelName(message.Text("name")));
  KEELSON_RETURN_IF_ERROR(CheckAlias(message.Text("alias")));
  KEELSON_ASSIGN_OR_RETURN(const auto version, services.models.GetByAlias(message.Text("name"), message.Text("alias")));
  return OneAnswer("model_version", version);
}

}  // namespace keelson::wire::mlflow
