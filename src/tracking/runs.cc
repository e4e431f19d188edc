#include "tracking/runs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "base/random.h"
#include "tracking/experiments.h"
#include "tracking/pairs.h"
#include "tracking/python_text.h"
#include "tracking/transaction.h"

namespace keelson::tracking {
namespace {

constexpr const char* kRunName = "mlflow.runName";
constexpr std::string_view kPutTag =
    "INSERT INTO run_tag VALUES (?, ?, ?) ON CONFLICT (run, key) DO UPDATE SET value = excluded.value";

std::optional<std::string> Optional(const io::SqlValue& value) {
  if (io::IsNull(value)) return std::nullopt;
  return io::AsText(value);
}

Result<std::vector<DatasetRecord>> ReadDatasets(io::SqlSession& session, std::int64_t run) {
  KEELSON_ASSIGN_OR_RETURN(
      const auto rows,
      session.Query("SELECT u.number, name, digest, source_type, source, schema, profile FROM run_dataset u JOIN "
                    "dataset d ON d.number = u.dataset WHERE run = ? ORDER BY u.number",
                    {run}));
  std::vector<DatasetRecord> datasets;
  for (const auto& row : rows) {
    DatasetRecord dataset{io::AsText(row[1]),
                          io::AsText(row[2]),
                          io::AsText(row[3]),
                          io::AsText(row[4]),
                          Optional(row[5]),
                          Optional(row[6]),
                          {}};
    KEELSON_ASSIGN_OR_RETURN(
        dataset.tags,
        ReadPairs(session, "SELECT key, value FROM run_dataset_tag WHERE run_dataset = ? ORDER BY key", row[0]));
    datasets.push_back(std::move(dataset));
  }
  return datasets;
}

Result<std::vector<ModelUse>> ReadModels(io::SqlSession& session, std::int64_t run, const std::string& direction) {
  KEELSON_ASSIGN_OR_RETURN(
      const auto rows,
      session.Query("SELECT model_id, step FROM run_model WHERE run = ? AND direction = ? ORDER BY number",
                    {run, direction}));
  std::vector<ModelUse> uses;
  for (const auto& row : rows) uses.push_back({io::AsText(row[0]), io::AsInt(row[1])});
  return uses;
}

// What stands in the run's own row.
Result<RunRecord> ReadRow(io::SqlSession& session, std::int64_t sequence) {
  KEELSON_ASSIGN_OR_RETURN(const auto rows,
                           session.Query("SELECT id, experiment_id, name, status, started_ms, ended_ms, lifecycle, "
                                         "user_id, artifact_uri FROM run WHERE sequence = ?",
                                         {sequence}));
  const auto& row = rows.at(0);
  RunRecord run;
  run.sequence = sequence;
  run.id = io::AsText(row[0]);
  run.experiment_id = io::AsInt(row[1]);
  run.name = io::AsText(row[2]);
  run.status = RunStatusNamed(io::AsText(row[3]));
  run.started_ms = io::AsInt(row[4]);
  if (!io::IsNull(row[5])) run.ended_ms = io::AsInt(row[5]);
  run.lifecycle = LifecycleNamed(io::AsText(row[6]));
  run.user_id = io::AsText(row[7]);
  run.artifact_uri = io::AsText(row[8]);
  return run;
}

Result<RunRecord> ReadActive(io::SqlSession& session, const std::string& id) {
  KEELSON_ASSIGN_OR_RETURN(RunRecord run, ReadRunInfo(session, id));
  KEELSON_RETURN_IF_ERROR(RequireActive(run));
  return run;
}

Status Mark(io::Database& database, const std::string& id, Lifecycle lifecycle, const io::SqlValue& deleted_ms) {
  return database.Write([&](io::SqlSession& session) -> Status {
    KEELSON_ASSIGN_OR_RETURN(const auto run, ReadRunInfo(session, id));
    KEELSON_RETURN_IF_ERROR(session.Execute(
        "UPDATE run SET lifecycle = ?, deleted_ms = CASE WHEN lifecycle = ?1 THEN deleted_ms ELSE ? END "
        "WHERE sequence = ?",
        {std::string(NameOf(lifecycle)), deleted_ms, run.sequence}));
    return {};
  });
}

Status PutTags(io::SqlSession& session, std::int64_t run, const Pairs& tags) {
  for (const auto& [key, value] : tags) {
    KEELSON_RETURN_IF_ERROR(session.Execute(kPutTag, {run, key, value}));
    if (key != kRunName || value.empty()) continue;
    KEELSON_RETURN_IF_ERROR(session.Execute("UPDATE run SET name = ? WHERE sequence = ?", {value, run}));
  }
  return {};
}

struct ParamConflict {
  std::string key;
  std::string stored;
  std::string given;
};

Result<std::vector<ParamConflict>> PutParams(io::SqlSession& session, std::int64_t run, const Pairs& params) {
  std::vector<ParamConflict> conflicts;
  for (const auto& [key, value] : params) {
    KEELSON_ASSIGN_OR_RETURN(const std::int64_t added,
                             session.Execute("INSERT OR IGNORE INTO param VALUES (?, ?, ?)", {run, key, value}));
    if (added == 1) continue;
    KEELSON_ASSIGN_OR_RETURN(const auto rows,
                             session.Query("SELECT value FROM param WHERE run = ? AND key = ?", {run, key}));
    const std::string& stored = io::AsText(rows.at(0)[0]);
    if (stored != value) conflicts.push_back({key, stored, value});
  }
  return conflicts;
}

Status PutModelMetrics(io::SqlSession& session, const std::string& run_id, const std::vector<MetricPoint>& metrics) {
  for (const MetricPoint& point : metrics) {
    if (point.model_id.empty()) continue;
    const auto optional = [](const std::string& text) { return text.empty() ? io::SqlValue() : io::SqlValue(text); };
    KEELSON_ASSIGN_OR_RETURN(const auto models,
                             session.Query("SELECT number FROM logged_model WHERE id = ?", {point.model_id}));
    if (models.empty()) {
      return Fail(ErrorCode::kNotFound, fmt::format("Logged model with ID '{}' not found.", point.model_id));
    }
    KEELSON_RETURN_IF_ERROR(
        session.Execute("INSERT OR IGNORE INTO logged_model_metric VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                        {models[0][0], point.key, point.time_ms, point.step, run_id, ToStored(point.value).value,
                         optional(point.dataset_name), optional(point.dataset_digest)}));
  }
  return {};
}

Result<std::int64_t> PutDataset(io::SqlSession& session, std::int64_t experiment, const DatasetRecord& dataset) {
  const auto optional = [](const std::optional<std::string>& text) {
    return text ? io::SqlValue(*text) : io::SqlValue();
  };
  KEELSON_RETURN_IF_ERROR(session.Execute(
      "INSERT OR IGNORE INTO dataset (experiment_id, name, digest, source_type, source, schema, profile) "
      "VALUES (?, ?, ?, ?, ?, ?, ?)",
      {experiment, dataset.name, dataset.digest, dataset.source_type, dataset.source, optional(dataset.schema),
       optional(dataset.profile)}));
  KEELSON_ASSIGN_OR_RETURN(
      const auto rows, session.Query("SELECT number FROM dataset WHERE experiment_id = ? AND name = ? AND digest = ?",
                                     {experiment, dataset.name, dataset.digest}));
  return io::AsInt(rows.at(0)[0]);
}

Status PutModels(io::SqlSession& session, std::int64_t run, const std::string& direction,
                 const std::vector<ModelUse>& models) {
  for (const ModelUse& use : models) {
    KEELSON_RETURN_IF_ERROR(
        session.Execute("INSERT OR IGNORE INTO run_model (run, direction, model_id, step) VALUES (?, ?, ?, ?)",
                        {run, direction, use.model_id, use.step}));
  }
  return {};
}

}  // namespace

Status RequireActive(const RunRecord& run) {
  if (run.lifecycle == Lifecycle::kActive) return {};
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("The run {} must be in the 'active' state. Current state is deleted.", run.id));
}

Result<RunRecord> ReadRunInfo(io::SqlSession& session, const std::string& id) {
  KEELSON_ASSIGN_OR_RETURN(const auto rows, session.Query("SELECT sequence FROM run WHERE id = ?", {id}));
  if (rows.empty()) return Fail(ErrorCode::kNotFound, fmt::format("Run with id={} not found", id));
  return ReadRow(session, io::AsInt(rows[0][0]));
}

Result<RunRecord> ReadRunNumbered(io::SqlSession& session, std::int64_t sequence) {
  KEELSON_ASSIGN_OR_RETURN(RunRecord run, ReadRow(session, sequence));
  KEELSON_RETURN_IF_ERROR(FillRun(session, run));
  return run;
}

Status FillRun(io::SqlSession& session, RunRecord& run) {
  KEELSON_ASSIGN_OR_RETURN(run.params,
                           ReadPairs(session, "SELECT key, value FROM param WHERE run = ? ORDER BY key", run.sequence));
  KEELSON_ASSIGN_OR_RETURN(
      run.tags, ReadPairs(session, "SELECT key, value FROM run_tag WHERE run = ? ORDER BY key", run.sequence));
  KEELSON_ASSIGN_OR_RETURN(const auto metrics,
                           session.Query("SELECT name, value, is_nan, time_ms, step FROM latest_metric JOIN metric_key "
                                         "ON metric_key.id = key WHERE run = ?",
                                         {run.sequence}));
  run.metrics.reserve(metrics.size());
  for (const auto& row : metrics) {
    run.metrics.push_back({.key = io::AsText(row[0]),
                           .value = FromStored(row[1], row[2]),
                           .time_ms = io::AsInt(row[3]),
                           .step = io::AsInt(row[4])});
  }
  KEELSON_ASSIGN_OR_RETURN(run.datasets, ReadDatasets(session, run.sequence));
  KEELSON_ASSIGN_OR_RETURN(run.model_inputs, ReadModels(session, run.sequence, "input"));
  KEELSON_ASSIGN_OR_RETURN(run.model_outputs, ReadModels(session, run.sequence, "output"));
  return {};
}

Result<RunRecord> ReadRun(io::SqlSession& session, const std::string& id) {
  KEELSON_ASSIGN_OR_RETURN(RunRecord run, ReadRunInfo(session, id));
  KEELSON_RETURN_IF_ERROR(FillRun(session, run));
  return run;
}

Result<RunRecord> Runs::Create(const NewRun& run) {
  const std::string id = RandomId();
  return Writing(database_, [&](io::SqlSession& session) -> Result<RunRecord> {
    KEELSON_ASSIGN_OR_RETURN(const auto experiment, ReadExperiment(session, run.experiment_id));
    KEELSON_RETURN_IF_ERROR(RequireActive(experiment));
    KEELSON_RETURN_IF_ERROR(
        session.Execute("INSERT INTO run (id, experiment_id, name, status, started_ms, user_id, artifact_uri) "
                        "VALUES (?, ?, ?, 'running', ?, ?, ?)",
                        {id, run.experiment_id, run.name, run.started_ms, run.user_id,
                         AppendToUri(experiment.artifact_location, fmt::format("{}/artifacts", id))}));
    KEELSON_ASSIGN_OR_RETURN(const auto made, ReadRunInfo(session, id));
    KEELSON_RETURN_IF_ERROR(PutTags(session, made.sequence, {{kRunName, run.name}}));
    KEELSON_RETURN_IF_ERROR(PutTags(session, made.sequence, run.tags));
    return ReadRun(session, id);
  });
}

Result<RunRecord> Runs::Get(const std::string& id) {
  return Reading(database_, [&](io::SqlSession& session) { return ReadRun(session, id); });
}

Result<RunRecord> Runs::Update(const std::string& id, const Change& change) {
  return Writing(database_, [&](io::SqlSession& session) -> Result<RunRecord> {
    KEELSON_ASSIGN_OR_RETURN(RunRecord run, ReadActive(session, id));
    if (change.status) run.status = *change.status;
    if (change.ended_ms) run.ended_ms = change.ended_ms;
    if (!change.name.empty()) {
      run.name = change.name;
      KEELSON_RETURN_IF_ERROR(session.Execute(kPutTag, {run.sequence, std::string(kRunName), change.name}));
    }
    KEELSON_RETURN_IF_ERROR(
        session.Execute("UPDATE run SET status = ?, ended_ms = ?, name = ? WHERE sequence = ?",
                        {std::string(NameOf(run.status)), run.ended_ms ? io::SqlValue(*run.ended_ms) : io::SqlValue(),
                         run.name, run.sequence}));
    return run;
  });
}

Status Runs::Delete(const std::string& id) {
  return Mark(database_, id, Lifecycle::kDeleted, NowMillis());
}

Status Runs::Restore(const std::string& id) {
  return Mark(database_, id, Lifecycle::kActive, {});
}

Status Runs::LogBatch(const std::string& id, const std::vector<MetricPoint>& metrics, const Pairs& params,
                      const Pairs& tags) {
  MetricKeys::Numbers numbers;
  const Status written = database_.Write([&](io::SqlSession& session) -> Status {
    numbers.clear();
    KEELSON_ASSIGN_OR_RETURN(const auto run, ReadActive(session, id));
    KEELSON_ASSIGN_OR_RETURN(const auto conflicts, PutParams(session, run.sequence, params));
    if (!conflicts.empty()) {
      std::vector<std::string> texts;
      for (const auto& conflict : conflicts) {
        texts.push_back(fmt::format("{{'key': {}, 'old_value': {}, 'new_value': {}}}", PythonText(conflict.key),
                                    PythonText(conflict.stored), PythonText(conflict.given)));
      }
      return Fail(
          ErrorCode::kInvalidArgument,
          fmt::format("Changing param values is not allowed. Params were already logged='[{}]' for run ID='{}'.",
                      fmt::join(texts, ", "), id));
    }
    KEELSON_RETURN_IF_ERROR(PutMetrics(session, run.sequence, metrics, keys_, numbers));
    KEELSON_RETURN_IF_ERROR(PutModelMetrics(session, id, metrics));
    KEELSON_RETURN_IF_ERROR(PutTags(session, run.sequence, tags));
    return MarkChanged(session, run.sequence);
  });
  if (written.has_value()) keys_.Remember(numbers);
  return written;
}

Status Runs::LogParam(const std::string& id, const std::string& key, const std::string& value) {
  return database_.Write([&](io::SqlSession& session) -> Status {
    KEELSON_ASSIGN_OR_RETURN(const auto run, ReadActive(session, id));
    KEELSON_ASSIGN_OR_RETURN(const auto conflicts, PutParams(session, run.sequence, {{key, value}}));
    if (conflicts.empty()) return MarkChanged(session, run.sequence);
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("Changing param values is not allowed. Param with key='{}' was already logged with "
                            "value='{}' for run ID='{}'. Attempted logging new value '{}'.",
                            key, conflicts[0].stored, id, value));
  });
}

Status Runs::DeleteTag(const std::string& id, const std::string& key) {
  return database_.Write([&](io::SqlSession& session) -> Status {
    KEELSON_ASSIGN_OR_RETURN(const auto run, ReadActive(session, id));
    KEELSON_ASSIGN_OR_RETURN(const std::int64_t gone,
                             session.Execute("DELETE FROM run_tag WHERE run = ? AND key = ?", {run.sequence, key}));
    if (gone > 0) return MarkChanged(session, run.sequence);
    return Fail(ErrorCode::kNotFound, fmt::format("No tag with name: {} in run with id {}", key, id));
  });
}

Status Runs::ChangeTag(const std::string& id, const std::string& key,
                       const std::function<Result<std::string>(const std::optional<std::string>&)>& change) {
  return database_.Write([&](io::SqlSession& session) -> Status {
    KEELSON_ASSIGN_OR_RETURN(const auto run, ReadActive(session, id));
    KEELSON_ASSIGN_OR_RETURN(const auto rows,
                             session.Query("SELECT value FROM run_tag WHERE run = ? AND key = ?", {run.sequence, key}));
    KEELSON_ASSIGN_OR_RETURN(std::string value, change(rows.empty() ? std::nullopt : Optional(rows[0][0])));
    KEELSON_RETURN_IF_ERROR(PutTags(session, run.sequence, {{key, std::move(value)}}));
    return MarkChanged(session, run.sequence);
  });
}

Status Runs::LogInputs(const std::string& id, const std::vector<DatasetRecord>& datasets,
                       const std::vector<std::string>& models) {
  return database_.Write([&](io::SqlSession& session) -> Status {
    KEELSON_ASSIGN_OR_RETURN(const auto run, ReadActive(session, id));
    for (const DatasetRecord& dataset : datasets) {
      KEELSON_ASSIGN_OR_RETURN(const std::int64_t number, PutDataset(session, run.experiment_id, dataset));
      KEELSON_ASSIGN_OR_RETURN(
          const std::int64_t added,
          session.Execute("INSERT OR IGNORE INTO run_dataset (run, dataset) VALUES (?, ?)", {run.sequence, number}));
      if (added == 0) continue;  // the tags of its first use stay
      KEELSON_ASSIGN_OR_RETURN(
          const auto uses,
          session.Query("SELECT number FROM run_dataset WHERE run = ? AND dataset = ?", {run.sequence, number}));
      KEELSON_RETURN_IF_ERROR(PutPairs(session,
                                       "INSERT INTO run_dataset_tag VALUES (?, ?, ?) ON CONFLICT (run_dataset, key) DO "
                                       "UPDATE SET value = excluded.value",
                                       uses.at(0)[0], dataset.tags));
    }
    std::vector<ModelUse> uses;
    for (const auto& model : models) uses.push_back({model, 0});
    return PutModels(session, run.sequence, "input", uses);
  });
}

Status Runs::LogOutputs(const std::string& id, const std::vector<ModelUse>& models) {
  return database_.Write([&](io::SqlSession& session) -> Status {
    KEELSON_ASSIGN_OR_RETURN(const auto run, ReadActive(session, id));
    return PutModels(session, run.sequence, "output", models);
  });
}

}  // namespace keelson::tracking
