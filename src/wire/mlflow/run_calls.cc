// Runs, their tags and datasets.
#include <fmt/format.h>

#include <array>

#include "wire/mlflow/answer.h"
#include "wire/mlflow/fields.h"
#include "wire/mlflow/filter.h"
#include "wire/mlflow/limits.h"
#include "wire/mlflow/services.h"

namespace keelson::wire::mlflow {
namespace {

constexpr std::string_view kRunName = "mlflow.runName";
constexpr std::array kRun = {kRunIdField, kRunUuidField};

std::string RunNameOf(const tracking::Pairs& tags) {
  for (const auto& [key, value] : tags) {
    if (key == kRunName) return value;
  }
  return "";
}

std::optional<tracking::RunStatus> StatusOf(const Message& message) {
  using tracking::RunStatus;
  switch (message.Int("status")) {
    case 1:
      return RunStatus::kRunning;
    case 2:
      return RunStatus::kScheduled;
    case 3:
      return RunStatus::kFinished;
    case 4:
      return RunStatus::kFailed;
    case 5:
      return RunStatus::kKilled;
    default:
      return std::nullopt;
  }
}

// A run that has just been made has tags alone, and no word of outputs.
io::HttpResponse MadeAnswer(const tracking::RunRecord& run) {
  JsonWriter json;
  json.Open('{').Key("run").Open('{').Key("info");
  WriteInfo(json, run);
  json.Key("data").Open('{').Key("tags").Open('[');
  for (const auto& [key, value] : run.tags) json.Open('{').Text("key", key).Text("value", value).Close('}');
  json.Close(']').Close('}').Key("inputs").Open('{').Close('}');
  return JsonAnswer(json.Close('}').Close('}').Take());
}

}  // namespace

Answered CreateRun(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {
      Field{.name = "experiment_id", .rules = kText}, Field{.name = "user_id"},
      Field{.name = "run_name", .rules = kText},
      Field{.name = "start_time", .type = Type::kInt64, .rules = {Rule::kInt}},
      Field{.name = "tags", .type = Type::kMessage, .repeated = true, .fields = kPairFields}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  tracking::Runs::NewRun run;
  KEELSON_ASSIGN_OR_RETURN(run.experiment_id, ExperimentNumber(message.Text("experiment_id")));
  run.user_id = message.Text("user_id");
  run.started_ms = message.Int("start_time");
  run.tags = message.Pairs("tags");
  run.name = message.Text("run_name");
  const std::string tagged = RunNameOf(run.tags);
  if (!run.name.empty() && !tagged.empty() && run.name != tagged) {
    return Fail(
        ErrorCode::kInvalidArgument,
        fmt::format("Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values "
                    "(run_name='{}', mlflow.runName='{}').",
                    run.name, tagged));
  }
  if (run.name.empty()) run.name = tagged.empty() ? RandomName() : tagged;
  KEELSON_ASSIGN_OR_RETURN(const auto made, services.runs.Create(run));
  return MadeAnswer(made);
}

Answered GetRun(Services& services, const Asked& asked) {
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kRun));
  return GetRun(services, message);
}

Answered GetRun(Services& services, const Message& message) {
  KEELSON_ASSIGN_OR_RETURN(const auto run, services.runs.Get(message.RunId()));
  return OneAnswer("run", run);
}

Answered UpdateRun(Services& services, const Asked& asked) {
  static constexpr std::array<std::string_view, 5> kStatuses = {"RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"};
  static constexpr std::array kFields = {
      kRunIdField, kRunUuidField, Field{.name = "end_time", .type = Type::kInt64, .rules = {Rule::kInt}},
      Field{.name = "status", .type = Type::kEnum, .rules = kText, .enum_names = kStatuses},
      Field{.name = "run_name", .rules = kText}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  tracking::Runs::Change change;
  change.status = StatusOf(message);
  if (message.Has("end_time")) change.ended_ms = message.Int("end_time");
  change.name = message.Text("run_name");
  KEELSON_ASSIGN_OR_RETURN(const auto run, services.runs.Update(message.RunId(), change));
  JsonWriter json;
  json.Open('{').Key("run_info");
  WriteInfo(json, run);
  return JsonAnswer(json.Close('}').Take());
}

Answered DeleteRun(Services& services, const Asked& asked) {
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, {kRun.data(), 1}));
  KEELSON_RETURN_IF_ERROR(services.runs.Delete(message.Text("run_id")));
  return EmptyAnswer();
}

Answered RestoreRun(Services& services, const Asked& asked) {
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, {kRun.data(), 1}));
  KEELSON_RETURN_IF_ERROR(services.runs.Restore(message.Text("run_id")));
  return EmptyAnswer();
}

Answered SearchRuns(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {
      Field{.name = "experiment_ids", .repeated = true, .rules = {Rule::kArray}},
      Field{.name = "filter", .rules = kText},
      ViewField("run_view_type"),
      Field{.name = "max_results", .type = Type::kInt32, .rules = {Rule::kInt}, .at_most = 50'000},
      kOrderBy,
      Field{.name = "page_token"}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  return SearchRuns(services, message);
}

Answered SearchRuns(Services& services, const Message& message) {
  KEELSON_RETURN_IF_ERROR(CheckPageSize(message.Int("max_results", 1000)));
  KEELSON_ASSIGN_OR_RETURN(const tracking::Search search, ReadSearch(message, Searched::kRuns, 1000));
  KEELSON_ASSIGN_OR_RETURN(const auto experiments, ExperimentNumbers(message.Texts("experiment_ids")));
  KEELSON_ASSIGN_OR_RETURN(const auto page, services.runs.Find(experiments, search, ViewOf(message, "run_view_type")));
  return PageAnswer("runs", page);
}

Answered SetTag(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {kRunIdField, kRunUuidField, Field{.name = "key", .rules = kRequiredText},
                                         Field{.name = "value", .rules = kText}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  std::string value = message.Text("value");
  CutTag(value);
  KEELSON_RETURN_IF_ERROR(CheckTag(message.Text("key"), ""));
  KEELSON_RETURN_IF_ERROR(services.runs.LogBatch(message.RunId(), {}, {}, {{message.Text("key"), value}}));
  return EmptyAnswer();
}

Answered DeleteTag(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {kRunIdField, Field{.name = "key", .rules = kRequiredText}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  KEELSON_RETURN_IF_ERROR(services.runs.DeleteTag(message.Text("run_id"), message.Text("key")));
  return EmptyAnswer();
}

Answered SearchDatasets(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {Field{.name = "experiment_ids", .repeated = true}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  return SearchDatasets(services, message);
}

Answered SearchDatasets(Services& services, const Message& message) {
  constexpr std::size_t kMost = 20;
  const auto ids = message.Texts("experiment_ids");
  if (ids.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "SearchDatasets request must specify at least one experiment_id.");
  }
  if (ids.size() > kMost) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("SearchDatasets request cannot specify more than {0} experiment_ids. Received {1} "
                            "experiment_ids.",
                            kMost, ids.size()));
  }
  KEELSON_ASSIGN_OR_RETURN(const auto experiments, ExperimentNumbers(ids));
  KEELSON_ASSIGN_OR_RETURN(const auto datasets, services.runs.Datasets(experiments));
  JsonWriter json;
  json.Open('{');
  if (!datasets.empty()) {
    json.Key("dataset_summaries").Open('[');
    for (const auto& dataset : datasets) {
      json.Open('{').Text("experiment_id", std::to_string(dataset.experiment_id)).Text("name", dataset.name);
      json.Text("digest", dataset.digest);
      if (dataset.context) json.Text("context", *dataset.context);
      json.Close('}');
    }
    json.Close(']');
  }
  return JsonAnswer(json.Close('}').Take());
}

}  // namespace keelson::wire::mlflow
