#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "io/database.h"
#include "tracking/search.h"
#include "tracking/trace_records.h"

namespace keelson::tracking {

enum class TraceEntity { kAttribute, kTag, kMetadata, kSpan, kSpanAttribute, kFeedback, kExpectation, kIssue, kPrompt };

// What a filter asks of a trace; `key` is a name of the entity's own: "started_ms", a tag's key, "content" of a span.
struct TraceCondition {
  TraceEntity entity = TraceEntity::kAttribute;
  std::string key;
  Compare compare = Compare::kEqual;
  std::vector<io::SqlValue> values;
};

struct TraceOrder {
  TraceEntity entity = TraceEntity::kAttribute;  // kTag, kMetadata
  std::string key;
  bool ascending = true;
};

struct TraceSearch {
  std::vector<TraceCondition> conditions;  // all must hold
  std::vector<TraceOrder> order;
  std::int64_t at_most = 100;
  std::string page;  // a token of an earlier page; "" for the first
};

struct TraceMetricsQuery;  // trace_metrics.h
struct TraceMetricsPoint;

// Traces as MLflow's clients log them, in the tables of Store (opened before). What is not there is kNotFound in
// MLflow's words; every write is durable when it returns, and a repeated one changes nothing. Thread-safe; the database
// and the clock outlive it.
class Traces {
 public:
  Traces(io::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  // What a client knows of a whole trace. Where spans came before, they keep what the client does not say.
  Result<TraceRecord> Start(const TraceRecord& given);
  // MLflow 2's two steps. The id is made here.
  Result<TraceRecord> StartOld(std::int64_t experiment_id, std::int64_t started_ms, const Pairs& metadata,
                               const Pairs& tags);
  Result<TraceRecord> EndOld(const std::string& id, std::int64_t ended_ms, const std::string& state,
                             const Pairs& metadata, const Pairs& tags);

  Result<TraceRecord> Get(const std::string& id);
  // In the order of `ids`, each once; those that are not there, or of other experiments, are left out.
  Result<std::vector<TraceRecord>> GetAll(const std::vector<std::string>& ids,
                                          const std::optional<std::vector<std::int64_t>>& experiments);
  Result<std::vector<WholeTrace>> GetWhole(const std::vector<std::string>& ids,
                                           const std::optional<std::vector<std::int64_t>>& experiments);
  Result<Page<TraceRecord>> Find(const std::vector<std::int64_t>& experiments, const TraceSearch& search);
  // How many traces there are, and how many of them match each filter, both filters.
  struct Counts {
    std::int64_t all = 0;
    std::int64_t first = 0;
    std::int64_t second = 0;
    std::int64_t both = 0;
  };
  Result<Counts> Count(const std::vector<std::int64_t>& experiments, const std::vector<TraceCondition>& base,
                       const std::vector<TraceCondition>& first, const std::vector<TraceCondition>& second);
  // Sums over many traces, in the order of time and dimensions. Without buckets of time and dimensions there is one
  // point, even of no rows.
  Result<std::vector<TraceMetricsPoint>> Metrics(const TraceMetricsQuery& query);

  struct Deletion {
    std::int64_t experiment_id = 0;
    std::optional<std::int64_t> until_ms;  // the oldest first, at most `at_most`
    std::optional<std::int64_t> at_most;
    std::vector<std::string> ids;
  };
  Result<std::int64_t> Delete(const Deletion& which);  // how many went

  Status SetTag(const std::string& id, const std::string& key, const std::string& value);
  Status DeleteTag(const std::string& id, const std::string& key);
  Status LinkRun(const std::vector<std::string>& ids, const std::string& run_id);  // ids that are not there: nothing
  Status LinkPrompts(const std::string& id, const std::vector<std::string>& prompts);  // "name/version"

  // Adds spans, or replaces those of their ids, and makes the traces that are not there yet. All or nothing.
  Status LogSpans(std::int64_t experiment_id, const std::vector<SpanBatch>& batches);

 private:
  io::Database& database_;
  const Clock& clock_;
};

// Within a transaction.
Result<TraceRecord> ReadTrace(io::SqlSession& session, const std::string& id);  // kNotFound in MLflow's words
Result<std::int64_t> TraceNumber(io::SqlSession& session, const std::string& id);
Status PutTracePairs(io::SqlSession& session, std::string_view table, std::int64_t trace, const Pairs& pairs);
Status PutTokenCounts(io::SqlSession& session, std::int64_t trace, const TokenCounts& counts);  // what is known of them
Status PutCosts(io::SqlSession& session, std::int64_t trace, const Costs& costs);
Pairs NewTraceTags(const ExperimentRecord& experiment, const std::string& id);  // what every trace has
// The conditions as SQL, each behind " AND "; the traces are "t". kInvalidArgument for a pattern that is none.
Result<SqlText> TraceConditionsSql(const std::vector<TraceCondition>& conditions,
                                   const std::vector<std::int64_t>& experiments);

}  // namespace keelson::tracking
