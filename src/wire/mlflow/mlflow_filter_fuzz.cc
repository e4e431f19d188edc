// Filters and orders of every kind of search, as clients may write them.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "wire/mlflow/evaluation_filter.h"
#include "wire/mlflow/filter.h"
#include "wire/mlflow/trace_filter.h"
#include "wire/mlflow/trace_metrics_filter.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace keelson::wire::mlflow;
  using keelson::tracking::TraceView;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const Searched searched :
       {Searched::kRuns, Searched::kExperiments, Searched::kModels, Searched::kVersions, Searched::kLoggedModels}) {
    if (const auto conditions = ParseFilter(text, searched)) {
      for (const auto& condition : *conditions) {
        const bool null_test = condition.compare == keelson::tracking::Compare::kIsNull ||
                               condition.compare == keelson::tracking::Compare::kIsNotNull;
        if (condition.values.empty() != null_test) __builtin_trap();
        const auto sql = keelson::tracking::CompareSql("c", condition.compare, condition.values);
        if (sql.values.size() != condition.values.size()) __builtin_trap();
      }
    }
    (void)ParseOrder(text, searched);
  }
  if (const auto conditions = ParseTraceFilter(text)) {
    const auto sql = keelson::tracking::TraceConditionsSql(*conditions, {0});
    if (!sql && sql.error().code != keelson::ErrorCode::kInvalidArgument) __builtin_trap();
    if (sql && static_cast<std::size_t>(std::ranges::count(sql->text, '?')) != sql->values.size()) __builtin_trap();
  }
  (void)ParseTraceOrders({std::string(text)});
  (void)ParseEvaluationFilter(text);
  (void)ParseEvaluationOrders({std::string(text)});
  for (const auto view : {TraceView::kTraces, TraceView::kSpans, TraceView::kAssessments}) {
    keelson::tracking::TraceMetricsQuery query{.view = view};
    const auto read = AddMetricsFilter(text, query);
    if (read.has_value() != (query.of_traces.size() + query.of_rows.size() == 1)) __builtin_trap();
  }
  return 0;
}
