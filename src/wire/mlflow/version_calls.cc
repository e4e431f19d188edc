// Versions of registered models.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "wire/mlflow/answer.h"
#include "wire/mlflow/fields.h"
#include "wire/mlflow/filter.h"
#include "wire/mlflow/limits.h"
#include "wire/mlflow/services.h"
#include "wire/mlflow/version_source.h"

namespace keelson::wire::mlflow {
namespace {

constexpr std::int64_t kMostVersions = 200'000;  // of a page

constexpr Field kName = {.name = "name", .rules = kTextRequired};
constexpr Field kVersion = {.name = "version", .rules = kTextRequired};
constexpr std::array kNameAndVersion = {kName, kVersion};

struct Named {
  std::string model;
  std::int64_t version = 0;
};

Result<Named> NamedBy(const Message& message) {
  KEELSON_RETURN_IF_ERROR(CheckModelName(message.Text("name")));
  KEELSON_ASSIGN_OR_RETURN(const std::int64_t version, VersionNumber(message.Text("version")));
  return Named{message.Text("name"), version};
}

}  // namespace

Answered CreateModelVersion(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {kName,
                                         Field{.name = "source", .rules = kTextRequired},
                                         Field{.name = "run_id", .rules = kText},
                                         PairsField("tags"),
                                         Field{.name = "run_link", .rules = kText},
                                         Field{.name = "description", .rules = kText},
                                         Field{.name = "model_id", .rules = kText}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  tracking::RegisteredModels::NewVersion version;
  version.model = message.Text("name");
  version.run_link = message.Text("run_link");
  version.description = message.Text("description");
  version.tags = message.Pairs("tags");
  KEELSON_RETURN_IF_ERROR(ResolveSource(services, message, version));
  KEELSON_RETURN_IF_ERROR(CheckModelName(version.model));
  for (const auto& [key, value] : version.tags) KEELSON_RETURN_IF_ERROR(CheckModelTag(key, value));
  KEELSON_ASSIGN_OR_RETURN(const auto made, services.models.CreateVersion(version));
  if (!version.model_id.empty()) KEELSON_RETURN_IF_ERROR(NoteRegistration(services, version.model_id, made));
  return OneAnswer("model_version", made);
}

Answered GetModelVersion(Services& services, const Asked& asked) {
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kNameAndVersion));
  KEELSON_ASSIGN_OR_RETURN(const Named named, NamedBy(message));
  KEELSON_ASSIGN_OR_RETURN(const auto version, services.models.GetVersion(named.model, named.version));
  return OneAnswer("model_version", version);
}

Answered UpdateModelVersion(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {kName, kVersion, Field{.name = "description", .rules = kText}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  KEELSON_ASSIGN_OR_RETURN(const Named named, NamedBy(message));
  KEELSON_ASSIGN_OR_RETURN(const auto version, services.models.DescribeVersion(named.model, named.version,
                                                                               message.OptionalText("description")));
  return OneAnswer("model_version", version);
}

Answered TransitionModelVersionStage(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {
      kName, kVersion, Field{.name = "stage", .rules = kTextRequired},
      Field{.name = "archive_existing_versions", .type = Type::kBool, .rules = {Rule::kBool}}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  KEELSON_ASSIGN_OR_RETURN(const std::string stage, CanonicalStage(message.Text("stage")));
  const bool archive = message.Bool("archive_existing_versions");
  if (archive && stage != "Staging" && stage != "Production") {
    return Fail(ErrorCode::kInternal,
                fmt::format("Model version transition cannot archive existing model versions because '{}' is not an "
                            "Active stage. Valid stages are ['Staging', 'Production']",
                            message.Text("stage")));
  }
  KEELSON_ASSIGN_OR_RETURN(const Named named, NamedBy(message));
  KEELSON_ASSIGN_OR_RETURN(const auto version, services.models.Transition(named.model, named.version, stage, archive));
  return OneAnswer("model_version", version);
}

Answered DeleteModelVersion(Services& services, const Asked& asked) {
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kNameAndVersion));
  KEELSON_ASSIGN_OR_RETURN(const Named named, NamedBy(message));
  KEELSON_RETURN_IF_ERROR(services.models.DeleteVersion(named.model, named.version, "mlflow"));
  return EmptyAnswer();
}

Answered SearchModelVersions(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {
      Field{.name = "filter", .rules = kText},
      Field{.name = "max_results", .type = Type::kInt64, .rules = {Rule::kInt}, .at_most = kMostVersions}, kOrderBy,
      Field{.name = "page_token", .rules = kText}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  return SearchModelVersions(services, message);
}

Answered SearchModelVersions(Services& services, const Message& message) {
  const std::int64_t size = message.Int("max_results", kMostVersions);
  if (size < 1) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("Invalid value for max_results. It must be a positive integer, but got {}", size));
  }
  KEELSON_ASSIGN_OR_RETURN(const tracking::Search search, ReadSearch(message, Searched::kVersions, kMostVersions));
  KEELSON_ASSIGN_OR_RETURN(auto page, services.models.FindVersions(search));
  for (auto& version : page.records) version.aliases.clear();  // the reference's search leaves them out
  return PageAnswer("model_versions", page);
}

Answered GetModelVersionDownloadUri(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {Field{.name = "name"}, Field{.name = "version"}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  KEELSON_ASSIGN_OR_RETURN(const Named named, NamedBy(message));
  KEELSON_ASSIGN_OR_RETURN(const auto version, services.models.GetVersion(named.model, named.version));
  // A client asks this when it is about to load the version.
  KEELSON_ASSIGN_OR_RETURN(const std::string hash, services.models.ContentHash(named.model, named.version));
  if (const auto path = ProxiedPath(version.location); path && !hash.empty()) {
    KEELSON_RETURN_IF_ERROR(services.version_check->Check(*path, hash));
  }
  const bool by_run = version.source.starts_with("runs:");  // which clients resolve themselves
  JsonWriter json;
  return JsonAnswer(json.Open('{').Text("artifact_uri", by_run ? version.source : version.location).Close('}').Take());
}

Answered SetModelVersionTag(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {kName, kVersion, Field{.name = "key", .rules = kTextRequired},
                                         Field{.name = "value", .rules = kText}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  KEELSON_ASSIGN_OR_RETURN(const Named named, NamedBy(message));
  KEELSON_RETURN_IF_ERROR(CheckModelTag(message.Text("key"), message.Text("value")));
  KEELSON_RETURN_IF_ERROR(
      services.models.SetVersionTag(named.model, named.version, message.Text("key"), message.Text("value")));
  return EmptyAnswer();
}

Answered DeleteModelVersionTag(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {kName, kVersion, Field{.name = "key", .rules = kTextRequired}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  KEELSON_ASSIGN_OR_RETURN(const Named named, NamedBy(message));
  KEELSON_RETURN_IF_ERROR(CheckKey("key", message.Text("key")));
  KEELSON_RETURN_IF_ERROR(services.models.DeleteVersionTag(named.model, named.version, message.Text("key")));
  return EmptyAnswer();
}

}  // namespace keelson::wire::mlflow
