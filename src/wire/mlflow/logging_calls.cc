// What a run logs: metrics, params, inputs, outputs.
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "base/json_depth.h"
#include "wire/mlflow/answer.h"
#include "wire/mlflow/batch_body.h"
#include "wire/mlflow/fields.h"
#include "wire/mlflow/limits.h"
#include "wire/mlflow/services.h"

namespace keelson::wire::mlflow {
namespace {

constexpr std::size_t kBatchBytes = 1'000'000;

constexpr std::array kMetricFields = {Field{.name = "key"},
                                      Field{.name = "value", .type = Type::kDouble},
                                      Field{.name = "timestamp", .type = Type::kInt64},
                                      Field{.name = "step", .type = Type::kInt64},
                                      Field{.name = "dataset_name"},
                                      Field{.name = "dataset_digest"},
                                      Field{.name = "model_id"},
                                      Field{.name = "run_id"}};

tracking::MetricPoint PointOf(const Message& message) {
  return {.key = message.Text("key"),
          .value = message.Double("value"),
          .time_ms = message.Int("timestamp"),
          .step = message.Int("step"),
          .model_id = message.Text("model_id"),
          .dataset_name = message.Text("dataset_name"),
          .dataset_digest = message.Text("dataset_digest")};
}

// An infinite value is kept as the largest there is, as MLflow keeps it.
void Bound(tracking::MetricPoint& point) {
  if (std::isinf(point.value)) point.value = std::copysign(std::numeric_limits<double>::max(), point.value);
}

// "metrics[0].key" must be there.
Status CheckPresent(std::string_view list, const std::vector<Message>& messages,
                    std::initializer_list<std::string_view> names) {
  for (std::size_t i = 0; i < messages.size(); ++i) {
    for (const std::string_view name : names) {
      const bool empty = name == "key" && messages[i].Text(name).empty();
      if (messages[i].Has(name) && !empty) continue;
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("Missing value for required parameter '{}[{}].{}'. See the API docs for more information "
                              "about request parameters.",
                              list, i, name));
    }
  }
  return {};
}

}  // namespace

Answered LogMetric(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {
      kRunIdField,
      kRunUuidField,
      Field{.name = "key", .rules = kRequiredText},
      Field{.name = "value", .type = Type::kDouble, .rules = {Rule::kRequired, Rule::kFloat}},
      Field{.name = "timestamp", .type = Type::kInt64, .rules = {Rule::kInt, Rule::kRequired}},
      Field{.name = "step", .type = Type::kInt64, .rules = {Rule::kInt}},
      Field{.name = "model_id", .rules = kText},
      Field{.name = "dataset_name", .rules = kText},
      Field{.name = "dataset_digest", .rules = kText}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  auto point = PointOf(message);
  KEELSON_RETURN_IF_ERROR(CheckMetric(point, ""));
  Bound(point);
  KEELSON_RETURN_IF_ERROR(services.runs.LogBatch(message.RunId(), {point}, {}, {}));
  return EmptyAnswer();
}

Answered LogParam(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {kRunIdField, kRunUuidField, Field{.name = "key", .rules = kRequiredText},
                                         Field{.name = "value", .rules = kText}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  std::string value = message.Text("value");
  CutParam(value);
  KEELSON_RETURN_IF_ERROR(CheckParam(message.Text("key"), ""));
  KEELSON_RETURN_IF_ERROR(services.runs.LogParam(message.RunId(), message.Text("key"), value));
  return EmptyAnswer();
}

Answered LogBatch(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {Field{.name = "run_id", .rules = kTextRequired},
                                         Field{.name = "metrics",
                                               .type = Type::kMessage,
                                               .repeated = true,
                                               .rules = {Rule::kArray},
                                               .fields = kMetricFields},
                                         PairsField("params"), PairsField("tags")};
  if (asked.http.body.size() > kBatchBytes) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("Batched logging API requests must be at most {} bytes, got a request of size {}.",
                            kBatchBytes, asked.http.body.size()));
  }
  const std::string_view type = io::FindHeader(asked.http.headers, "content-type");
  if (const auto batch = type == "application/json" ? ReadPlainBatch(asked.http.body) : std::nullopt) {
    KEELSON_RETURN_IF_ERROR(services.runs.LogBatch(batch->run_id, batch->metrics, batch->params, batch->tags));
    return EmptyAnswer();
  }
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  const auto metrics = message.Messages("metrics");
  KEELSON_RETURN_IF_ERROR(CheckPresent("metrics", metrics, {"key", "value", "timestamp"}));
  KEELSON_RETURN_IF_ERROR(CheckPresent("params", message.Messages("params"), {"key"}));
  KEELSON_RETURN_IF_ERROR(CheckPresent("tags", message.Messages("tags"), {"key"}));
  KEELSON_RETURN_IF_ERROR(CheckRunId(message.Text("run_id")));
  auto params = message.Pairs("params");
  auto tags = message.Pairs("tags");
  std::vector<tracking::MetricPoint> points;
  points.reserve(metrics.size());
  for (std::size_t i = 0; i < metrics.size(); ++i) {
    points.push_back(PointOf(metrics[i]));
    KEELSON_RETURN_IF_ERROR(CheckMetric(points.back(), fmt::format("metrics[{}]", i)));
    Bound(points.back());
  }
  for (std::size_t i = 0; i < params.size(); ++i) {
    KEELSON_RETURN_IF_ERROR(CheckParam(params[i].first, fmt::format("params[{}]", i)));
    CutParam(params[i].second);
  }
  for (std::size_t i = 0; i < tags.size(); ++i) {
    KEELSON_RETURN_IF_ERROR(CheckTag(tags[i].first, fmt::format("tags[{}]", i)));
    CutTag(tags[i].second);
  }
  KEELSON_RETURN_IF_ERROR(CheckBatch(points.size(), params, tags.size()));
  KEELSON_RETURN_IF_ERROR(services.runs.LogBatch(message.Text("run_id"), points, params, tags));
  return EmptyAnswer();
}

Answered LogInputs(Services& services, const Asked& asked) {
  static constexpr std::array kDataset = {Field{.name = "name"},        Field{.name = "digest"},
                                          Field{.name = "source_type"}, Field{.name = "source"},
                                          Field{.name = "schema"},      Field{.name = "profile"}};
  static constexpr std::array kOne = {
      Field{.name = "dataset", .type = Type::kMessage, .fields = kDataset},
      Field{.name = "tags", .type = Type::kMessage, .repeated = true, .fields = kPairFields}};
  static constexpr std::array kModel = {Field{.name = "model_id"}};
  static constexpr std::array kFields = {
      kRunIdField,
      Field{.name = "datasets", .type = Type::kMessage, .repeated = true, .rules = {Rule::kArray}, .fields = kOne},
      Field{.name = "models", .type = Type::kMessage, .repeated = true, .rules = {Rule::kArray}, .fields = kModel}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  KEELSON_RETURN_IF_ERROR(CheckRunId(message.Text("run_id")));
  std::vector<tracking::DatasetRecord> datasets;
  std::set<std::pair<std::string, std::string>> seen;
  for (const Message& input : message.Messages("datasets")) {
    const Message dataset = input.Inner("dataset");
    tracking::DatasetRecord record{
        dataset.Text("name"),   dataset.Text("digest"),         dataset.Text("source_type"),
        dataset.Text("source"), dataset.OptionalText("schema"), dataset.OptionalText("profile"),
        input.Pairs("tags")};
    KEELSON_RETURN_IF_ERROR(CheckDataset(record));
    if (seen.emplace(record.name, record.digest).second) datasets.push_back(std::move(record));  // the first of a kind
  }
  std::vector<std::string> models;
  for (const Message& model : message.Messages("models")) models.push_back(model.Text("model_id"));
  KEELSON_RETURN_IF_ERROR(services.runs.LogInputs(message.Text("run_id"), datasets, models));
  return EmptyAnswer();
}

Answered LogOutputs(Services& services, const Asked& asked) {
  static constexpr std::array kModel = {Field{.name = "model_id"}, Field{.name = "step", .type = Type::kInt64}};
  static constexpr std::array kFields = {kRunIdField, Field{.name = "models",
                                                            .type = Type::kMessage,
                                                            .repeated = true,
                                                            .rules = {Rule::kRequired, Rule::kArray},
                                                            .fields = kModel}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  std::vector<tracking::ModelUse> models;
  for (const Message& model : message.Messages("models")) models.push_back({model.Text("model_id"), model.Int("step")});
  KEELSON_RETURN_IF_ERROR(services.runs.LogOutputs(message.Text("run_id"), models));
  return EmptyAnswer();
}

// The old way to say that a run logged a model: a tag that lists them.
Answered LogModel(Services& services, const Asked& asked) {
  using Json = nlohmann::ordered_json;
  constexpr std::size_t kDeepest = 100;
  static constexpr std::array kFields = {Field{.name = "run_id", .rules = kTextRequired},
                                         Field{.name = "model_json", .rules = kTextRequired}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  const std::string text = message.Text("model_json");
  const Json model = JsonDepth(text) > kDeepest ? Json(Json::value_t::discarded) : Json::parse(text, nullptr, false);
  if (model.is_discarded()) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("Malformed model info. \n {} \n is not a valid JSON.", text));
  }
  std::vector<std::string> missing;
  for (const char* name : {"artifact_path", "flavors", "run_id", "utc_time_created"}) {
    if (!model.is_object() || !model.contains(name)) missing.push_back(fmt::format("'{}'", name));
  }
  if (!missing.empty()) {
    std::string all;
    for (const auto& name : missing) all += (all.empty() ? "" : ", ") + name;
    return Fail(ErrorCode::kInvalidArgument, fmt::format("Model json is missing mandatory fields: {{{}}}", all));
  }
  Json entry = Json::object();
  for (const char* name : {"run_id", "artifact_path", "utc_time_created", "model_uuid"}) {
    if (model.contains(name)) entry[name] = model[name];
  }
  entry["flavors"] = model["flavors"];
  for (auto& flavor : entry["flavors"]) {
    if (flavor.is_object()) flavor.erase("config");
  }
  KEELSON_RETURN_IF_ERROR(services.runs.ChangeTag(message.Text("run_id"), "mlflow.log-model.history",
                                                  [&](const std::optional<std::string>& before) -> Result<std::string> {
                                                    Json all =
                                                        before ? Json::parse(*before, nullptr, false) : Json::array();
                                                    if (!all.is_array()) all = Json::array();
                                                    all.push_back(entry);
                                                    std::string written =
                                                        all.dump(-1, ' ', true, Json::error_handler_t::replace);
                                                    return written;
                                                  }));
  return EmptyAnswer();
}

}  // namespace keelson::wire::mlflow
