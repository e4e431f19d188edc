#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tracking/traces.h"

namespace keelson::tracking {

// Sums over many traces, as MLflow's page draws them: how many there were an hour, how long they took, what they cost.

enum class TraceView { kTraces, kSpans, kAssessments };

// What is measured. Of traces: kCount, kSessions, kLatency (ms) and the token counts; of spans: kCount, kLatency (ms)
// and the costs; of assessments: kCount and kValue (a number; 1 and 0 for true and false, "yes" and "no").
enum class TraceMeasure { kCount, kSessions, kLatency, kTokens, kCost, kValue };

// What it is told apart by: a column of the view's.
enum class TraceDimension {
  kTraceName,
  kTraceStatus,
  kSpanName,
  kSpanType,
  kSpanStatus,
  kModelName,
  kModelProvider,
  kAssessmentName,
  kAssessmentValue,
};

struct TraceAggregation {
  enum class Kind { kCount, kSum, kAverage, kPercentile, kMinimum, kMaximum };
  Kind kind = Kind::kCount;
  double percentile = 0;  // 0 to 100, between neighbours by the straight line
};

struct TraceMetricsQuery {
  std::vector<std::int64_t> experiments = {};
  TraceView view = TraceView::kTraces;
  TraceMeasure measure = TraceMeasure::kCount;
  std::size_t part = 0;  // of kTokens which of kTokenKeys, of kCost which of kCostKeys
  std::vector<TraceAggregation> aggregations = {};
  std::vector<TraceDimension> dimensions = {};
  std::vector<TraceCondition> of_traces = {};                     // all must hold of the trace
  std::vector<std::pair<std::string, std::string>> of_rows = {};  // column of span or assessment, and its value
  std::optional<std::int64_t> from_ms = {};                       // inclusive, as `until_ms`
  std::optional<std::int64_t> until_ms = {};
  std::int64_t interval_ms = 0;  // of the buckets of time that come first of all dimensions; 0: none
  std::optional<std::size_t> at_most = {};
};

struct TraceMetricsPoint {
  std::optional<std::int64_t> bucket_ms = {};      // where it begins
  std::vector<std::string> dimensions = {};        // as asked
  std::vector<std::optional<double>> values = {};  // as the aggregations; nothing where there was nothing to take
};

// The bucket that an instant falls into; towards the past, also before 1970.
std::int64_t BucketOf(std::int64_t time, std::int64_t interval);

}  // namespace keelson::tracking
