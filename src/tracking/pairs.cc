#include "tracking/pairs.h"

#include <fmt/format.h>

namespace keelson::tracking {

Result<Pairs> ReadPairs(io::SqlSession& session, std::string_view sql, const io::SqlValue& owner) {
  KEELSON_ASSIGN_OR_RETURN(auto rows, session.Query(sql, {owner}));
  Pairs pairs;
  pairs.reserve(rows.size());
  for (auto& row : rows) {
    pairs.emplace_back(std::get<std::string>(std::move(row[0])), std::get<std::string>(std::move(row[1])));
  }
  return pairs;
}

Status PutPairs(io::SqlSession& session, std::string_view sql, const io::SqlValue& owner, const Pairs& pairs) {
  for (const auto& [key, value] : pairs) KEELSON_RETURN_IF_ERROR(session.Execute(sql, {owner, key, value}));
  return {};
}

Lifecycle LifecycleNamed(std::string_view name) {
  return name == "deleted" ? Lifecycle::kDeleted : Lifecycle::kActive;
}

std::string_view NameOf(Lifecycle lifecycle) {
  return lifecycle == Lifecycle::kDeleted ? "deleted" : "active";
}

std::string_view NameOf(RunStatus status) {
  switch (status) {
    case RunStatus::kRunning:
      return "running";
    case RunStatus::kScheduled:
      return "scheduled";
    case RunStatus::kFinished:
      return "finished";
    case RunStatus::kFailed:
      return "failed";
    case RunStatus::kKilled:
      break;
  }
  return "killed";
}

RunStatus RunStatusNamed(std::string_view name) {
  for (const RunStatus status :
       {RunStatus::kRunning, RunStatus::kScheduled, RunStatus::kFinished, RunStatus::kFailed}) {
    if (NameOf(status) == name) return status;
  }
  return RunStatus::kKilled;
}

SqlText ViewSql(std::string_view column, View view) {
  SqlText sql;
  if (view == View::kAll) {
    sql.Add(fmt::format("{} IN ('active', 'deleted')", column));
  } else {
    sql.Add(fmt::format("{} = '{}'", column, view == View::kDeletedOnly ? "deleted" : "active"));
  }
  return sql;
}

}  // namespace keelson::tracking
