// Experiments and runs.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/strings.h"
#include "tracking/metric_history.h"
#include "tracking/pairs.h"
#include "tracking/run_index.h"
#include "tracking/runs.h"
#include "tracking/sql_store.h"

namespace keelson::tracking {
namespace {

Result<RunStatus> StatusNamed(const std::string& name) {
  for (const RunStatus status :
       {RunStatus::kRunning, RunStatus::kScheduled, RunStatus::kFinished, RunStatus::kFailed, RunStatus::kKilled}) {
    if (NameOf(status) == name) return status;
  }
  return Fail(ErrorCode::kDataLoss, "a run has an unknown status in the database", name);
}

Result<std::int64_t> ExperimentNumber(const std::string& id) {
  const auto number = ParseInt(id);
  if (!number.has_value() || *number < 0) {
    return Fail(ErrorCode::kInvalidArgument, "an experiment id is a decimal number, such as \"0\"", id.substr(0, 100));
  }
  return *number;
}

Status CheckBatch(const std::map<std::string, std::string>& params, const std::vector<Metric>& metrics,
                  const std::map<std::string, std::string>& tags) {
  for (const auto& [key, value] : params) {
    KEELSON_RETURN_IF_ERROR(CheckName("param key", key));
    KEELSON_RETURN_IF_ERROR(CheckValue("param value", value));
  }
  for (const auto& [key, value] : tags) {
    KEELSON_RETURN_IF_ERROR(CheckName("tag key", key));
    KEELSON_RETURN_IF_ERROR(CheckValue("tag value", value));
  }
  for (const Metric& metric : metrics) KEELSON_RETURN_IF_ERROR(CheckName("metric key", metric.key));
  return {};
}

Status PutTags(io::SqlSession& session, std::int64_t run, const std::map<std::string, std::string>& tags) {
  for (const auto& [key, value] : tags) {
    KEELSON_RETURN_IF_ERROR(session.Execute(
        "INSERT INTO run_tag VALUES (?, ?, ?) ON CONFLICT (run, key) DO UPDATE SET value = excluded.value",
        {run, key, value}));
  }
  return {};
}

Status PutParam(io::SqlSession& session, const std::string& run_id, std::int64_t run, const std::string& key,
                const std::string& value) {
  KEELSON_ASSIGN_OR_RETURN(const std::int64_t added,
                           session.Execute("INSERT OR IGNORE INTO param VALUES (?, ?, ?)", {run, key, value}));
  if (added == 1) return {};
  KEELSON_ASSIGN_OR_RETURN(const auto rows,
                           session.Query("SELECT value FROM param WHERE run = ? AND key = ?", {run, key}));
  if (!rows.empty() && io::AsText(rows[0][0]) == value) return {};
  return Fail(ErrorCode::kAlreadyExists, fmt::format("param {} of the run has another value already", key), run_id);
}

// The number of the run in the tables.
Result<std::int64_t> NumberOf(io::SqlSession& session, const std::string& run_id) {
  KEELSON_ASSIGN_OR_RETURN(const auto rows, session.Query("SELECT sequence FROM run WHERE id = ?", {run_id}));
  if (rows.empty()) return Fail(ErrorCode::kNotFound, "no such run", run_id);
  return io::AsInt(rows[0][0]);
}

Instant FromMillis(std::int64_t millis) {
  // A client of MLflow may have said any number; Keelson's instants end earlier.
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / 1000;
  return InstantFromMicros(std::clamp(millis, -kMost, kMost) * 1000);
}

std::vector<MetricPoint> PointsOf(const std::vector<Metric>& metrics) {
  std::vector<MetricPoint> points;
  for (const Metric& metric : metrics) {
    points.push_back(
        {.key = metric.key, .value = metric.value, .time_ms = ToMicros(metric.time) / 1000, .step = metric.step});
  }
  return points;
}

}  // namespace

Result<Experiment> SqlStore::EnsureExperiment(const std::string& name) {
  KEELSON_RETURN_IF_ERROR(CheckName("experiment name", name));
  return Writing([&](io::SqlSession& session) -> Result<Experiment> {
    KEELSON_ASSIGN_OR_RETURN(const std::int64_t added,
                             session.Execute("INSERT INTO experiment (name, created_us, updated_us) SELECT ?1, ?2, ?2 "
                                             "WHERE NOT EXISTS (SELECT 1 FROM experiment WHERE name = ?1)",
                                             {name, NowMicros()}));
    if (added > 0) {
      KEELSON_RETURN_IF_ERROR(session.Execute(
          "UPDATE experiment SET artifact_location = 'mlflow-artifacts:/' || id WHERE name = ?", {name}));
    } else {  // a client may have deleted it: what is logged to it again is wanted
      KEELSON_RETURN_IF_ERROR(session.Execute(
          "UPDATE experiment SET lifecycle = 'active' WHERE name = ? AND lifecycle != 'active'", {name}));
    }
    KEELSON_ASSIGN_OR_RETURN(const auto rows,
                             session.Query("SELECT id, created_us FROM experiment WHERE name = ?", {name}));
    return Experiment{std::to_string(io::AsInt(rows.at(0)[0])), name, InstantFromMicros(io::AsInt(rows[0][1]))};
  });
}

Result<std::vector<Experiment>> SqlStore::ListExperiments() {
  return Reading([&](io::SqlSession& session) -> Result<std::vector<Experiment>> {
    KEELSON_ASSIGN_OR_RETURN(const auto rows, session.Query("SELECT id, name, created_us FROM experiment ORDER BY id"));
    std::vector<Experiment> experiments;
    for (const auto& row : rows) {
      experiments.push_back(
          {std::to_string(io::AsInt(row[0])), io::AsText(row[1]), InstantFromMicros(io::AsInt(row[2]))});
    }
    return experiments;
  });
}

Result<Run> SqlStore::CreateRun(const std::string& experiment_id, const std::string& run_id, const std::string& name,
                                const std::map<std::string, std::string>& tags) {
  KEELSON_RETURN_IF_ERROR(CheckId("run id", run_id));
  KEELSON_RETURN_IF_ERROR(CheckValue("run name", name));
  KEELSON_RETURN_IF_ERROR(CheckBatch({}, {}, tags));
  KEELSON_ASSIGN_OR_RETURN(const std::int64_t experiment, ExperimentNumber(experiment_id));
  return Writing([&](io::SqlSession& session) -> Result<Run> {
    KEELSON_ASSIGN_OR_RETURN(const auto known, session.Query("SELECT 1 FROM experiment WHERE id = ?", {experiment}));
    if (known.empty()) return Fail(ErrorCode::kNotFound, "no such experiment", experiment_id);
    KEELSON_ASSIGN_OR_RETURN(const auto existing,
                             session.Query("SELECT experiment_id, name FROM run WHERE id = ?", {run_id}));
    if (existing.empty()) {
      KEELSON_RETURN_IF_ERROR(
          session.Execute("INSERT INTO run (id, experiment_id, name, status, started_ms, artifact_uri) "
                          "VALUES (?1, ?2, ?3, 'running', ?4, 'mlflow-artifacts:/' || ?1)",
                          {run_id, experiment, name, NowMicros() / 1000}));
      KEELSON_ASSIGN_OR_RETURN(const std::int64_t run, NumberOf(session, run_id));
      KEELSON_RETURN_IF_ERROR(PutTags(session, run, tags));
    } else if (io::AsInt(existing[0][0]) != experiment || io::AsText(existing[0][1]) != name) {
      return Fail(ErrorCode::kAlreadyExists, "there is another run with this id", run_id);
    }
    return ReadRun(session, run_id);
  });
}

Status SqlStore::LogBatch(const std::string& run_id, const std::map<std::string, std::string>& params,
                          const std::vector<Metric>& metrics, const std::map<std::string, std::string>& tags) {
  KEELSON_RETURN_IF_ERROR(CheckBatch(params, metrics, tags));
  const std::vector<MetricPoint> points = PointsOf(metrics);
  MetricKeys::Numbers numbers;
  const Status written = database_.Write([&](io::SqlSession& session) -> Status {
    numbers.clear();
    KEELSON_ASSIGN_OR_RETURN(const std::int64_t run, NumberOf(session, run_id));
    for (const auto& [key, value] : params) KEELSON_RETURN_IF_ERROR(PutParam(session, run_id, run, key, value));
    KEELSON_RETURN_IF_ERROR(PutMetrics(session, run, points, keys_, numbers));
    KEELSON_RETURN_IF_ERROR(PutTags(session, run, tags));
    return MarkChanged(session, run);
  });
  if (written.has_value()) keys_.Remember(numbers);
  return written;
}

Status SqlStore::EndRun(const std::string& run_id, RunStatus status) {
  if (status == RunStatus::kRunning) return Fail(ErrorCode::kInvalidArgument, "a run does not end as running", run_id);
  const std::string wanted(NameOf(status));
  return database_.Write([&](io::SqlSession& session) -> Status {
    KEELSON_ASSIGN_OR_RETURN(const auto rows, session.Query("SELECT status FROM run WHERE id = ?", {run_id}));
    if (rows.empty()) return Fail(ErrorCode::kNotFound, "no such run", run_id);
    const std::string& now = io::AsText(rows[0][0]);
    if (now == wanted) return {};
    if (now != "running") {
      return Fail(ErrorCode::kFailedPrecondition, fmt::format("the run has ended as {} already", now), run_id);
    }
    KEELSON_RETURN_IF_ERROR(
        session.Execute("UPDATE run SET status = ?, ended_ms = ? WHERE id = ?", {wanted, NowMicros() / 1000, run_id}));
    return {};
  });
}

Result<Run> SqlStore::ReadRun(io::SqlSession& session, const std::string& run_id) const {
  KEELSON_ASSIGN_OR_RETURN(
      const auto rows,
      session.Query("SELECT experiment_id, name, status, started_ms, ended_ms, sequence FROM run WHERE id = ?",
                    {run_id}));
  if (rows.empty()) return Fail(ErrorCode::kNotFound, "no such run", run_id);
  Run run;
  run.id = run_id;
  run.experiment_id = std::to_string(io::AsInt(rows[0][0]));
  run.name = io::AsText(rows[0][1]);
  KEELSON_ASSIGN_OR_RETURN(run.status, StatusNamed(io::AsText(rows[0][2])));
  run.started = FromMillis(io::AsInt(rows[0][3]));
  if (!io::IsNull(rows[0][4])) run.ended = FromMillis(io::AsInt(rows[0][4]));
  const io::SqlValue& number = rows[0][5];
  run.artifact_uri = ArtifactFolder(run_id);
  KEELSON_ASSIGN_OR_RETURN(const auto params, session.Query("SELECT key, value FROM param WHERE run = ?", {number}));
  for (const auto& row : params) run.params[io::AsText(row[0])] = io::AsText(row[1]);
  KEELSON_ASSIGN_OR_RETURN(const auto tags, session.Query("SELECT key, value FROM run_tag WHERE run = ?", {number}));
  for (const auto& row : tags) run.tags[io::AsText(row[0])] = io::AsText(row[1]);
  KEELSON_ASSIGN_OR_RETURN(const auto metrics,
                           session.Query("SELECT name, value, is_nan FROM latest_metric JOIN metric_key ON "
                                         "metric_key.id = key WHERE run = ?",
                                         {number}));
  for (const auto& row : metrics) run.metrics[io::AsText(row[0])] = FromStored(row[1], row[2]);
  return run;
}

Result<Run> SqlStore::GetRun(const std::string& run_id) {
  return Reading([&](io::SqlSession& session) { return ReadRun(session, run_id); });
}

Result<std::vector<Run>> SqlStore::ListRuns(const std::string& experiment_id, int at_most) {
  KEELSON_ASSIGN_OR_RETURN(const std::int64_t experiment, ExperimentNumber(experiment_id));
  return Reading([&](io::SqlSession& session) -> Result<std::vector<Run>> {
    KEELSON_ASSIGN_OR_RETURN(const auto rows,
                             session.Query("SELECT id FROM run WHERE experiment_id = ? ORDER BY sequence DESC LIMIT ?",
                                           {experiment, std::int64_t{std::max(at_most, 0)}}));
    std::vector<Run> runs;
    for (const auto& row : rows) {
      KEELSON_ASSIGN_OR_RETURN(Run run, ReadRun(session, io::AsText(row[0])));
      runs.push_back(std::move(run));
    }
    return runs;
  });
}

Result<std::vector<Metric>> SqlStore::MetricHistory(const std::string& run_id, const std::string& key) {
  return Reading([&](io::SqlSession& session) -> Result<std::vector<Metric>> {
    KEELSON_ASSIGN_OR_RETURN(const std::int64_t run, NumberOf(session, run_id));
    std::vector<Metric> metrics;
    KEELSON_ASSIGN_OR_RETURN(const auto keys, session.Query("SELECT id FROM metric_key WHERE name = ?", {key}));
    if (keys.empty()) return metrics;
    KEELSON_ASSIGN_OR_RETURN(const auto points, ReadHistory(session, run, io::AsInt(keys[0][0]), std::nullopt));
    metrics.reserve(points.size());
    for (const HistoryPoint& point : points) {
      metrics.push_back({key, point.is_nan ? std::numeric_limits<double>::quiet_NaN() : point.value,
                         FromMillis(point.time_ms), point.step});
    }
    return metrics;
  });
}

Status SqlStore::DeleteExperiment(const std::string& experiment_id) {
  KEELSON_ASSIGN_OR_RETURN(const std::int64_t experiment, ExperimentNumber(experiment_id));
  if (experiment == 0)
    return Fail(ErrorCode::kInvalidArgument, "the default experiment cannot be deleted", experiment_id);
  return database_.Write([&](io::SqlSession& session) -> Status {
    KEELSON_ASSIGN_OR_RETURN(
        const auto versions,
        session.Query("SELECT model, version FROM version JOIN run ON run_id = run.id WHERE experiment_id = ? LIMIT 1",
                      {experiment}));
    if (!versions.empty()) {
      return Fail(ErrorCode::kFailedPrecondition,
                  fmt::format("version {} of model {} was made by one of its runs: delete the model first",
                              io::AsInt(versions[0][1]), io::AsText(versions[0][0])),
                  experiment_id);
    }
    KEELSON_RETURN_IF_ERROR(session.Execute("DELETE FROM experiment WHERE id = ?", {experiment}));
    return {};
  });
}

}  // namespace keelson::tracking
