#include "wire/mlflow_database/metric_histories.h"

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "tracking/runs.h"
#include "tracking/transaction.h"

namespace keelson::wire::mlflow_database {
namespace {

constexpr std::size_t kAtOnce = 1000;  // points in a transaction
constexpr std::string_view kTheirs =
    "SELECT run_uuid, key, value, CASE WHEN is_nan THEN 1 ELSE 0 END, timestamp, step FROM metrics ORDER BY run_uuid, "
    "key, step, timestamp";

// Gathers the points of one run after another.
class Writer {
 public:
  explicit Writer(io::Database& database) : database_(database) {}

  Status Add(const io::SqlRow& row) {
    if (points_.size() == kAtOnce || io::AsText(row[0]) != run_) KEELSON_RETURN_IF_ERROR(Flush());
    run_ = io::AsText(row[0]);
    const bool is_nan = io::AsInt(row[3]) != 0;
    points_.push_back({.key = io::AsText(row[1]),
                       .value = is_nan ? std::numeric_limits<double>::quiet_NaN() : io::AsDouble(row[2]),
                       .time_ms = io::AsInt(row[4]),
                       .step = io::AsInt(row[5])});
    return {};
  }

  Status Flush() {
    if (points_.empty()) return {};
    tracking::MetricKeys::Numbers numbers;
    KEELSON_RETURN_IF_ERROR(database_.Write([&](io::SqlSession& session) -> Status {
      numbers.clear();
      KEELSON_ASSIGN_OR_RETURN(const auto run, tracking::ReadRunInfo(session, run_));
      return tracking::PutMetrics(session, run.sequence, points_, keys_, numbers);
    }));
    keys_.Remember(numbers);
    points_.clear();
    return {};
  }

 private:
  io::Database& database_;
  tracking::MetricKeys keys_;
  std::string run_;
  std::vector<tracking::MetricPoint> points_;
};

// One history at a time is in memory.
Status EachOfOurs(io::Database& database, const Clock& clock, const std::function<Status(const io::SqlRow&)>& each) {
  tracking::Runs runs(database, clock);
  KEELSON_ASSIGN_OR_RETURN(const auto histories, tracking::Reading(database, [](io::SqlSession& session) {
                             return session.Query(
                                 "SELECT r.id, k.name FROM latest_metric m JOIN run r ON r.sequence = m.run JOIN "
                                 "metric_key k ON k.id = m.key");
                           }));
  for (const auto& history : histories) {
    KEELSON_ASSIGN_OR_RETURN(const auto page,
                             runs.History({io::AsText(history[0]), io::AsText(history[1]), std::nullopt, ""}));
    for (const auto& point : page.records) {
      const auto stored = tracking::ToStored(point.value);
      KEELSON_RETURN_IF_ERROR(each({history[0], history[1], stored.value, stored.is_nan, point.time_ms, point.step}));
    }
  }
  return {};
}

}  // namespace

Status PutHistories(io::SqlSession& theirs, io::Database& database) {
  Writer writer(database);
  KEELSON_RETURN_IF_ERROR(theirs.ForEach(kTheirs, {}, [&](io::SqlRow& row) { return writer.Add(row); }));
  return writer.Flush();
}

Result<RowSum> SumOfTheirs(io::SqlSession& theirs) {
  RowSum sum;
  KEELSON_RETURN_IF_ERROR(theirs.ForEach(kTheirs, {}, [&](io::SqlRow& row) -> Status {
    row[2] = io::AsInt(row[3]) != 0 ? 0.0 : io::AsDouble(row[2]);
    sum.Add(row);
    return {};
  }));
  return sum;
}

Result<RowSum> SumOfOurs(io::Database& database, const Clock& clock) {
  RowSum sum;
  KEELSON_RETURN_IF_ERROR(EachOfOurs(database, clock, [&](const io::SqlRow& row) -> Status {
    sum.Add(row);
    return {};
  }));
  return sum;
}

Status TakeHistories(io::Database& database, const Clock& clock, io::SqlSession& theirs) {
  KEELSON_RETURN_IF_ERROR(EachOfOurs(database, clock, [&](const io::SqlRow& row) -> Status {
    KEELSON_RETURN_IF_ERROR(theirs.Execute(
        "INSERT INTO metrics (run_uuid, key, value, is_nan, timestamp, step) VALUES (?, ?, ?, ?, ?, ?)", row));
    return {};
  }));
  return database.Read([&](io::SqlSession& session) {
    return session.ForEach(
        "SELECT r.id, k.name, m.value, m.is_nan, m.time_ms, m.step FROM latest_metric m JOIN run r ON r.sequence = "
        "m.run JOIN metric_key k ON k.id = m.key",
        {}, [&](io::SqlRow& row) -> Status {
          KEELSON_RETURN_IF_ERROR(theirs.Execute(
              "INSERT INTO latest_metrics (run_uuid, key, value, is_nan, timestamp, step) VALUES (?, ?, ?, ?, ?, ?)",
              row));
          return {};
        });
  });
}

}  // namespace keelson::wire::mlflow_database
