// Experiments.
#include <fmt/format.h>

#include <array>

#include "wire/mlflow/answer.h"
#include "wire/mlflow/fields.h"
#include "wire/mlflow/filter.h"
#include "wire/mlflow/limits.h"
#include "wire/mlflow/services.h"

namespace keelson::wire::mlflow {
namespace {

constexpr std::array kId = {Field{.name = "experiment_id", .rules = kRequiredText}};

Result<std::int64_t> ReadId(const Asked& asked) {
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kId));
  return ExperimentNumber(message.Text("experiment_id"));
}

}  // namespace

Answered CreateExperiment(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {Field{.name = "name", .rules = kRequiredText},
                                         Field{.name = "artifact_location", .rules = kText}, PairsField("tags")};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  const std::string name = message.Text("name");
  const std::string location = message.Text("artifact_location");
  const auto tags = message.Pairs("tags");
  KEELSON_RETURN_IF_ERROR(CheckExperimentName(name));
  for (const auto& [key, value] : tags) KEELSON_RETURN_IF_ERROR(CheckExperimentTag(key, value));
  KEELSON_RETURN_IF_ERROR(CheckLocation("artifact_location", location));
  KEELSON_ASSIGN_OR_RETURN(const std::int64_t id, services.experiments.Create(name, location, tags));
  return JsonAnswer(fmt::format("{{\"experiment_id\":\"{}\"}}", id));
}

Answered GetExperiment(Services& services, const Asked& asked) {
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kId));
  return GetExperiment(services, message);
}

Answered GetExperiment(Services& services, const Message& message) {
  KEELSON_ASSIGN_OR_RETURN(const std::int64_t id, ExperimentNumber(message.Text("experiment_id")));
  KEELSON_ASSIGN_OR_RETURN(const auto experiment, services.experiments.Get(id));
  return OneAnswer("experiment", experiment);
}

Answered GetExperimentByName(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {Field{.name = "experiment_name", .rules = kRequiredText}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  KEELSON_ASSIGN_OR_RETURN(const auto experiment, services.experiments.GetByName(message.Text("experiment_name")));
  return OneAnswer("experiment", experiment);
}

Answered DeleteExperiment(Services& services, const Asked& asked) {
  KEELSON_ASSIGN_OR_RETURN(const std::int64_t id, ReadId(asked));
  KEELSON_RETURN_IF_ERROR(services.experiments.Delete(id));
  return EmptyAnswer();
}

Answered RestoreExperiment(Services& services, const Asked& asked) {
  KEELSON_ASSIGN_OR_RETURN(const std::int64_t id, ReadId(asked));
  KEELSON_RETURN_IF_ERROR(services.experiments.Restore(id));
  return EmptyAnswer();
}

Answered UpdateExperiment(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {kId[0], Field{.name = "new_name", .rules = {Rule::kText, Rule::kRequired}}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  KEELSON_RETURN_IF_ERROR(CheckExperimentName(message.Text("new_name")));
  KEELSON_ASSIGN_OR_RETURN(const std::int64_t id, ExperimentNumber(message.Text("experiment_id")));
  KEELSON_RETURN_IF_ERROR(services.experiments.Rename(id, message.Text("new_name")));
  return EmptyAnswer();
}

Answered SetExperimentTag(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {kId[0], Field{.name = "key", .rules = kRequiredText},
                                         Field{.name = "value", .rules = kText}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  KEELSON_RETURN_IF_ERROR(CheckExperimentTag(message.Text("key"), message.Text("value")));
  KEELSON_ASSIGN_OR_RETURN(const std::int64_t id, ExperimentNumber(message.Text("experiment_id")));
  KEELSON_RETURN_IF_ERROR(services.experiments.SetTag(id, message.Text("key"), message.Text("value")));
  return EmptyAnswer();
}

Answered DeleteExperimentTag(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {kId[0], Field{.name = "key", .rules = kRequiredText}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  KEELSON_ASSIGN_OR_RETURN(const std::int64_t id, ExperimentNumber(message.Text("experiment_id")));
  KEELSON_RETURN_IF_ERROR(services.experiments.DeleteTag(id, message.Text("key")));
  return EmptyAnswer();
}

Answered SearchExperiments(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {
      ViewField("view_type"), Field{.name = "max_results", .type = Type::kInt64, .rules = {Rule::kInt}},
      Field{.name = "order_by", .repeated = true, .rules = {Rule::kArray}}, Field{.name = "filter", .rules = kText},
      Field{.name = "page_token", .rules = kText}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  KEELSON_ASSIGN_OR_RETURN(tracking::Search search, ReadSearch(message, Searched::kExperiments, 0));
  KEELSON_RETURN_IF_ERROR(CheckPageSize(search.at_most));
  KEELSON_ASSIGN_OR_RETURN(const auto page, services.experiments.Find(search, ViewOf(message, "view_type")));
  return PageAnswer("experiments", page);
}

}  // namespace keelson::wire::mlflow
