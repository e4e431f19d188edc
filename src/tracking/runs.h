#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "io/database.h"
#include "tracking/metric_keys.h"
#include "tracking/records.h"
#include "tracking/run_index.h"
#include "tracking/search.h"

namespace keelson::tracking {

// Runs as MLflow's clients know them, in the tables of Store (opened before): a run that Keelson made is among them,
// and one that a client makes is among Keelson's. Every write is durable when it returns and all or nothing; repeating
// it changes nothing (but Create, whose id is made here). A run that is not there is kNotFound, a deleted one may be
// read and restored but not changed (kInvalidArgument). Thread-safe; the database and the clock outlive it.
class Runs {
 public:
  Runs(io::Database& database, const Clock& clock, RunIndex::Options index = {})
      : database_(database), clock_(clock), index_(database, index) {}

  struct NewRun {
    std::int64_t experiment_id = 0;
    std::string name;
    std::string user_id;
    std::int64_t started_ms = 0;
    Pairs tags;
  };
  Result<RunRecord> Create(const NewRun& run);
  Result<RunRecord> Get(const std::string& id);

  struct Change {
    std::optional<RunStatus> status;
    std::optional<std::int64_t> ended_ms;
    std::string name;  // "": as it is
  };
  Result<RunRecord> Update(const std::string& id, const Change& change);  // without metrics, params, tags, inputs
  Status Delete(const std::string& id);
  Status Restore(const std::string& id);

  // A param never changes its value (kInvalidArgument); a tag is replaced, and the tag mlflow.runName names the run.
  // Metrics are finite or NaN; those with a model_id become the logged model's too.
  Status LogBatch(const std::string& id, const std::vector<MetricPoint>& metrics, const Pairs& params,
                  const Pairs& tags);
  Status LogParam(const std::string& id, const std::string& key, const std::string& value);
  Status DeleteTag(const std::string& id, const std::string& key);
  // Replaces a tag by what `change` makes of its present value, which may be nothing.
  Status ChangeTag(const std::string& id, const std::string& key,
                   const std::function<Result<std::string>(const std::optional<std::string>&)>& change);
  Status LogInputs(const std::string& id, const std::vector<DatasetRecord>& datasets,
                   const std::vector<std::string>& models);
  Status LogOutputs(const std::string& id, const std::vector<ModelUse>& models);

  // By time, then step, then value. A run that is not there has no metrics.
  struct HistoryQuery {
    std::string run_id;
    std::string key;
    std::optional<std::int64_t> at_most;
    std::string page;
  };
  Result<Page<MetricPoint>> History(const HistoryQuery& query);
  // At most `at_most` points, evenly chosen over the steps, the first and the last among them.
  Result<std::vector<MetricPoint>> Sample(const std::string& id, const std::string& key, std::int64_t at_most,
                                          std::optional<std::pair<std::int64_t, std::int64_t>> steps);

  // By attributes (run_id, run_name, status, start_time, end_time, user_id, artifact_uri), metrics, params, tags and
  // datasets (name, digest, context). Without an order the newest first.
  Result<Page<RunRecord>> Find(const std::vector<std::int64_t>& experiments, const Search& search, View view);

  struct DatasetSummary {
    std::int64_t experiment_id = 0;
    std::string name;
    std::string digest;
    std::optional<std::string> context;
  };
  RunIndex& index() { return index_; }

  Result<std::vector<DatasetSummary>> Datasets(const std::vector<std::int64_t>& experiments);  // at most 1,000

 private:
  std::int64_t NowMillis() const { return ToMicros(clock_.WallNow()) / 1000; }

  io::Database& database_;
  const Clock& clock_;
  MetricKeys keys_;
  RunIndex index_;
};

// Within a transaction. `ReadRun` gives everything, `ReadRunInfo` what stands in the run's own row.
Result<RunRecord> ReadRun(io::SqlSession& session, const std::string& id);
Result<RunRecord> ReadRunInfo(io::SqlSession& session, const std::string& id);
Result<RunRecord> ReadRunNumbered(io::SqlSession& session, std::int64_t sequence);
Status FillRun(io::SqlSession& session, RunRecord& run);
Status RequireActive(const RunRecord& run);

// A value as the tables keep it, and back: there is no NaN in SQLite.
struct StoredValue {
  double value;
  std::int64_t is_nan;
};
StoredValue ToStored(double value);
double FromStored(const io::SqlValue& value, const io::SqlValue& is_nan);

// Adds points and keeps the latest of each key; `run` is the run's number. Shared with Store.
Status PutMetrics(io::SqlSession& session, std::int64_t run, const std::vector<MetricPoint>& metrics, MetricKeys& keys,
                  MetricKeys::Numbers& numbers);

}  // namespace keelson::tracking
