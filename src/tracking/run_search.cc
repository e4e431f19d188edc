// The search of runs as SQL, and their datasets.
#include <fmt/format.h>

#include "tracking/pairs.h"
#include "tracking/runs.h"
#include "tracking/transaction.h"

namespace keelson::tracking {
namespace {

constexpr std::int64_t kDatasets = 1000;

std::string_view Attribute(std::string_view key) {
  if (key == "run_id") return "r.id";
  if (key == "status") return "upper(r.status)";
  if (key == "start_time") return "r.started_ms";
  if (key == "end_time") return "r.ended_ms";
  if (key == "user_id") return "r.user_id";
  if (key == "artifact_uri") return "r.artifact_uri";
  return "r.name";
}

SqlText MetricSql(const Condition& condition) {
  SqlText sql;
  sql.Add(
      "EXISTS (SELECT 1 FROM latest_metric m WHERE m.run = r.sequence AND m.key = (SELECT id FROM metric_key WHERE "
      "name "
      "= ?) AND ",
      condition.key);
  // NaN is kept as 0: it equals nothing and differs from everything.
  const bool differs = condition.compare == Compare::kNotEqual;
  sql.Add(differs ? "(m.is_nan = 1 OR " : "(m.is_nan = 0 AND ");
  sql.Add(CompareSql("m.value", condition.compare, condition.values));
  sql.Add("))");
  return sql;
}

SqlText PairSql(std::string_view table, const Condition& condition) {
  SqlText sql;
  const bool absent = condition.compare == Compare::kIsNull;
  sql.Add(absent ? "NOT EXISTS (" : "EXISTS (");
  sql.Add(fmt::format("SELECT 1 FROM {} p WHERE p.run = r.sequence AND p.key = ?", table), condition.key);
  if (!absent && condition.compare != Compare::kIsNotNull) {
    sql.Add(" AND ");
    sql.Add(CompareSql("p.value", condition.compare, condition.values));
  }
  sql.Add(")");
  return sql;
}

SqlText DatasetSql(const Condition& condition) {
  SqlText sql;
  sql.Add("EXISTS (SELECT 1 FROM run_dataset u JOIN dataset d ON d.number = u.dataset");
  std::string_view column = condition.key == "digest" ? "d.digest" : "d.name";
  if (condition.key == "context") {
    sql.Add(" JOIN run_dataset_tag t ON t.run_dataset = u.number AND t.key = 'mlflow.data.context'");
    column = "t.value";
  }
  sql.Add(" WHERE u.run = r.sequence AND ");
  sql.Add(CompareSql(column, condition.compare, condition.values));
  sql.Add(")");
  return sql;
}

SqlText ConditionSql(const Condition& condition) {
  switch (condition.entity) {
    case Entity::kMetric:
      return MetricSql(condition);
    case Entity::kParam:
      return PairSql("param", condition);
    case Entity::kTag:
      return PairSql("run_tag", condition);
    case Entity::kDataset:
      return DatasetSql(condition);
    case Entity::kAttribute:
      break;
  }
  return CompareSql(Attribute(condition.key), condition.compare, condition.values);
}

// Those without a value come last whatever the direction; of metrics NaN before none.
void AddOrder(const Order& order, std::vector<SortColumn>& columns) {
  SqlText value;
  SqlText missing;
  if (order.entity == Entity::kMetric) {
    constexpr std::string_view kOf =
        "FROM latest_metric m WHERE m.run = r.sequence AND m.key = (SELECT id FROM metric_key WHERE name = ?)";
    value.Add(fmt::format("(SELECT m.value {})", kOf), order.key);
    missing.Add(fmt::format("coalesce((SELECT m.is_nan {}), 2)", kOf), order.key);
  } else if (order.entity == Entity::kAttribute) {
    value.Add(Attribute(order.key));
    if (order.key == "end_time") missing = IsNullSql({"r.ended_ms", {}});
  } else {
    value.Add(fmt::format("(SELECT p.value FROM {} p WHERE p.run = r.sequence AND p.key = ?)",
                          order.entity == Entity::kParam ? "param" : "run_tag"),
              order.key);
    missing = IsNullSql(value);
  }
  if (!missing.text.empty()) columns.push_back({std::move(missing), true});
  columns.push_back({std::move(value), order.ascending});
}

}  // namespace

Result<Page<RunRecord>> Runs::Find(const std::vector<std::int64_t>& experiments, const Search& search, View view) {
  if (experiments.empty()) return Page<RunRecord>();
  SqlText from;
  from.Add("FROM run r WHERE r.experiment_id IN (");
  for (std::size_t i = 0; i < experiments.size(); ++i) from.Add(i == 0 ? "?" : ", ?", experiments[i]);
  from.Add(") AND ");
  from.Add(ViewSql("r.lifecycle", view));
  for (const Condition& condition : search.conditions) {
    from.Add(" AND ");
    from.Add(ConditionSql(condition));
  }
  std::vector<SortColumn> columns;
  bool by_start = false;
  for (const Order& order : search.order) {
    AddOrder(order, columns);
    by_start = by_start || (order.entity == Entity::kAttribute && order.key == "start_time");
  }
  if (!by_start) columns.push_back({{"r.started_ms", {}}, false});
  columns.push_back({{"r.sequence", {}}, false});
  KEELSON_ASSIGN_OR_RETURN(const SqlText sql, PagedSql("r.sequence", from, columns, search));
  return Reading(database_, [&](io::SqlSession& session) -> Result<Page<RunRecord>> {
    KEELSON_ASSIGN_OR_RETURN(auto found, index_.Find(session, {experiments, search, view, columns}));
    if (!found) {
      return ReadPage<RunRecord>(session, sql, columns, search,
                                 [&](const io::SqlRow& row) { return ReadRunNumbered(session, io::AsInt(row[0])); });
    }
    Page<RunRecord> page;
    page.next = std::move(found->next);
    page.records.reserve(found->runs.size());
    for (const std::int64_t sequence : found->runs) {
      KEELSON_ASSIGN_OR_RETURN(RunRecord run, ReadRunNumbered(session, sequence));
      page.records.push_back(std::move(run));
    }
    return page;
  });
}

Result<std::vector<Runs::DatasetSummary>> Runs::Datasets(const std::vector<std::int64_t>& experiments) {
  SqlText sql;
  sql.Add(
      "SELECT DISTINCT d.experiment_id, d.name, d.digest, t.value FROM dataset d JOIN run_dataset u ON u.dataset = "
      "d.number LEFT JOIN run_dataset_tag t ON t.run_dataset = u.number AND t.key = 'mlflow.data.context' WHERE "
      "d.experiment_id IN (");
  for (std::size_t i = 0; i < experiments.size(); ++i) sql.Add(i == 0 ? "?" : ", ?", experiments[i]);
  sql.Add(") LIMIT ?", kDatasets);
  return Reading(database_, [&](io::SqlSession& session) -> Result<std::vector<DatasetSummary>> {
    KEELSON_ASSIGN_OR_RETURN(const auto rows, session.Query(sql.text, sql.values));
    std::vector<DatasetSummary> found;
    for (const auto& row : rows) {
      DatasetSummary summary{io::AsInt(row[0]), io::AsText(row[1]), io::AsText(row[2]), std::nullopt};
      if (!io::IsNull(row[3])) summary.context = io::AsText(row[3]);
      found.push_back(std::move(summary));
    }
    return found;
  });
}

}  // namespace keelson::tracking
