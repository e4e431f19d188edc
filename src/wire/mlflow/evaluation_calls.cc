// Evaluation data sets.
#include <fmt/format.h>

#include <array>

#include "tracking/python_json.h"
#include "wire/mlflow/answer.h"
#include "wire/mlflow/evaluation_filter.h"
#include "wire/mlflow/fields.h"
#include "wire/mlflow/services.h"

namespace keelson::wire::mlflow {
namespace {

using tracking::EvaluationDataset;
using tracking::EvaluationRecord;
using tracking::OrderedJson;

constexpr std::int64_t kRecordsOfPage = 1000;

constexpr Field kExperimentIds = {.name = "experiment_ids", .repeated = true, .rules = {Rule::kArray}};
constexpr Field kMaxResults = {.name = "max_results", .type = Type::kInt32, .rules = {Rule::kInt}};
constexpr Field kPageToken = {.name = "page_token", .rules = kText};

std::unexpected<Error> Invalid(std::string message) {
  return Fail(ErrorCode::kInvalidArgument, std::move(message));
}

Result<OrderedJson> ReadJson(std::string_view name, const std::string& text) {
  OrderedJson json = tracking::ParseOrdered(text);
  if (json.is_discarded()) return Invalid(fmt::format("'{}' is not valid JSON", name));
  return json;
}

Result<OrderedJson> ReadTags(const std::string& text) {
  if (text.empty()) return OrderedJson::object();
  KEELSON_ASSIGN_OR_RETURN(OrderedJson tags, ReadJson("tags", text));
  if (tags.is_null()) return OrderedJson::object();
  if (!tags.is_object()) return Invalid("'tags' must be a JSON object");
  return tags;
}

void WriteOptional(JsonWriter& json, std::string_view key, const std::optional<std::string>& text) {
  if (text) json.Text(key, *text);
}

void WriteExperiments(JsonWriter& json, const std::vector<std::string>& experiments) {
  if (experiments.empty()) return;
  json.Key("experiment_ids").Open('[');
  for (const auto& experiment : experiments) json.Text(experiment);
  json.Close(']');
}

void WriteDataset(JsonWriter& json, const EvaluationDataset& dataset, const std::vector<std::string>& experiments) {
  OrderedJson tags = OrderedJson::object();
  for (const auto& [key, value] : dataset.tags) tags[key] = value ? OrderedJson(*value) : OrderedJson();
  json.Open('{').Text("dataset_id", dataset.id).Text("name", dataset.name);
  json.Text("tags", tracking::PythonJson(tags, true));
  WriteOptional(json, "schema", dataset.schema);
  WriteOptional(json, "profile", dataset.profile);
  json.Text("digest", dataset.digest);
  json.Int("created_time", dataset.created_ms).Int("last_update_time", dataset.updated_ms);
  WriteOptional(json, "created_by", dataset.created_by);
  WriteOptional(json, "last_updated_by", dataset.updated_by);
  WriteExperiments(json, experiments);
  json.Close('}');
}

io::HttpResponse DatasetAnswer(const EvaluationDataset& dataset, const std::vector<std::string>& experiments = {}) {
  JsonWriter json;
  json.Open('{').Key("dataset");
  WriteDataset(json, dataset, experiments);
  return JsonAnswer(json.Close('}').Take());
}

OrderedJson ToJson(const EvaluationRecord& record) {
  OrderedJson json = OrderedJson::object();
  const auto part = [&](std::string_view name, const std::optional<std::string>& text) {
    if (text) json[std::string(name)] = tracking::ParseOrdered(*text);
  };
  const auto text = [&](std::string_view name, const std::optional<std::string>& value) {
    if (value) json[std::string(name)] = *value;
  };
  text("dataset_record_id", record.id);
  text("dataset_id", record.dataset_id);
  part("inputs", record.inputs);
  part("expectations", record.expectations);
  part("tags", record.tags);
  part("source", record.source);
  text("source_id", record.source_id);
  text("source_type", record.source_type);
  json["created_time"] = record.created_ms;
  json["last_update_time"] = record.updated_ms;
  text("created_by", record.created_by);
  text("last_updated_by", record.updated_by);
  part("outputs", record.outputs);
  return json;
}

}  // namespace

Answered CreateEvaluationDataset(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {Field{.name = "name", .rules = kRequiredText}, kExperimentIds,
                                         Field{.name = "tags", .rules = kText}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  KEELSON_ASSIGN_OR_RETURN(const OrderedJson tags, ReadTags(message.Text("tags")));
  const auto experiments = message.Texts("experiment_ids");
  KEELSON_ASSIGN_OR_RETURN(const auto made,
                           services.evaluation_datasets.Create(message.Text("name"), tags, experiments));
  return DatasetAnswer(made, experiments);
}

Answered GetEvaluationDataset(Services& services, const Asked& asked) {
  KEELSON_ASSIGN_OR_RETURN(const auto dataset, services.evaluation_datasets.Get(asked.parts.at(0)));
  return DatasetAnswer(dataset);
}

Answered DeleteEvaluationDataset(Services& services, const Asked& asked) {
  KEELSON_RETURN_IF_ERROR(services.evaluation_datasets.Delete(asked.parts.at(0)));
  return EmptyAnswer();
}

Answered SearchEvaluationDatasets(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {kExperimentIds, Field{.name = "filter_string", .rules = kText}, kMaxResults,
                                         Field{.name = "order_by", .repeated = true, .rules = {Rule::kArray}},
                                         kPageToken};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  tracking::Search search;
  search.at_most = message.Int("max_results");
  if (search.at_most == 0) {
    return Invalid("Invalid value None for parameter 'max_results' supplied. It must be a positive integer");
  }
  KEELSON_RETURN_IF_ERROR(CheckPageSize(search.at_most));
  search.page = message.Text("page_token");
  KEELSON_ASSIGN_OR_RETURN(search.conditions, ParseEvaluationFilter(message.Text("filter_string")));
  KEELSON_ASSIGN_OR_RETURN(search.order, ParseEvaluationOrders(message.Texts("order_by")));
  KEELSON_ASSIGN_OR_RETURN(const auto page, services.evaluation_datasets.Find(message.Texts("experiment_ids"), search));
  JsonWriter json;
  json.Open('{');
  if (!page.records.empty()) {
    json.Key("datasets").Open('[');
    for (const EvaluationDataset& dataset : page.records) WriteDataset(json, dataset, {});
    json.Close(']');
  }
  if (!page.next.empty()) json.Text("next_page_token", page.next);
  return JsonAnswer(json.Close('}').Take());
}

Answered SetEvaluationDatasetTags(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {Field{.name = "tags", .rules = kRequiredText}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  KEELSON_ASSIGN_OR_RETURN(const OrderedJson tags, ReadTags(message.Text("tags")));
  KEELSON_RETURN_IF_ERROR(services.evaluation_datasets.SetTags(asked.parts.at(0), tags));
  return EmptyAnswer();
}

Answered DeleteEvaluationDatasetTag(Services& services, const Asked& asked) {
  KEELSON_RETURN_IF_ERROR(services.evaluation_datasets.DeleteTag(asked.parts.at(0), asked.parts.at(1)));
  return EmptyAnswer();
}

Answered UpsertEvaluationRecords(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {Field{.name = "records", .rules = kRequiredText}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  KEELSON_ASSIGN_OR_RETURN(const OrderedJson json, ReadJson("records", message.Text("records")));
  KEELSON_ASSIGN_OR_RETURN(const auto records, tracking::ReadEvaluationInputs(json));
  KEELSON_ASSIGN_OR_RETURN(const auto done, services.evaluation_datasets.Upsert(asked.parts.at(0), records));
  JsonWriter answer;
  answer.Open('{').Int("inserted_count", done.inserted).Int("updated_count", done.updated);
  return JsonAnswer(answer.Close('}').Take());
}

Answered GetEvaluationRecords(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {kMaxResults, kPageToken};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  std::int64_t at_most = message.Int("max_results");
  if (at_most == 0) at_most = kRecordsOfPage;
  KEELSON_RETURN_IF_ERROR(CheckPageSize(at_most));
  KEELSON_ASSIGN_OR_RETURN(
      const auto page, services.evaluation_datasets.Records(asked.parts.at(0), at_most, message.Text("page_token")));
  OrderedJson records = OrderedJson::array();
  for (const EvaluationRecord& record : page.records) records.push_back(ToJson(record));
  JsonWriter json;
  json.Open('{').Text("records", tracking::PythonJson(records, true));
  if (!page.next.empty()) json.Text("next_page_token", page.next);
  return JsonAnswer(json.Close('}').Take());
}

Answered DeleteEvaluationRecords(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {
      Field{.name = "dataset_record_ids", .repeated = true, .rules = {Rule::kArray}}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  KEELSON_ASSIGN_OR_RETURN(const std::int64_t gone, services.evaluation_datasets.DeleteRecords(
                                                        asked.parts.at(0), message.Texts("dataset_record_ids")));
  return JsonAnswer(fmt::format("{{\"deleted_count\":{}}}", gone));
}

Answered GetEvaluationDatasetExperiments(Services& services, const Asked& asked) {
  KEELSON_ASSIGN_OR_RETURN(const auto experiments, services.evaluation_datasets.ExperimentsOf(asked.parts.at(0)));
  JsonWriter json;
  json.Open('{');
  WriteExperiments(json, experiments);
  return JsonAnswer(json.Close('}').Take());
}

Answered AddEvaluationDatasetToExperiments(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {kExperimentIds};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  KEELSON_ASSIGN_OR_RETURN(const auto dataset,
                           services.evaluation_datasets.AddTo(asked.parts.at(0), message.Texts("experiment_ids")));
  return DatasetAnswer(dataset);
}

Answered RemoveEvaluationDatasetFromExperiments(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {kExperimentIds};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  KEELSON_ASSIGN_OR_RETURN(const auto dataset,
                           services.evaluation_datasets.RemoveFrom(asked.parts.at(0), message.Texts("experiment_ids")));
  return DatasetAnswer(dataset);
}

}  // namespace keelson::wire::mlflow
