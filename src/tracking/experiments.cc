#include "tracking/experiments.h"

#include <fmt/format.h>

#include "tracking/pairs.h"
#include "tracking/transaction.h"

namespace keelson::tracking {
namespace {

constexpr std::string_view kColumns =
    "SELECT id, name, artifact_location, lifecycle, created_us, updated_us FROM experiment";

Result<ExperimentRecord> FromRow(io::SqlSession& session, const io::SqlRow& row) {
  ExperimentRecord experiment;
  experiment.id = io::AsInt(row[0]);
  experiment.name = io::AsText(row[1]);
  experiment.artifact_location = io::AsText(row[2]);
  experiment.lifecycle = LifecycleNamed(io::AsText(row[3]));
  experiment.created_ms = io::AsInt(row[4]) / 1000;
  experiment.updated_ms = io::AsInt(row[5]) / 1000;
  KEELSON_ASSIGN_OR_RETURN(
      experiment.tags,
      ReadPairs(session, "SELECT key, value FROM experiment_tag WHERE experiment_id = ? ORDER BY key", experiment.id));
  return experiment;
}

std::unexpected<Error> NotFound(std::int64_t id) {
  return Fail(ErrorCode::kNotFound, fmt::format("No Experiment with id={} exists", id));
}

// Marks the experiment and its runs; kNotFound unless it is now of the other lifecycle.
Status Mark(io::SqlSession& session, std::int64_t id, Lifecycle lifecycle, std::int64_t now_us) {
  const bool deleting = lifecycle == Lifecycle::kDeleted;
  KEELSON_ASSIGN_OR_RETURN(
      const std::int64_t changed,
      session.Execute("UPDATE experiment SET lifecycle = ?, updated_us = ? WHERE id = ? AND lifecycle != ?",
                      {std::string(NameOf(lifecycle)), now_us, id, std::string(NameOf(lifecycle))}));
  if (changed == 0) return NotFound(id);
  KEELSON_RETURN_IF_ERROR(
      session.Execute("UPDATE run SET lifecycle = ?, deleted_ms = ? WHERE experiment_id = ?",
                      {std::string(NameOf(lifecycle)), deleting ? io::SqlValue(now_us / 1000) : io::SqlValue(), id}));
  return {};
}

SqlText TagSql(const Condition& condition) {
  SqlText sql;
  const bool absent = condition.compare == Compare::kIsNull;
  sql.Add(absent ? "NOT EXISTS (" : "EXISTS (");
  sql.Add("SELECT 1 FROM experiment_tag t WHERE t.experiment_id = e.id AND t.key = ?", condition.key);
  if (!absent && condition.compare != Compare::kIsNotNull) {
    sql.Add(" AND ");
    sql.Add(CompareSql("t.value", condition.compare, condition.values));
  }
  sql.Add(")");
  return sql;
}

std::string_view Column(std::string_view key) {
  if (key == "experiment_id") return "e.id";
  if (key == "creation_time") return "e.created_us / 1000";
  if (key == "last_update_time") return "e.updated_us / 1000";
  return "e.name";
}

}  // namespace

Result<ExperimentRecord> ReadExperiment(io::SqlSession& session, std::int64_t id) {
  KEELSON_ASSIGN_OR_RETURN(const auto rows, session.Query(fmt::format("{} WHERE id = ?", kColumns), {id}));
  if (rows.empty()) return NotFound(id);
  return FromRow(session, rows[0]);
}

Status RequireActive(const ExperimentRecord& experiment) {
  if (experiment.lifecycle == Lifecycle::kActive) return {};
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("The experiment {} must be in the 'active' state. Current state is deleted.", experiment.id));
}

Result<std::int64_t> Experiments::Create(const std::string& name, const std::string& artifact_location,
                                         const Pairs& tags) {
  return Writing(database_, [&](io::SqlSession& session) -> Result<std::int64_t> {
    KEELSON_ASSIGN_OR_RETURN(const auto same, session.Query("SELECT 1 FROM experiment WHERE name = ?", {name}));
    if (!same.empty()) {
      return Fail(ErrorCode::kAlreadyExists, fmt::format("Experiment(name={}) already exists.", name));
    }
    KEELSON_RETURN_IF_ERROR(
        session.Execute("INSERT INTO experiment (name, created_us, updated_us, artifact_location) VALUES (?, ?, ?, ?)",
                        {name, NowMicros(), NowMicros(), artifact_location}));
    KEELSON_ASSIGN_OR_RETURN(const auto rows, session.Query("SELECT id FROM experiment WHERE name = ?", {name}));
    const std::int64_t id = io::AsInt(rows.at(0)[0]);
    if (artifact_location.empty()) {
      KEELSON_RETURN_IF_ERROR(
          session.Execute("UPDATE experiment SET artifact_location = 'mlflow-artifacts:/' || id WHERE id = ?", {id}));
    }
    KEELSON_RETURN_IF_ERROR(PutPairs(session,
                                     "INSERT INTO experiment_tag VALUES (?, ?, ?) ON CONFLICT (experiment_id, key) DO "
                                     "UPDATE SET value = excluded.value",
                                     id, tags));
    return id;
  });
}

Result<ExperimentRecord> Experiments::Get(std::int64_t id) {
  return Reading(database_, [&](io::SqlSession& session) { return ReadExperiment(session, id); });
}

Result<ExperimentRecord> Experiments::GetByName(const std::string& name) {
  return Reading(database_, [&](io::SqlSession& session) -> Result<ExperimentRecord> {
    KEELSON_ASSIGN_OR_RETURN(const auto rows, session.Query(fmt::format("{} WHERE name = ?", kColumns), {name}));
    if (rows.empty()) {
      return Fail(ErrorCode::kNotFound, fmt::format("Could not find experiment with name '{}'", name));
    }
    return FromRow(session, rows[0]);
  });
}

Status Experiments::Delete(std::int64_t id) {
  return database_.Write([&](io::SqlSession& session) { return Mark(session, id, Lifecycle::kDeleted, NowMicros()); });
}

Status Experiments::Restore(std::int64_t id) {
  return database_.Write([&](io::SqlSession& session) { return Mark(session, id, Lifecycle::kActive, NowMicros()); });
}

Status Experiments::Rename(std::int64_t id, const std::string& name) {
  return database_.Write([&](io::SqlSession& session) -> Status {
    KEELSON_ASSIGN_OR_RETURN(const auto experiment, ReadExperiment(session, id));
    if (experiment.lifecycle != Lifecycle::kActive) {
      return Fail(ErrorCode::kFailedPrecondition, "Cannot rename a non-active experiment.");
    }
    const auto renamed =
        session.Execute("UPDATE experiment SET name = ?, updated_us = ? WHERE id = ?", {name, NowMicros(), id});
    if (renamed.has_value()) return {};
    if (renamed.error().code != ErrorCode::kAlreadyExists) return std::unexpected(renamed.error());
    return Fail(ErrorCode::kAlreadyExists, fmt::format("Experiment(name={}) already exists.", name));
  });
}

Status Experiments::SetTag(std::int64_t id, const std::string& key, const std::string& value) {
  return database_.Write([&](io::SqlSession& session) -> Status {
    KEELSON_ASSIGN_OR_RETURN(const auto experiment, ReadExperiment(session, id));
    KEELSON_RETURN_IF_ERROR(RequireActive(experiment));
    KEELSON_RETURN_IF_ERROR(
        session.Execute("INSERT INTO experiment_tag VALUES (?, ?, ?) ON CONFLICT (experiment_id, key) DO UPDATE SET "
                        "value = excluded.value",
                        {id, key, value}));
    return {};
  });
}

Status Experiments::DeleteTag(std::int64_t id, const std::string& key) {
  return database_.Write([&](io::SqlSession& session) -> Status {
    KEELSON_ASSIGN_OR_RETURN(const auto experiment, ReadExperiment(session, id));
    KEELSON_RETURN_IF_ERROR(RequireActive(experiment));
    KEELSON_ASSIGN_OR_RETURN(
        const std::int64_t gone,
        session.Execute("DELETE FROM experiment_tag WHERE experiment_id = ? AND key = ?", {id, key}));
    if (gone > 0) return {};
    return Fail(ErrorCode::kNotFound, fmt::format("No tag with name: {} in experiment with id {}", key, id));
  });
}

Result<Page<ExperimentRecord>> Experiments::Find(const Search& search, View view) {
  SqlText from;
  from.Add("FROM experiment e WHERE ");
  from.Add(ViewSql("e.lifecycle", view));
  for (const Condition& condition : search.conditions) {
    from.Add(" AND ");
    from.Add(condition.entity == Entity::kTag ? TagSql(condition)
                                              : CompareSql(Column(condition.key), condition.compare, condition.values));
  }
  std::vector<SortColumn> columns;
  bool unique = false;
  const auto add = [&](std::string_view key, bool ascending) {
    columns.push_back({{std::string(Column(key)), {}}, ascending});
    unique = unique || key == "experiment_id";
  };
  for (const Order& order : search.order) add(order.key, order.ascending);
  if (search.order.empty()) {
    add("creation_time", false);
    add("experiment_id", true);
  }
  if (!unique) add("experiment_id", false);
  KEELSON_ASSIGN_OR_RETURN(const SqlText sql, PagedSql("e.id", from, columns, search));
  return Reading(database_, [&](io::SqlSession& session) {
    return ReadPage<ExperimentRecord>(session, sql, columns, search, [&](const io::SqlRow& row) {
      return ReadExperiment(session, io::AsInt(row[0]));
    });
  });
}

}  // namespace keelson::tracking
