// Logged models.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "wire/mlflow/answer.h"
#include "wire/mlflow/fields.h"
#include "wire/mlflow/filter.h"
#include "wire/mlflow/limits.h"
#include "wire/mlflow/services.h"

namespace keelson::wire::mlflow {
namespace {

using tracking::LoggedModels;

constexpr std::int64_t kPage = 50;

// "metrics.accuracy", or an attribute.
Result<LoggedModels::ModelOrder> ReadOrder(const Message& message) {
  constexpr std::array<std::string_view, 11> kAttributes = {"model_id",
                                                            "experiment_id",
                                                            "name",
                                                            "artifact_location",
                                                            "creation_timestamp_ms",
                                                            "last_updated_timestamp_ms",
                                                            "status",
                                                            "lifecycle_stage",
                                                            "model_type",
                                                            "source_run_id",
                                                            "status_message"};
  const std::string name = message.Text("field_name");
  LoggedModels::ModelOrder order;
  order.by.ascending = message.Bool("ascending", true);
  order.dataset = {message.Text("dataset_name"), message.Text("dataset_digest")};
  if (const std::size_t dot = name.find('.'); dot != std::string::npos) {
    if (name.substr(0, dot) != "metrics") {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("Invalid order by field name: {}. Only metrics are supported.", name));
    }
    order.by.entity = tracking::Entity::kMetric;
    order.by.key = name.substr(dot + 1);
    return order;
  }
  order.by.key = name == "creation_time" || name == "creation_timestamp" ? "creation_timestamp_ms"
                 : name == "last_updated_timestamp"                      ? "last_updated_timestamp_ms"
                                                                         : name;
  if (std::ranges::find(kAttributes, order.by.key) == kAttributes.end()) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("Invalid order by field name: {}", name));
  }
  return order;
}

}  // namespace

Answered CreateLoggedModel(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {Field{.name = "experiment_id", .rules = kTextRequired},
                                         Field{.name = "name", .rules = kText},
                                         Field{.name = "model_type", .rules = kText},
                                         Field{.name = "source_run_id", .rules = kText},
                                         PairsField("params"),
                                         PairsField("tags")};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  LoggedModels::NewModel model;
  model.name = message.Text("name");
  KEELSON_RETURN_IF_ERROR(CheckLoggedModelName(model.name));
  if (model.name.empty()) model.name = RandomName();
  KEELSON_ASSIGN_OR_RETURN(model.experiment_id, ExperimentNumber(message.Text("experiment_id")));
  model.type = message.Text("model_type");
  model.source_run_id = message.Text("source_run_id");
  model.params = message.Pairs("params");
  model.tags = message.Pairs("tags");
  KEELSON_ASSIGN_OR_RETURN(const auto made, services.logged_models.Create(model));
  return OneAnswer("model", made);
}

Answered GetLoggedModel(Services& services, const Asked& asked) {
  const auto query = QueryPairs(asked.http.query);
  const bool deleted_too = std::ranges::any_of(
      query, [](const auto& pair) { return pair.first == "allow_deleted" && ToLower(pair.second) == "true"; });
  KEELSON_ASSIGN_OR_RETURN(const auto model, services.logged_models.Get(asked.parts.at(0), deleted_too));
  return OneAnswer("model", model);
}

Answered FinalizeLoggedModel(Services& services, const Asked& asked) {
  static constexpr std::array<std::string_view, 4> kStatuses = {
      "LOGGED_MODEL_STATUS_UNSPECIFIED", "LOGGED_MODEL_PENDING", "LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED"};
  static constexpr std::array kFields = {Field{.name = "model_id", .rules = kTextRequired},
                                         Field{.name = "status",
                                               .type = Type::kEnum,
                                               .rules = {Rule::kInt, Rule::kRequired},
                                               .enum_names = kStatuses,
                                               .enum_first = 0}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  KEELSON_ASSIGN_OR_RETURN(
      const auto model, services.logged_models.Finalize(
                            message.Text("model_id"), static_cast<tracking::LoggedModelStatus>(message.Int("status"))));
  return OneAnswer("model", model);
}

Answered DeleteLoggedModel(Services& services, const Asked& asked) {
  KEELSON_RETURN_IF_ERROR(services.logged_models.Delete(asked.parts.at(0)));
  return EmptyAnswer();
}

Answered LogLoggedModelParams(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {Field{.name = "model_id", .rules = kTextRequired}, PairsField("params")};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  KEELSON_RETURN_IF_ERROR(services.logged_models.LogParams(asked.parts.at(0), message.Pairs("params")));
  return EmptyAnswer();
}

Answered SetLoggedModelTags(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {PairsField("tags")};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  KEELSON_RETURN_IF_ERROR(services.logged_models.SetTags(asked.parts.at(0), message.Pairs("tags")));
  return EmptyAnswer();
}

Answered DeleteLoggedModelTag(Services& services, const Asked& asked) {
  KEELSON_RETURN_IF_ERROR(services.logged_models.DeleteTag(asked.parts.at(0), asked.parts.at(1)));
  return EmptyAnswer();
}

Answered SearchLoggedModels(Services& services, const Asked& asked) {
  static constexpr std::array kDataset = {Field{.name = "dataset_name"}, Field{.name = "dataset_digest"}};
  static constexpr std::array kOrder = {Field{.name = "field_name"}, Field{.name = "ascending", .type = Type::kBool},
                                        Field{.name = "dataset_name"}, Field{.name = "dataset_digest"}};
  static constexpr std::array kFields = {
      Field{.name = "experiment_ids", .repeated = true, .rules = {Rule::kArray, Rule::kTexts, Rule::kRequired}},
      Field{.name = "filter", .rules = kText},
      Field{.name = "datasets", .type = Type::kMessage, .repeated = true, .rules = {Rule::kArray}, .fields = kDataset},
      Field{.name = "max_results", .type = Type::kInt32, .rules = {Rule::kInt}},
      Field{.name = "order_by", .type = Type::kMessage, .repeated = true, .rules = {Rule::kArray}, .fields = kOrder},
      Field{.name = "page_token", .rules = kText}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  std::vector<LoggedModels::Dataset> datasets;
  for (const Message& dataset : message.Messages("datasets")) {
    datasets.push_back({dataset.Text("dataset_name"), dataset.Text("dataset_digest")});
    if (!datasets.back().name.empty()) continue;
    return Fail(ErrorCode::kInvalidArgument, "`dataset_name` in the `datasets` clause must be specified.");
  }
  tracking::Search search;
  KEELSON_ASSIGN_OR_RETURN(search.conditions, ParseFilter(message.Text("filter"), Searched::kLoggedModels));
  search.page = message.Text("page_token");
  search.at_most = message.Int("max_results", kPage);
  if (search.at_most == 0) search.at_most = kPage;
  if (search.at_most < 0) KEELSON_RETURN_IF_ERROR(CheckPageSize(search.at_most));
  std::vector<LoggedModels::ModelOrder> order;
  for (const Message& each : message.Messages("order_by")) {
    KEELSON_ASSIGN_OR_RETURN(LoggedModels::ModelOrder one, ReadOrder(each));
    order.push_back(std::move(one));
  }
  KEELSON_ASSIGN_OR_RETURN(const auto experiments, ExperimentNumbers(message.Texts("experiment_ids")));
  KEELSON_ASSIGN_OR_RETURN(const auto page, services.logged_models.Find(experiments, search, datasets, order));
  return PageAnswer("models", page);
}

}  // namespace keelson::wire::mlflow
