// What is logged as numbers, and its history.
#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string_view>
#include <tuple>
#include <unordered_map>

#include "tracking/metric_history.h"
#include "tracking/pairs.h"
#include "tracking/runs.h"
#include "tracking/transaction.h"

namespace keelson::tracking {
namespace {

// Later by step, then by time, then by value: the same one however a batch is repeated or cut.
bool IsLater(const MetricPoint& a, const MetricPoint& b) {
  return std::tuple(a.step, a.time_ms, ToStored(a.value).value) >
         std::tuple(b.step, b.time_ms, ToStored(b.value).value);
}

MetricPoint PointOf(const std::string& key, const HistoryPoint& point) {
  return {.key = key,
          .value = point.is_nan ? std::numeric_limits<double>::quiet_NaN() : point.value,
          .time_ms = point.time_ms,
          .step = point.step};
}

struct RunAndKey {
  std::int64_t run = 0;
  std::int64_t key = 0;
};

// Nothing when there is no such run, or nobody has logged such a key.
Result<std::optional<RunAndKey>> NumbersOf(io::SqlSession& session, const std::string& run, const std::string& key) {
  KEELSON_ASSIGN_OR_RETURN(
      const auto rows,
      session.Query("SELECT sequence, metric_key.id FROM run, metric_key WHERE run.id = ? AND metric_key.name = ?",
                    {run, key}));
  if (rows.empty()) return std::nullopt;
  return RunAndKey{io::AsInt(rows[0][0]), io::AsInt(rows[0][1])};
}

// The order of a history's pages.
bool ComesBefore(const HistoryPoint& a, const HistoryPoint& b) {
  return std::tie(a.time_ms, a.step, a.value, a.is_nan) < std::tie(b.time_ms, b.step, b.value, b.is_nan);
}

const std::vector<SortColumn>& HistoryColumns() {
  static const std::vector<SortColumn> columns = {
      {{"time_ms", {}}, true}, {{"step", {}}, true}, {{"value", {}}, true}, {{"is_nan", {}}, true}};
  return columns;
}

Result<HistoryPoint> ReadToken(const std::string& token) {
  KEELSON_ASSIGN_OR_RETURN(const auto values, ReadPageToken(token, HistoryColumns()));
  const auto whole = [&](std::size_t i) { return std::get_if<std::int64_t>(&values[i]); };
  if (whole(0) == nullptr || whole(1) == nullptr || whole(2) == nullptr || whole(3) == nullptr) {
    return Fail(ErrorCode::kInvalidArgument, "Invalid page token, it is damaged");
  }
  return HistoryPoint{0, *whole(1), *whole(0), std::bit_cast<double>(*whole(2)), *whole(3) != 0};
}

// The value as its bits: JSON has no infinity.
std::string TokenBehind(const HistoryPoint& last) {
  return PageToken({{}, last.time_ms, last.step, std::bit_cast<std::int64_t>(last.value), std::int64_t{last.is_nan}},
                   HistoryColumns());
}

}  // namespace

StoredValue ToStored(double value) {
  if (std::isnan(value)) return {0, 1};
  return {value + 0.0, 0};  // of two zeros one
}

double FromStored(const io::SqlValue& value, const io::SqlValue& is_nan) {
  return io::AsInt(is_nan) != 0 ? std::numeric_limits<double>::quiet_NaN() : io::AsDouble(value);
}

Status PutMetrics(io::SqlSession& session, std::int64_t run, const std::vector<MetricPoint>& metrics, MetricKeys& keys,
                  MetricKeys::Numbers& numbers) {
  std::unordered_map<std::int64_t, const MetricPoint*> latest;
  std::vector<HistoryPoint> points;
  points.reserve(metrics.size());
  for (const MetricPoint& point : metrics) {
    KEELSON_ASSIGN_OR_RETURN(const std::int64_t key, keys.Take(session, point.key, numbers));
    const StoredValue stored = ToStored(point.value);
    points.push_back({key, point.step, point.time_ms, stored.value, stored.is_nan != 0});
    const MetricPoint*& last = latest[key];
    if (last == nullptr || IsLater(point, *last)) last = &point;
  }
  KEELSON_RETURN_IF_ERROR(AppendHistory(session, run, points, latest.size()));
  std::vector<io::SqlValue> values(6);
  values[0] = run;
  for (const auto& [key, point] : latest) {
    const StoredValue stored = ToStored(point->value);
    values[1] = key;
    values[2] = point->step;
    values[3] = point->time_ms;
    values[4] = stored.value;
    values[5] = stored.is_nan;
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
  std::optional<HistoryPoint> behind;
  if (!query.page.empty()) {
    KEELSON_ASSIGN_OR_RETURN(behind, ReadToken(query.page));
  }
  return Reading(database_, [&](io::SqlSession& session) -> Result<Page<MetricPoint>> {
    Page<MetricPoint> page;
    KEELSON_ASSIGN_OR_RETURN(const auto numbers, NumbersOf(session, query.run_id, query.key));
    if (!numbers) return page;
    KEELSON_ASSIGN_OR_RETURN(auto points, ReadHistory(session, numbers->run, numbers->key, std::nullopt));
    if (!std::ranges::is_sorted(points, ComesBefore)) std::ranges::sort(points, ComesBefore);
    const auto begin = behind ? std::ranges::upper_bound(points, *behind, ComesBefore) : points.begin();
    std::size_t count = static_cast<std::size_t>(points.end() - begin);
    if (query.at_most && count > static_cast<std::size_t>(*query.at_most)) {
      count = static_cast<std::size_t>(*query.at_most);
      if (count > 0) {
        const HistoryPoint& last = *(begin + static_cast<std::ptrdiff_t>(count) - 1);
        page.next = TokenBehind(last);
      }
    }
    page.records.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      page.records.push_back(PointOf(query.key, *(begin + static_cast<std::ptrdiff_t>(i))));
    }
    return page;
  });
}

Result<std::vector<MetricPoint>> Runs::Sample(const std::string& id, const std::string& key, std::int64_t at_most,
                                              std::optional<std::pair<std::int64_t, std::int64_t>> steps) {
  return Reading(database_, [&](io::SqlSession& session) -> Result<std::vector<MetricPoint>> {
    std::vector<MetricPoint> points;
    KEELSON_ASSIGN_OR_RETURN(const auto numbers, NumbersOf(session, id, key));
    if (!numbers) return points;
    KEELSON_ASSIGN_OR_RETURN(const auto chosen,
                             SampleHistory(session, numbers->run, numbers->key,
                                           static_cast<std::size_t>(std::max<std::int64_t>(at_most, 1)), steps));
    points.reserve(chosen.size());
    for (const HistoryPoint& point : chosen) points.push_back(PointOf(key, point));
    return points;
  });
}

}  // namespace keelson::tracking
