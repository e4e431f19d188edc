// What is logged as numbers, and its history.
#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <string_view>
#include <tuple>
#include <unordered_map>

#include "tracking/pairs.h"
#include "tracking/runs.h"
#include "tracking/transaction.h"

namespace keelson::tracking {
namespace {

MetricPoint PointOf(const std::string& key, const io::SqlRow& row) {
  return {.key = key, .value = FromStored(row[0], row[1]), .time_ms = io::AsInt(row[2]), .step = io::AsInt(row[3])};
}

// Later by step, then by time, then by value: the same one however a batch is repeated or cut.
bool IsLater(const MetricPoint& a, const MetricPoint& b) {
  return std::tuple(a.step, a.time_ms, ToStored(a.value).value) >
         std::tuple(b.step, b.time_ms, ToStored(b.value).value);
}

constexpr std::string_view kThoseOfKey = "run = ? AND key = (SELECT id FROM metric_key WHERE name = ?)";

}  // namespace

StoredValue ToStored(double value) {
  if (std::isnan(value)) return {0, 1};
  return {value, 0};
}

double FromStored(const io::SqlValue& value, const io::SqlValue& is_nan) {
  return io::AsInt(is_nan) != 0 ? std::numeric_limits<double>::quiet_NaN() : io::AsDouble(value);
}

Status PutMetrics(io::SqlSession& session, std::int64_t run, const std::vector<MetricPoint>& metrics, MetricKeys& keys,
                  MetricKeys::Numbers& numbers) {
  std::unordered_map<std::int64_t, const MetricPoint*> latest;
  std::vector<io::SqlValue> values(6);
  values[0] = run;
  const auto fill = [&](std::int64_t key, const MetricPoint& point) {
    const StoredValue stored = ToStored(point.value);
    values[1] = key;
    values[2] = point.step;
    values[3] = point.time_ms;
    values[4] = stored.value;
    values[5] = stored.is_nan;
  };
  for (const MetricPoint& point : metrics) {
    KEELSON_ASSIGN_OR_RETURN(const std::int64_t key, keys.Take(session, point.key, numbers));
    fill(key, point);
    KEELSON_RETURN_IF_ERROR(session.Execute("INSERT OR IGNORE INTO metric VALUES (?, ?, ?, ?, ?, ?)", values));
    const MetricPoint*& last = latest[key];
    if (last == nullptr || IsLater(point, *last)) last = &point;
  }
  for (const auto& [key, point] : latest) {
    fill(key, *point);
    KEELSON_RETURN_IF_ERROR(session.Execute(R"sql(
        INSERT INTO latest_metric VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT (run, key) DO UPDATE
        SET step = excluded.step, time_ms = excluded.time_ms, value = excluded.value, is_nan = excluded.is_nan
        WHERE (excluded.step, excluded.time_ms, excluded.value) > (latest_metric.step, latest_metric.time_ms, latest_metric.value))sql",
                                            values));
  }
  return {};
}

Result<Page<MetricPoint>> Runs::History(const HistoryQuery& query) {
  SqlText from;
  from.Add(fmt::format("FROM metric WHERE run = (SELECT sequence FROM run WHERE id = ?) AND key = (SELECT id FROM "
                       "metric_key WHERE name = ?)"),
           query.run_id);
  from.values.emplace_back(query.key);
  const std::vector<SortColumn> columns = {
      {{"time_ms", {}}, true}, {{"step", {}}, true}, {{"value", {}}, true}, {{"is_nan", {}}, true}};
  Search search;
  search.page = query.page;
  search.at_most = query.at_most.value_or(std::numeric_limits<std::int64_t>::max() - 1);
  KEELSON_ASSIGN_OR_RETURN(const SqlText sql, PagedSql("0", from, columns, search));
  return Reading(database_, [&](io::SqlSession& session) -> Result<Page<MetricPoint>> {
    KEELSON_ASSIGN_OR_RETURN(auto rows, session.Query(sql.text, sql.values));
    Page<MetricPoint> page;
    if (query.at_most && rows.size() > static_cast<std::size_t>(*query.at_most)) {
      rows.resize(static_cast<std::size_t>(*query.at_most));
      page.next = PageToken(rows.back(), columns);
    }
    page.records.reserve(rows.size());
    for (const auto& row : rows) {
      page.records.push_back({.key = query.key,
                              .value = FromStored(row[3], row[4]),
                              .time_ms = io::AsInt(row[1]),
                              .step = io::AsInt(row[2])});
    }
    return page;
  });
}

Result<std::vector<MetricPoint>> Runs::Sample(const std::string& id, const std::string& key, std::int64_t at_most,
                                              std::optional<std::pair<std::int64_t, std::int64_t>> steps) {
  return Reading(database_, [&](io::SqlSession& session) -> Result<std::vector<MetricPoint>> {
    std::vector<MetricPoint> points;
    KEELSON_ASSIGN_OR_RETURN(const auto runs, session.Query("SELECT sequence FROM run WHERE id = ?", {id}));
    if (runs.empty()) return points;
    SqlText those;
    those.Add(kThoseOfKey, runs[0][0]);
    those.values.emplace_back(key);
    if (steps) {
      those.Add(" AND step >= ?", steps->first);
      those.Add(" AND step <= ?", steps->second);
    }
    KEELSON_ASSIGN_OR_RETURN(
        const auto counted,
        session.Query(fmt::format("SELECT count(*) FROM metric WHERE {}", those.text), those.values));
    const std::int64_t count = io::AsInt(counted.at(0)[0]);
    if (count == 0) return points;
    // The rows are cut into `at_most` buckets whose sizes differ by one at most, the larger ones first; each gives its
    // first row, and the last row of all takes the place of the last one.
    const std::int64_t buckets = std::min(at_most, count);
    const std::int64_t size = count / buckets;
    const std::int64_t larger = count % buckets;
    SqlText sql;
    sql.Add(fmt::format(
        "SELECT value, is_nan, time_ms, step FROM (SELECT *, row_number() OVER (ORDER BY step, time_ms, "
        "value, is_nan) - 1 AS place FROM metric WHERE {}) AS placed WHERE place = ? OR CASE WHEN place < ? THEN "
        "place % ? = 0 ELSE (place - ?) % ? = 0 END ORDER BY place",
        those.text));
    sql.values = those.values;
    for (const std::int64_t value : {count - 1, larger * (size + 1), size + 1, larger, size}) {
      sql.values.emplace_back(value);
    }
    KEELSON_ASSIGN_OR_RETURN(const auto rows, session.Query(sql.text, sql.values));
    for (const auto& row : rows) points.push_back(PointOf(key, row));
    if (points.size() > static_cast<std::size_t>(buckets)) points.erase(points.end() - 2);
    return points;
  });
}

}  // namespace keelson::tracking
