// The search of traces as SQL.
#include <fmt/format.h>

#include "io/sqlite_regexp.h"
#include "tracking/pairs.h"
#include "tracking/python_json.h"
#include "tracking/trace_usage.h"
#include "tracking/traces.h"
#include "tracking/transaction.h"

namespace keelson::tracking {
namespace {

std::string_view Attribute(std::string_view key) {
  if (key == "request_id") return "t.id";
  if (key == "execution_time_ms") return "t.duration_ms";
  if (key == "end_time_ms") return "t.started_ms + coalesce(t.duration_ms, 0)";
  if (key == "status") return "t.state";
  if (key == "client_request_id") return "t.client_request_id";
  if (key == "experiment_id") return "t.experiment_id";
  if (key == kTraceName) return "t.name";
  if (key == kTraceSession) return "t.session_id";
  return "t.started_ms";
}

bool IsNullTest(Compare compare) {
  return compare == Compare::kIsNull || compare == Compare::kIsNotNull;
}

SqlText PairSql(std::string_view table, const TraceCondition& condition) {
  SqlText sql;
  sql.Add(condition.compare == Compare::kIsNull ? "NOT EXISTS (" : "EXISTS (");
  sql.Add(fmt::format("SELECT 1 FROM {} p WHERE p.trace = t.number AND p.key = ?", table), condition.key);
  if (!IsNullTest(condition.compare)) {
    sql.Add(" AND ");
    sql.Add(CompareSql("p.value", condition.compare, condition.values));
  }
  sql.Add(")");
  return sql;
}

// Of the run, or linked to it.
SqlText RunSql(const std::string& run) {
  SqlText sql;
  sql.Add("(EXISTS (SELECT 1 FROM trace_run l WHERE l.run_id = ? AND l.trace = t.number) OR ", run);
  sql.Add("EXISTS (SELECT 1 FROM trace_metadata p WHERE p.trace = t.number AND p.key = ?",
          std::string(kTraceSourceRun));
  sql.Add(" AND p.value = ?))", run);
  return sql;
}

// Metadata that stands in columns: it equals the very text that is made of them.
template <typename Values, typename Keys>
SqlText ColumnsSql(const Values& wanted, const Keys& keys, bool is_canonical, Compare compare) {
  SqlText any;
  SqlText same;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    any.Add(fmt::format("{}t.{} IS NOT NULL", i == 0 ? "(" : " OR ", keys[i]));
    same.Add(fmt::format("{}t.{} IS ?", i == 0 ? "(" : " AND ", keys[i]),
             wanted[i] ? io::SqlValue(*wanted[i]) : io::SqlValue());
  }
  any.Add(")");
  same.Add(")");
  SqlText sql;
  if (compare == Compare::kIsNull) sql.Add("NOT ");
  if (IsNullTest(compare)) {
    sql.Add(any);
  } else if (compare == Compare::kEqual) {
    if (!is_canonical) sql.Add("0 = 1");
    if (is_canonical) sql.Add(same);
  } else {
    sql.Add(any);
    if (is_canonical) sql.Add(" AND NOT ");
    if (is_canonical) sql.Add(same);
  }
  return sql;
}

SqlText MetadataSql(const TraceCondition& condition) {
  if (condition.key == kTraceSourceRun && condition.compare == Compare::kEqual) {
    return RunSql(io::AsText(condition.values.at(0)));
  }
  const std::string value = condition.values.empty() ? std::string() : io::AsText(condition.values[0]);
  if (condition.key == kTraceTokenUsage) {
    const TokenCounts wanted = ReadTokenCounts(value);
    return ColumnsSql(wanted, kTokenKeys, WriteTokenCounts(wanted) == value, condition.compare);
  }
  if (condition.key == kTraceCost) {
    const Costs wanted = ReadCosts(value);
    return ColumnsSql(wanted, kCostKeys, WriteCosts(wanted) == value, condition.compare);
  }
  return PairSql("trace_metadata", condition);
}

// Of one span: all conditions on spans hold for the same one.
SqlText SpanSql(const TraceCondition& condition) {
  if (condition.entity == TraceEntity::kSpan) {
    return CompareSql(fmt::format("s.{}", condition.key), condition.compare, condition.values);
  }
  // An attribute's value stands in the span's text behind its key, in quotes that are escaped.
  std::string pattern = io::AsText(condition.values.at(0));
  if (condition.compare != Compare::kRLike) {
    return CompareSql("s.content", condition.compare, {fmt::format("%\"{}\"{}%", condition.key, pattern)});
  }
  std::string_view inner = pattern;
  const bool from_start = inner.starts_with('^');
  const bool to_end = inner.ends_with('$');
  if (from_start) inner.remove_prefix(1);
  if (to_end && !inner.empty()) inner.remove_suffix(1);
  return CompareSql("s.content", Compare::kRLike,
                    {fmt::format("\"{}\": {}{}{}", condition.key, from_start ? R"("\\")" : R"("\\".*)", inner,
                                 to_end ? R"(\\")" : "")});
}

// What an assessment "a" must be.
SqlText AssessmentSql(const TraceCondition& condition) {
  SqlText sql;
  sql.Add("a.kind = ?", std::string(condition.entity == TraceEntity::kFeedback ? "feedback" : "expectation"));
  sql.Add(" AND a.name = ? AND a.valid = 1", condition.key);
  if (IsNullTest(condition.compare)) return sql;
  const io::SqlValue& value = condition.values.at(0);
  if (const auto* text = std::get_if<std::string>(&value)) {
    if (condition.compare == Compare::kEqual || condition.compare == Compare::kNotEqual) {
      // A text is kept as JSON writes it, other values as they are.
      sql.Add(condition.compare == Compare::kEqual ? " AND (" : " AND NOT (");
      sql.Add("a.value = ?", *text);
      sql.Add(" OR a.value = ?)", PythonJson(OrderedJson(*text), true));
      return sql;
    }
    sql.Add(" AND ");
    sql.Add(CompareSql("a.value", condition.compare, condition.values));
    return sql;
  }
  sql.Add(" AND ");
  sql.Add(CompareSql("a.number", condition.compare, condition.values));
  return sql;
}

void AddList(SqlText& sql, const std::vector<std::int64_t>& numbers) {
  sql.Add("(");
  for (std::size_t i = 0; i < numbers.size(); ++i) sql.Add(i == 0 ? "?" : ", ?", numbers[i]);
  sql.Add(")");
}

// An assessment of a whole session is of each of its traces.
SqlText AssessedSql(const TraceCondition& condition, const std::vector<std::int64_t>& experiments) {
  const SqlText wanted = AssessmentSql(condition);
  SqlText sql;
  sql.Add(condition.compare == Compare::kIsNull ? "NOT (" : "(");
  sql.Add("t.number IN (SELECT a.trace FROM assessment a WHERE ");
  sql.Add(wanted);
  sql.Add(
      ") OR (t.session_id IS NOT NULL AND t.session_id IN (SELECT o.session_id FROM trace o JOIN assessment a ON "
      "a.trace = o.number "
      "WHERE o.session_id IS NOT NULL AND o.experiment_id IN ");
  AddList(sql, experiments);
  sql.Add(" AND instr(a.metadata, ?) > 0 AND ", fmt::format("\"{}\":", kTraceSession));
  sql.Add(wanted);
  sql.Add(")))");
  return sql;
}

SqlText ConditionSql(const TraceCondition& condition, const std::vector<std::int64_t>& experiments) {
  SqlText sql;
  switch (condition.entity) {
    case TraceEntity::kTag:
      return PairSql("trace_tag", condition);
    case TraceEntity::kMetadata:
      return MetadataSql(condition);
    case TraceEntity::kFeedback:
    case TraceEntity::kExpectation:
      return AssessedSql(condition, experiments);
    case TraceEntity::kIssue:
      sql.Add("t.number IN (SELECT a.trace FROM assessment a WHERE a.kind = 'issue' AND a.name = ?)",
              condition.values.at(0));
      return sql;
    case TraceEntity::kPrompt:
      sql.Add("t.number IN (SELECT l.trace FROM trace_prompt l WHERE l.prompt = ?)", condition.values.at(0));
      return sql;
    case TraceEntity::kSpan:
    case TraceEntity::kSpanAttribute:
      return SpanSql(condition);
    case TraceEntity::kAttribute:
      break;
  }
  return CompareSql(Attribute(condition.key), condition.compare, condition.values);
}

bool IsOfSpan(const TraceCondition& condition) {
  return condition.entity == TraceEntity::kSpan || condition.entity == TraceEntity::kSpanAttribute;
}

// Those without a value come last whatever the direction.
void AddOrder(const TraceOrder& order, std::vector<SortColumn>& columns) {
  SqlText value;
  if (order.entity == TraceEntity::kAttribute) {
    value.Add(Attribute(order.key));
  } else {
    value.Add(fmt::format("(SELECT p.value FROM {} p WHERE p.trace = t.number AND p.key = ?)",
                          order.entity == TraceEntity::kTag ? "trace_tag" : "trace_metadata"),
              order.key);
  }
  SqlText missing;
  missing.Add("CASE WHEN ");
  missing.Add(value);
  missing.Add(" IS NULL THEN 1 ELSE 0 END");
  columns.push_back({std::move(missing), true});
  columns.push_back({std::move(value), order.ascending});
}

SqlText FromSql(const std::vector<std::int64_t>& experiments) {
  SqlText from;
  from.Add("FROM trace t WHERE t.experiment_id IN ");
  AddList(from, experiments);
  return from;
}

}  // namespace

Result<SqlText> TraceConditionsSql(const std::vector<TraceCondition>& conditions,
                                   const std::vector<std::int64_t>& experiments) {
  SqlText sql;
  SqlText of_span;
  for (const TraceCondition& condition : conditions) {
    if (condition.compare == Compare::kRLike) {
      KEELSON_RETURN_IF_ERROR(io::CheckRegexp(io::AsText(condition.values.at(0))));
    }
    SqlText& to = IsOfSpan(condition) ? of_span : sql;
    to.Add(" AND ");
    to.Add(ConditionSql(condition, experiments));
  }
  if (!of_span.text.empty()) {
    sql.Add(" AND EXISTS (SELECT 1 FROM span s WHERE s.trace = t.number");
    sql.Add(of_span);
    sql.Add(")");
  }
  return sql;
}

Result<Page<TraceRecord>> Traces::Find(const std::vector<std::int64_t>& experiments, const TraceSearch& search) {
  if (experiments.empty()) return Page<TraceRecord>();
  SqlText from = FromSql(experiments);
  KEELSON_ASSIGN_OR_RETURN(const SqlText conditions, TraceConditionsSql(search.conditions, experiments));
  from.Add(conditions);
  std::vector<SortColumn> columns;
  bool by_start = false;
  bool by_id = false;
  for (const TraceOrder& order : search.order) {
    AddOrder(order, columns);
    by_start = by_start || (order.entity == TraceEntity::kAttribute && order.key == "timestamp_ms");
    by_id = by_id || (order.entity == TraceEntity::kAttribute && order.key == "request_id");
  }
  if (!by_start) columns.push_back({{"t.started_ms", {}}, false});
  if (!by_id) columns.push_back({{"t.id", {}}, true});
  Search paged;
  paged.at_most = search.at_most;
  paged.page = search.page;
  KEELSON_ASSIGN_OR_RETURN(const SqlText sql, PagedSql("t.id", from, columns, paged));
  return Reading(database_, [&](io::SqlSession& session) {
    return ReadPage<TraceRecord>(session, sql, columns, paged,
                                 [&](const io::SqlRow& row) { return ReadTrace(session, io::AsText(row[0])); });
  });
}

Result<Traces::Counts> Traces::Count(const std::vector<std::int64_t>& experiments,
                                     const std::vector<TraceCondition>& base, const std::vector<TraceCondition>& first,
                                     const std::vector<TraceCondition>& second) {
  if (experiments.empty()) return Counts();
  KEELSON_ASSIGN_OR_RETURN(const SqlText of_base, TraceConditionsSql(base, experiments));
  KEELSON_ASSIGN_OR_RETURN(const SqlText of_first, TraceConditionsSql(first, experiments));
  KEELSON_ASSIGN_OR_RETURN(const SqlText of_second, TraceConditionsSql(second, experiments));
  SqlText sql;
  sql.Add("SELECT count(*), coalesce(sum(a), 0), coalesce(sum(b), 0), coalesce(sum(a * b), 0) FROM (SELECT ");
  sql.Add("CASE WHEN 1 = 1");
  sql.Add(of_first);
  sql.Add(" THEN 1 ELSE 0 END AS a, CASE WHEN 1 = 1");
  sql.Add(of_second);
  sql.Add(" THEN 1 ELSE 0 END AS b ");
  sql.Add(FromSql(experiments));
  sql.Add(of_base);
  sql.Add(") counted");
  return Reading(database_, [&](io::SqlSession& session) -> Result<Counts> {
    KEELSON_ASSIGN_OR_RETURN(const auto rows, session.Query(sql.text, sql.values));
    const auto& row = rows.at(0);
    return Counts{io::AsInt(row[0]), io::AsInt(row[1]), io::AsInt(row[2]), io::AsInt(row[3])};
  });
}

}  // namespace keelson::tracking
