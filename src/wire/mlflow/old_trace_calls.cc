// Traces as MLflow 2's clients log them, in two steps.
#include <array>

#include "wire/mlflow/limits.h"
#include "wire/mlflow/services.h"
#include "wire/mlflow/trace_answer.h"
#include "wire/mlflow/trace_fields.h"

namespace keelson::wire::mlflow {
namespace {

constexpr std::array<std::string_view, 4> kStatuses = {"TRACE_STATUS_UNSPECIFIED", "OK", "ERROR", "IN_PROGRESS"};

tracking::Pairs ReadPairs(const Message& message, std::string_view name) {
  return WithShortKeys(message.Pairs(name));
}

io::HttpResponse InfoAnswer(const tracking::TraceRecord& trace) {
  JsonWriter json;
  json.Open('{').Key("trace_info");
  WriteOld(json, trace);
  return JsonAnswer(json.Close('}').Take());
}

}  // namespace

Answered StartOldTrace(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {Field{.name = "experiment_id", .rules = kText},
                                         Field{.name = "timestamp_ms", .type = Type::kInt64, .rules = {Rule::kInt}},
                                         PairsField("request_metadata"), PairsField("tags")};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  const auto tags = ReadPairs(message, "tags");
  const auto metadata = ReadPairs(message, "request_metadata");
  KEELSON_ASSIGN_OR_RETURN(const std::int64_t experiment, ExperimentNumber(message.Text("experiment_id")));
  KEELSON_RETURN_IF_ERROR(CheckTrace(tags, metadata));
  KEELSON_ASSIGN_OR_RETURN(const auto trace,
                           services.traces.StartOld(experiment, message.Int("timestamp_ms"), metadata, tags));
  return InfoAnswer(trace);
}

Answered EndOldTrace(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {
      Field{.name = "timestamp_ms", .type = Type::kInt64, .rules = {Rule::kInt}},
      Field{.name = "status", .type = Type::kEnum, .rules = {Rule::kText}, .enum_names = kStatuses, .enum_first = 0},
      PairsField("request_metadata"), PairsField("tags")};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  const auto tags = ReadPairs(message, "tags");
  const auto metadata = ReadPairs(message, "request_metadata");
  KEELSON_RETURN_IF_ERROR(CheckTrace(tags, metadata));
  const auto status = static_cast<std::size_t>(message.Int("status"));
  KEELSON_ASSIGN_OR_RETURN(
      const auto trace,
      services.traces.EndOld(asked.parts.at(0), message.Int("timestamp_ms"),
                             status == 0 ? "STATE_UNSPECIFIED" : std::string(kStatuses.at(status)), metadata, tags));
  return InfoAnswer(trace);
}

Answered GetOldTraceInfo(Services& services, const Asked& asked) {
  KEELSON_ASSIGN_OR_RETURN(const auto trace, services.traces.Get(asked.parts.at(0)));
  return InfoAnswer(trace);
}

Answered SearchOldTraces(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {
      Field{.name = "experiment_ids", .repeated = true, .rules = {Rule::kArray, Rule::kTexts, Rule::kRequired}},
      Field{.name = "filter", .rules = kText},
      Field{.name = "max_results", .type = Type::kInt32, .rules = {Rule::kInt}, .at_most = 500}, kOrderBy,
      Field{.name = "page_token", .rules = kText}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  KEELSON_ASSIGN_OR_RETURN(const auto search, ReadTraceSearch(message));
  KEELSON_ASSIGN_OR_RETURN(const auto experiments, ExperimentNumbers(message.Texts("experiment_ids")));
  KEELSON_ASSIGN_OR_RETURN(const auto page, services.traces.Find(experiments, search));
  JsonWriter json;
  json.Open('{');
  if (!page.records.empty()) {
    json.Key("traces").Open('[');
    for (const auto& trace : page.records) WriteOld(json, trace);
    json.Close(']');
  }
  if (!page.next.empty()) json.Text("next_page_token", page.next);
  return JsonAnswer(json.Close('}').Take());
}

}  // namespace keelson::wire::mlflow
