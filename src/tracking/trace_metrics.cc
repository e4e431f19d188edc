#include "tracking/trace_metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <utility>

namespace keelson::tracking {
namespace {

constexpr std::int64_t kNanosInMilli = 1'000'000;

using Kind = TraceAggregation::Kind;

// One point on its way: what came of its rows so far.
class Gathered {
 public:
  void Add(double value, bool keep) {
    ++count_;
    least_ = std::min(least_, value);
    most_ = std::max(most_, value);
    // As SQLite adds: what a sum loses is summed up beside it.
    const double sum = sum_ + value;
    lost_ += std::abs(sum_) > std::abs(value) ? (sum_ - sum) + value : (value - sum) + sum_;
    sum_ = sum;
    if (keep) values_.push_back(value);
  }
  void AddName(const std::string& name) {
    names_.insert(name);
    count_ = static_cast<std::int64_t>(names_.size());
  }

  std::optional<double> Take(const TraceAggregation& aggregation) {
    if (aggregation.kind == Kind::kCount) return static_cast<double>(count_);
    if (count_ == 0) return std::nullopt;
    switch (aggregation.kind) {
      case Kind::kSum:
        return sum_ + lost_;
      case Kind::kAverage:
        return (sum_ + lost_) / static_cast<double>(count_);
      case Kind::kMinimum:
        return least_;
      case Kind::kMaximum:
        return most_;
      case Kind::kPercentile:
        return Percentile(aggregation.percentile / 100);
      case Kind::kCount:
        break;
    }
    return std::nullopt;
  }

 private:
  double Percentile(double share) {
    if (!std::ranges::is_sorted(values_)) std::ranges::sort(values_);
    const double place = share * static_cast<double>(values_.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const std::size_t above = std::min(below + 1, values_.size() - 1);
    return values_[below] + (place - static_cast<double>(below)) * (values_[above] - values_[below]);
  }

  std::int64_t count_ = 0;
  double sum_ = 0;
  double lost_ = 0;
  double least_ = std::numeric_limits<double>::infinity();
  double most_ = -std::numeric_limits<double>::infinity();
  std::vector<double> values_;   // where a percentile is asked for
  std::set<std::string> names_;  // where different ones are counted
};

std::string_view ColumnOf(TraceDimension dimension) {
  switch (dimension) {
    case TraceDimension::kTraceName:
      return "t.name";
    case TraceDimension::kTraceStatus:
      return "t.state";
    case TraceDimension::kSpanName:
      return "s.name";
    case TraceDimension::kSpanType:
      return "s.type";
    case TraceDimension::kSpanStatus:
      return "s.status";
    case TraceDimension::kModelName:
      return "s.model_name";
    case TraceDimension::kModelProvider:
      return "s.model_provider";
    case TraceDimension::kAssessmentName:
      return "a.name";
    case TraceDimension::kAssessmentValue:
      break;
  }
  return "a.value";
}

// A text's own value is its JSON: with quotes around it.
constexpr std::string_view kValueOfAssessment =
    "CASE WHEN a.number IS NOT NULL THEN a.number WHEN a.value = 'true' THEN 1.0 WHEN a.value = 'false' THEN 0.0 WHEN "
    "a.value LIKE '\"%' AND lower(trim(trim(a.value, '\"'))) = 'yes' THEN 1.0 WHEN a.value LIKE '\"%' AND "
    "lower(trim(trim(a.value, '\"'))) = 'no' THEN 0.0 END";

std::string MeasureSql(const TraceMetricsQuery& query) {
  const bool spans = query.view == TraceView::kSpans;
  switch (query.measure) {
    case TraceMeasure::kCount:
      return "1";
    case TraceMeasure::kSessions:
      return "t.session_id";
    case TraceMeasure::kLatency:
      return spans ? fmt::format("(s.ended_ns - s.started_ns) / {}", kNanosInMilli) : "t.duration_ms";
    case TraceMeasure::kTokens:
      return fmt::format("t.{}", kTokenKeys.at(query.part));
    case TraceMeasure::kCost:
      return fmt::format("s.{}", kCostKeys.at(query.part));
    case TraceMeasure::kValue:
      break;
  }
  return std::string(kValueOfAssessment);
}

void AddFrom(const TraceMetricsQuery& query, SqlText& sql) {
  sql.Add(" FROM trace t");
  if (query.view == TraceView::kSpans) sql.Add(" JOIN span s ON s.trace = t.number");
  if (query.view == TraceView::kAssessments) sql.Add(" JOIN assessment a ON a.trace = t.number AND a.valid = 1");
  sql.Add(" WHERE t.experiment_id IN (");
  for (std::size_t i = 0; i < query.experiments.size(); ++i) sql.Add(i == 0 ? "?" : ", ?", query.experiments[i]);
  sql.Add(")");
}

// What spans cost is of when they began; all else of when their trace began. An instant that no 64 bits of nanoseconds
// hold lies beyond all spans.
void AddRange(const TraceMetricsQuery& query, SqlText& sql) {
  constexpr std::int64_t kLatestMs = std::numeric_limits<std::int64_t>::max() / kNanosInMilli - 1;
  const bool by_span = query.measure == TraceMeasure::kCost;
  const auto bound = [&](std::int64_t ms) { return std::clamp(ms, -kLatestMs, kLatestMs) * kNanosInMilli; };
  if (query.from_ms && by_span) sql.Add(" AND s.started_ns >= ?", bound(*query.from_ms));
  if (query.until_ms && by_span) {
    sql.Add(" AND s.started_ns <= ?", bound(*query.until_ms) + (kNanosInMilli - 1));
  }
  if (query.from_ms && !by_span) sql.Add(" AND t.started_ms >= ?", *query.from_ms);
  if (query.until_ms && !by_span) sql.Add(" AND t.started_ms <= ?", *query.until_ms);
}

// Rows of: what is measured, the instant in the unit of the interval, the dimensions.
Result<SqlText> RowsSql(const TraceMetricsQuery& query) {
  SqlText sql;
  const std::string measure = MeasureSql(query);
  sql.Add(fmt::format("SELECT {}, {}", measure, query.view == TraceView::kSpans ? "s.started_ns" : "t.started_ms"));
  for (const TraceDimension dimension : query.dimensions) sql.Add(fmt::format(", {}", ColumnOf(dimension)));
  AddFrom(query, sql);
  KEELSON_ASSIGN_OR_RETURN(const SqlText of_traces, TraceConditionsSql(query.of_traces, query.experiments));
  sql.Add(of_traces);
  const std::string_view alias = query.view == TraceView::kSpans ? "s" : "a";
  for (const auto& [column, value] : query.of_rows) sql.Add(fmt::format(" AND {}.{} = ?", alias, column), value);
  AddRange(query, sql);
  sql.Add(fmt::format(" AND {} IS NOT NULL", measure));
  for (const TraceDimension dimension : query.dimensions) {
    sql.Add(fmt::format(" AND {} IS NOT NULL", ColumnOf(dimension)));
  }
  return sql;
}

using Place = std::pair<std::optional<std::int64_t>, std::vector<std::string>>;

}  // namespace

std::int64_t BucketOf(std::int64_t time, std::int64_t interval) {
  std::int64_t whole = time / interval;
  if (time % interval != 0 && (time < 0) != (interval < 0)) --whole;
  return whole * interval;
}

Result<std::vector<TraceMetricsPoint>> Traces::Metrics(const TraceMetricsQuery& query) {
  const bool keep = std::ranges::count(query.aggregations, Kind::kPercentile, &TraceAggregation::kind) > 0;
  const std::int64_t unit = query.view == TraceView::kSpans ? kNanosInMilli : 1;
  const bool named = query.measure == TraceMeasure::kSessions;
  std::map<Place, Gathered> gathered;
  const auto add = [&](const io::SqlRow& row) -> Status {
    Place place;
    if (query.interval_ms != 0) place.first = BucketOf(io::AsInt(row[1]), query.interval_ms * unit) / unit;
    for (std::size_t i = 2; i < row.size(); ++i) place.second.push_back(io::AsText(row[i]));
    Gathered& point = gathered[std::move(place)];
    if (named) {
      point.AddName(io::AsText(row[0]));
    } else {
      point.Add(io::AsDouble(row[0]), keep);
    }
    return {};
  };
  if (!query.experiments.empty()) {
    KEELSON_ASSIGN_OR_RETURN(const SqlText sql, RowsSql(query));
    KEELSON_RETURN_IF_ERROR(database_.Read([&](io::SqlSession& session) {
      gathered.clear();
      return session.ForEach(sql.text, sql.values, add);
    }));
  }
  if (query.interval_ms == 0 && query.dimensions.empty()) gathered[Place()];
  std::vector<TraceMetricsPoint> points;
  for (auto& [place, point] : gathered) {
    if (query.at_most && points.size() == *query.at_most) break;
    TraceMetricsPoint& told = points.emplace_back();
    told.bucket_ms = place.first;
    told.dimensions = place.second;
    for (const TraceAggregation& aggregation : query.aggregations) told.values.push_back(point.Take(aggregation));
  }
  return points;
}

}  // namespace keelson::tracking
