#include "tracking/logged_models.h"

#include <fmt/format.h>

#include "base/random.h"
#include "tracking/experiments.h"
#include "tracking/pairs.h"
#include "tracking/python_text.h"
#include "tracking/runs.h"
#include "tracking/transaction.h"

namespace keelson::tracking {
namespace {

Result<std::int64_t> NumberOf(io::SqlSession& session, const std::string& id) {
  KEELSON_ASSIGN_OR_RETURN(const auto rows, session.Query("SELECT number FROM logged_model WHERE id = ?", {id}));
  if (rows.empty()) return Fail(ErrorCode::kNotFound, fmt::format("Logged model with ID '{}' not found.", id));
  return io::AsInt(rows[0][0]);
}

std::string_view Attribute(std::string_view key) {
  if (key == "model_id") return "l.id";
  if (key == "experiment_id") return "CAST(l.experiment_id AS TEXT)";
  if (key == "status") return "l.status";
  if (key == "model_type") return "l.type";
  if (key == "source_run_id") return "l.source_run_id";
  if (key == "artifact_location") return "l.artifact_uri";
  if (key == "creation_timestamp_ms") return "l.created_ms";
  if (key == "last_updated_timestamp_ms") return "l.updated_ms";
  if (key == "lifecycle_stage") return "l.lifecycle";
  if (key == "status_message") return "l.status_message";
  return "l.name";
}

// " AND (x.dataset_name = ? AND x.dataset_digest = ? OR ...)"
SqlText DatasetSql(const std::vector<LoggedModels::Dataset>& datasets) {
  SqlText sql;
  for (const auto& dataset : datasets) {
    sql.Add(sql.text.empty() ? " AND (x.dataset_name = ?" : " OR x.dataset_name = ?", dataset.name);
    if (!dataset.digest.empty()) sql.Add(" AND x.dataset_digest = ?", dataset.digest);
  }
  if (!sql.text.empty()) sql.Add(")");
  return sql;
}

SqlText ConditionSql(const Condition& condition, const SqlText& datasets) {
  if (condition.entity == Entity::kAttribute) {
    // The number of a status is no text: SQLite compares it as one by itself.
    const bool as_text =
        condition.key == "status" && (condition.compare == Compare::kLike || condition.compare == Compare::kILike);
    return CompareSql(as_text ? "CAST(l.status AS TEXT)" : Attribute(condition.key), condition.compare,
                      condition.values);
  }
  const bool metric = condition.entity == Entity::kMetric;
  SqlText sql;
  sql.Add(fmt::format("EXISTS (SELECT 1 FROM {} x WHERE x.model = l.number AND x.key = ? AND ",
                      metric                               ? "logged_model_metric"
                      : condition.entity == Entity::kParam ? "logged_model_param"
                                                           : "logged_model_tag"),
          condition.key);
  sql.Add(CompareSql("x.value", condition.compare, condition.values));
  if (metric) sql.Add(datasets);
  sql.Add(")");
  return sql;
}

void AddOrder(const LoggedModels::ModelOrder& order, std::vector<SortColumn>& columns) {
  SqlText value;
  if (order.by.entity == Entity::kMetric) {
    value.Add("(SELECT x.value FROM logged_model_metric x WHERE x.model = l.number AND x.key = ?", order.by.key);
    if (!order.dataset.name.empty()) value.Add(" AND x.dataset_name = ?", order.dataset.name);
    if (!order.dataset.digest.empty()) value.Add(" AND x.dataset_digest = ?", order.dataset.digest);
    value.Add(" ORDER BY x.time_ms DESC, x.step DESC, x.run_id LIMIT 1)");
  } else {
    value.Add(Attribute(order.by.key));
  }
  SqlText missing = IsNullSql(value);
  columns.push_back({std::move(missing), true});
  columns.push_back({std::move(value), order.by.ascending});
}

}  // namespace

Result<LoggedModelRecord> ReadLoggedModel(io::SqlSession& session, const std::string& id, bool deleted_too) {
  KEELSON_ASSIGN_OR_RETURN(
      const auto rows,
      session.Query("SELECT number, experiment_id, name, artifact_uri, created_ms, updated_ms, status, status_message, "
                    "type, source_run_id, lifecycle FROM logged_model WHERE id = ?",
                    {id}));
  const bool hidden = !rows.empty() && !deleted_too && io::AsText(rows[0][10]) == "deleted";
  if (rows.empty() || hidden) {
    return Fail(ErrorCode::kNotFound, fmt::format("Logged model with ID '{}' not found.", id));
  }
  const auto& row = rows[0];
  LoggedModelRecord model;
  model.id = id;
  model.experiment_id = io::AsInt(row[1]);
  model.name = io::AsText(row[2]);
  model.artifact_uri = io::AsText(row[3]);
  model.created_ms = io::AsInt(row[4]);
  model.updated_ms = io::AsInt(row[5]);
  model.status = static_cast<LoggedModelStatus>(io::AsInt(row[6]));
  if (!io::IsNull(row[7])) model.status_message = io::AsText(row[7]);
  model.type = io::AsText(row[8]);
  model.source_run_id = io::AsText(row[9]);
  model.lifecycle = LifecycleNamed(io::AsText(row[10]));
  KEELSON_ASSIGN_OR_RETURN(
      model.tags, ReadPairs(session, "SELECT key, value FROM logged_model_tag WHERE model = ? ORDER BY key", row[0]));
  KEELSON_ASSIGN_OR_RETURN(
      model.params,
      ReadPairs(session, "SELECT key, value FROM logged_model_param WHERE model = ? ORDER BY key", row[0]));
  KEELSON_ASSIGN_OR_RETURN(const auto metrics,
                           session.Query("SELECT key, value, time_ms, step, run_id, dataset_name, dataset_digest FROM "
                                         "logged_model_metric WHERE model = ? ORDER BY key, time_ms, step, run_id",
                                         {row[0]}));
  const auto text = [](const io::SqlValue& value) { return io::IsNull(value) ? std::string() : io::AsText(value); };
  for (const auto& each : metrics) {
    model.metrics.push_back({.key = io::AsText(each[0]),
                             .value = io::AsDouble(each[1]),
                             .time_ms = io::AsInt(each[2]),
                             .step = io::AsInt(each[3]),
                             .model_id = id,
                             .dataset_name = text(each[5]),
                             .dataset_digest = text(each[6]),
                             .run_id = io::AsText(each[4])});
  }
  return model;
}

Result<LoggedModelRecord> LoggedModels::Create(const NewModel& model) {
  const std::string id = "m-" + RandomId();
  return Writing(database_, [&](io::SqlSession& session) -> Result<LoggedModelRecord> {
    KEELSON_ASSIGN_OR_RETURN(const auto experiment, ReadExperiment(session, model.experiment_id));
    KEELSON_RETURN_IF_ERROR(RequireActive(experiment));
    KEELSON_RETURN_IF_ERROR(session.Execute(
        "INSERT INTO logged_model (id, experiment_id, name, artifact_uri, created_ms, updated_ms, status, type, "
        "source_run_id) VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7, ?8)",
        {id, model.experiment_id, model.name,
         AppendToUri(experiment.artifact_location, fmt::format("models/{}/artifacts", id)), NowMillis(),
         static_cast<std::int64_t>(LoggedModelStatus::kPending), model.type, model.source_run_id}));
    KEELSON_ASSIGN_OR_RETURN(const std::int64_t number, NumberOf(session, id));
    KEELSON_RETURN_IF_ERROR(PutPairs(
        session,
        "INSERT INTO logged_model_param VALUES (?, ?, ?) ON CONFLICT (model, key) DO UPDATE SET value = excluded.value",
        number, model.params));
    KEELSON_RETURN_IF_ERROR(PutPairs(
        session,
        "INSERT INTO logged_model_tag VALUES (?, ?, ?) ON CONFLICT (model, key) DO UPDATE SET value = excluded.value",
        number, model.tags));
    return ReadLoggedModel(session, id, false);
  });
}

Result<LoggedModelRecord> LoggedModels::Get(const std::string& id, bool deleted_too) {
  return Reading(database_, [&](io::SqlSession& session) { return ReadLoggedModel(session, id, deleted_too); });
}

Result<LoggedModelRecord> LoggedModels::Finalize(const std::string& id, LoggedModelStatus status) {
  return Writing(database_, [&](io::SqlSession& session) -> Result<LoggedModelRecord> {
    KEELSON_ASSIGN_OR_RETURN(const std::int64_t number, NumberOf(session, id));
    KEELSON_RETURN_IF_ERROR(session.Execute("UPDATE logged_model SET status = ?, updated_ms = ? WHERE number = ?",
                                            {static_cast<std::int64_t>(status), NowMillis(), number}));
    return ReadLoggedModel(session, id, true);
  });
}

Status LoggedModels::Delete(const std::string& id) {
  return database_.Write([&](io::SqlSession& session) -> Status {
    KEELSON_ASSIGN_OR_RETURN(const std::int64_t number, NumberOf(session, id));
    KEELSON_RETURN_IF_ERROR(session.Execute(
        "UPDATE logged_model SET lifecycle = 'deleted', updated_ms = ? WHERE number = ?", {NowMillis(), number}));
    return {};
  });
}

Status LoggedModels::LogParams(const std::string& id, const Pairs& params) {
  return database_.Write([&](io::SqlSession& session) -> Status {
    KEELSON_ASSIGN_OR_RETURN(const std::int64_t number, NumberOf(session, id));
    for (const auto& [key, value] : params) {
      KEELSON_ASSIGN_OR_RETURN(
          const std::int64_t added,
          session.Execute("INSERT OR IGNORE INTO logged_model_param VALUES (?, ?, ?)", {number, key, value}));
      if (added == 1) continue;
      KEELSON_ASSIGN_OR_RETURN(
          const auto rows,
          session.Query("SELECT value FROM logged_model_param WHERE model = ? AND key = ?", {number, key}));
      if (io::AsText(rows.at(0)[0]) == value) continue;
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("Changing param values is not allowed. Param with key='{}' was already logged with "
                              "value='{}' for model ID='{}'. Attempted logging new value '{}'.",
                              key, io::AsText(rows[0][0]), id, value));
    }
    return {};
  });
}

Status LoggedModels::SetTags(const std::string& id, const Pairs& tags) {
  return database_.Write([&](io::SqlSession& session) -> Status {
    KEELSON_ASSIGN_OR_RETURN(const std::int64_t number, NumberOf(session, id));
    return PutPairs(
        session,
        "INSERT INTO logged_model_tag VALUES (?, ?, ?) ON CONFLICT (model, key) DO UPDATE SET value = excluded.value",
        number, tags);
  });
}

Status LoggedModels::DeleteTag(const std::string& id, const std::string& key) {
  return database_.Write([&](io::SqlSession& session) -> Status {
    KEELSON_ASSIGN_OR_RETURN(const std::int64_t number, NumberOf(session, id));
    KEELSON_ASSIGN_OR_RETURN(
        const std::int64_t gone,
        session.Execute("DELETE FROM logged_model_tag WHERE model = ? AND key = ?", {number, key}));
    if (gone > 0) return {};
    return Fail(ErrorCode::kNotFound,
                fmt::format("No tag with key {} found for model with ID {}.", PythonText(key), PythonText(id)));
  });
}

Result<Page<LoggedModelRecord>> LoggedModels::Find(const std::vector<std::int64_t>& experiments, const Search& search,
                                                   const std::vector<Dataset>& datasets,
                                                   const std::vector<ModelOrder>& order) {
  if (experiments.empty()) return Page<LoggedModelRecord>();
  const SqlText of_datasets = DatasetSql(datasets);
  SqlText from;
  from.Add("FROM logged_model l WHERE l.lifecycle = 'active' AND l.experiment_id IN (");
  for (std::size_t i = 0; i < experiments.size(); ++i) from.Add(i == 0 ? "?" : ", ?", experiments[i]);
  from.Add(")");
  bool by_metric = false;
  for (const Condition& condition : search.conditions) {
    from.Add(" AND ");
    from.Add(ConditionSql(condition, of_datasets));
    by_metric = by_metric || condition.entity == Entity::kMetric;
  }
  if (!datasets.empty() && !by_metric) {
    from.Add(" AND EXISTS (SELECT 1 FROM logged_model_metric x WHERE x.model = l.number");
    from.Add(of_datasets);
    from.Add(")");
  }
  std::vector<SortColumn> columns;
  bool by_creation = false;
  bool by_id = false;
  for (const ModelOrder& each : order) {
    AddOrder(each, columns);
    if (each.by.entity != Entity::kAttribute) continue;
    by_creation = by_creation || each.by.key == "creation_timestamp_ms";
    by_id = by_id || each.by.key == "model_id";
  }
  if (!by_creation) columns.push_back({{"l.created_ms", {}}, false});
  if (!by_id) columns.push_back({{"l.id", {}}, true});
  KEELSON_ASSIGN_OR_RETURN(const SqlText sql, PagedSql("l.id", from, columns, search));
  return Reading(database_, [&](io::SqlSession& session) {
    return ReadPage<LoggedModelRecord>(session, sql, columns, search, [&](const io::SqlRow& row) {
      return ReadLoggedModel(session, io::AsText(row[0]), false);
    });
  });
}

}  // namespace keelson::tracking
