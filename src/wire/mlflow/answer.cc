#include "wire/mlflow/answer.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

#include "base/strings.h"

namespace keelson::wire::mlflow {
namespace {

struct Kind {
  std::string_view code;
  int status;
  std::string_view state;  // MLflow's SQLSTATE
  std::string_view error_class;
};

Kind KindOf(ErrorCode code) {
  constexpr std::string_view kClient = "KAM00";
  constexpr std::string_view kServer = "XXM00";
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return {"INVALID_PARAMETER_VALUE", 400, kClient, "INVALID_PARAMETER_VALUE"};
    case ErrorCode::kNotFound:
      return {"RESOURCE_DOES_NOT_EXIST", 404, kClient, "RESOURCE_NOT_FOUND"};
    case ErrorCode::kAlreadyExists:
      return {"RESOURCE_ALREADY_EXISTS", 400, kClient, "RESOURCE_ALREADY_EXISTS"};
    case ErrorCode::kFailedPrecondition:
      return {"INVALID_STATE", 500, kServer, "CLIENT_INTERNAL_ERROR"};
    case ErrorCode::kPermissionDenied:
      return {"PERMISSION_DENIED", 403, kClient, "PERMISSION_DENIED"};
    case ErrorCode::kUnauthenticated:
      return {"UNAUTHENTICATED", 401, "", ""};
    case ErrorCode::kUnsupported:
      return {"NOT_IMPLEMENTED", 501, "", ""};
    case ErrorCode::kUnavailable:
    case ErrorCode::kAborted:
      return {"TEMPORARILY_UNAVAILABLE", 503, kServer, "CLIENT_INTERNAL_ERROR"};
    case ErrorCode::kDeadlineExceeded:
      return {"DEADLINE_EXCEEDED", 504, "", ""};
    case ErrorCode::kResourceExhausted:  // the disk is full: MLflow's client would ask again after a 429
      return {"RESOURCE_EXHAUSTED", 507, "", ""};
    case ErrorCode::kDataLoss:
      return {"DATA_LOSS", 500, "", ""};
    case ErrorCode::kInternal:
      break;
  }
  return {"INTERNAL_ERROR", 500, kServer, "CLIENT_INTERNAL_ERROR"};
}

void WritePairs(JsonWriter& json, std::string_view name, const tracking::Pairs& pairs) {
  if (pairs.empty()) return;
  json.Key(name).Open('[');
  for (const auto& [key, value] : pairs) json.Open('{').Text("key", key).Text("value", value).Close('}');
  json.Close(']');
}

std::string_view StatusName(tracking::RunStatus status) {
  switch (status) {
    case tracking::RunStatus::kRunning:
      return "RUNNING";
    case tracking::RunStatus::kScheduled:
      return "SCHEDULED";
    case tracking::RunStatus::kFinished:
      return "FINISHED";
    case tracking::RunStatus::kFailed:
      return "FAILED";
    case tracking::RunStatus::kKilled:
      break;
  }
  return "KILLED";
}

std::string_view StatusName(tracking::LoggedModelStatus status) {
  switch (status) {
    case tracking::LoggedModelStatus::kPending:
      return "LOGGED_MODEL_PENDING";
    case tracking::LoggedModelStatus::kReady:
      return "LOGGED_MODEL_READY";
    case tracking::LoggedModelStatus::kUploadFailed:
      return "LOGGED_MODEL_UPLOAD_FAILED";
    case tracking::LoggedModelStatus::kUnspecified:
      break;
  }
  return "LOGGED_MODEL_STATUS_UNSPECIFIED";
}

std::string_view NameOf(tracking::Lifecycle lifecycle) {
  return lifecycle == tracking::Lifecycle::kActive ? "active" : "deleted";
}

void Write(JsonWriter& json, const tracking::DatasetRecord& input) {
  json.Open('{');
  WritePairs(json, "tags", input.tags);
  json.Key("dataset").Open('{');
  json.Text("name", input.name).Text("digest", input.digest);
  json.Text("source_type", input.source_type).Text("source", input.source);
  if (input.schema && !input.schema->empty()) json.Text("schema", *input.schema);
  if (input.profile && !input.profile->empty()) json.Text("profile", *input.profile);
  json.Close('}').Close('}');
}

}  // namespace

void JsonWriter::Separate() {
  if (!first_) out_ += ',';
  first_ = false;
}

JsonWriter& JsonWriter::Open(char bracket) {
  Separate();
  out_ += bracket;
  first_ = true;
  return *this;
}

JsonWriter& JsonWriter::Close(char bracket) {
  out_ += bracket;
  first_ = false;
  return *this;
}

JsonWriter& JsonWriter::Key(std::string_view key) {
  Separate();
  AppendJsonString(key, out_);
  out_ += ':';
  first_ = true;
  return *this;
}

JsonWriter& JsonWriter::Text(std::string_view value) {
  Separate();
  AppendJsonString(value, out_);
  return *this;
}

JsonWriter& JsonWriter::Int(std::int64_t value) {
  Separate();
  fmt::format_to(std::back_inserter(out_), "{}", value);
  return *this;
}

JsonWriter& JsonWriter::Double(double value) {
  if (std::isnan(value)) return Text("NaN");
  if (std::isinf(value)) return Text(value > 0 ? "Infinity" : "-Infinity");
  Separate();
  const std::size_t before = out_.size();
  fmt::format_to(std::back_inserter(out_), "{}", value);
  if (out_.find_first_of(".e", before) == std::string::npos) out_ += ".0";
  return *this;
}

JsonWriter& JsonWriter::Bool(bool value) {
  Separate();
  out_ += value ? "true" : "false";
  return *this;
}

JsonWriter& JsonWriter::Raw(std::string_view json) {
  Separate();
  out_ += json;
  return *this;
}

io::HttpResponse JsonAnswer(std::string body) {
  io::HttpResponse response;
  response.body = std::move(body);
  return response;
}

io::HttpResponse ErrorAnswer(const Error& error) {
  const Kind kind = KindOf(error.code);
  JsonWriter json;
  json.Open('{').Text("error_code", kind.code).Text("message", error.message);
  if (!kind.state.empty()) json.Text("sqlstate", kind.state).Text("error_class", kind.error_class);
  io::HttpResponse response = JsonAnswer(json.Close('}').Take());
  response.status = kind.status;
  return response;
}

io::HttpResponse NoSuchRoute(bool other_method) {
  JsonWriter json;
  json.Open('{').Text("error_code", other_method ? "BAD_REQUEST" : "ENDPOINT_NOT_FOUND");
  json.Text("message", other_method ? "This path does not take that method." : "There is no such path.");
  io::HttpResponse response = JsonAnswer(json.Close('}').Take());
  response.status = other_method ? 405 : 404;
  return response;
}

void Write(JsonWriter& json, const tracking::ExperimentRecord& experiment) {
  json.Open('{').Text("experiment_id", std::to_string(experiment.id)).Text("name", experiment.name);
  json.Text("artifact_location", experiment.artifact_location).Text("lifecycle_stage", NameOf(experiment.lifecycle));
  json.Int("last_update_time", experiment.updated_ms).Int("creation_time", experiment.created_ms);
  WritePairs(json, "tags", experiment.tags);
  json.Text("workspace", "default").Close('}');
}

void WriteInfo(JsonWriter& json, const tracking::RunRecord& run) {
  json.Open('{').Text("run_uuid", run.id).Text("experiment_id", std::to_string(run.experiment_id));
  json.Text("run_name", run.name).Text("user_id", run.user_id).Text("status", StatusName(run.status));
  json.Int("start_time", run.started_ms);
  if (run.ended_ms.value_or(0) != 0) json.Int("end_time", *run.ended_ms);
  json.Text("artifact_uri", run.artifact_uri).Text("lifecycle_stage", NameOf(run.lifecycle)).Text("run_id", run.id);
  json.Close('}');
}

void Write(JsonWriter& json, const tracking::MetricPoint& metric) {
  json.Open('{').Text("key", metric.key).Key("value").Double(metric.value);
  json.Int("timestamp", metric.time_ms).Int("step", metric.step);
  if (!metric.dataset_name.empty()) json.Text("dataset_name", metric.dataset_name);
  if (!metric.dataset_digest.empty()) json.Text("dataset_digest", metric.dataset_digest);
  if (!metric.model_id.empty()) json.Text("model_id", metric.model_id);
  if (!metric.run_id.empty()) json.Text("run_id", metric.run_id);
  json.Close('}');
}

void Write(JsonWriter& json, const tracking::RunRecord& run) {
  json.Open('{').Key("info");
  WriteInfo(json, run);
  json.Key("data").Open('{');
  WriteAll(json, "metrics", run.metrics);
  WritePairs(json, "params", run.params);
  WritePairs(json, "tags", run.tags);
  json.Close('}').Key("inputs").Open('{');
  if (!run.datasets.empty()) {
    json.Key("dataset_inputs").Open('[');
    for (const auto& dataset : run.datasets) Write(json, dataset);
    json.Close(']');
  }
  if (!run.model_inputs.empty()) {
    json.Key("model_inputs").Open('[');
    for (const auto& use : run.model_inputs) json.Open('{').Text("model_id", use.model_id).Close('}');
    json.Close(']');
  }
  json.Close('}').Key("outputs").Open('{');
  if (!run.model_outputs.empty()) {
    json.Key("model_outputs").Open('[');
    for (const auto& use : run.model_outputs) {
      json.Open('{').Text("model_id", use.model_id).Int("step", use.step).Close('}');
    }
    json.Close(']');
  }
  json.Close('}').Close('}');
}

void Write(JsonWriter& json, const tracking::LoggedModelRecord& model) {
  json.Open('{').Key("info").Open('{');
  json.Text("model_id", model.id).Text("experiment_id", std::to_string(model.experiment_id)).Text("name", model.name);
  json.Int("creation_timestamp_ms", model.created_ms).Int("last_updated_timestamp_ms", model.updated_ms);
  json.Text("artifact_uri", model.artifact_uri).Text("status", StatusName(model.status));
  json.Text("model_type", model.type).Text("source_run_id", model.source_run_id);
  if (model.status_message) json.Text("status_message", *model.status_message);
  WritePairs(json, "tags", model.tags);
  json.Close('}').Key("data").Open('{');
  WritePairs(json, "params", model.params);
  WriteAll(json, "metrics", model.metrics);
  json.Close('}').Close('}');
}

void Write(JsonWriter& json, const tracking::VersionRecord& version) {
  json.Open('{').Text("name", version.model).Text("version", std::to_string(version.version));
  json.Int("creation_timestamp", version.created_ms).Int("last_updated_timestamp", version.updated_ms);
  if (version.user_id) json.Text("user_id", *version.user_id);
  json.Text("current_stage", version.stage);
  if (version.description) json.Text("description", *version.description);
  json.Text("source", version.source).Text("run_id", version.run_id).Text("status", "READY");
  WritePairs(json, "tags", version.tags);
  if (version.run_link) json.Text("run_link", *version.run_link);
  if (!version.aliases.empty()) {
    json.Key("aliases").Open('[');
    for (const auto& alias : version.aliases) json.Text(alias);
    json.Close(']');
  }
  json.Close('}');
}

void Write(JsonWriter& json, const tracking::ModelRecord& model) {
  json.Open('{').Text("name", model.name);
  json.Int("creation_timestamp", model.created_ms).Int("last_updated_timestamp", model.updated_ms);
  if (!model.description.empty()) json.Text("description", model.description);
  WriteAll(json, "latest_versions", model.latest);
  WritePairs(json, "tags", model.tags);
  if (!model.aliases.empty()) {
    json.Key("aliases").Open('[');
    for (const auto& [alias, version] : model.aliases) {
      json.Open('{').Text("alias", alias).Text("version", std::to_string(version)).Close('}');
    }
    json.Close(']');
  }
  json.Close('}');
}

}  // namespace keelson::wire::mlflow
