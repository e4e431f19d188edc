// Sums over many traces, as MLflow's page draws them.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <limits>
#include <set>

#include "base/strings.h"
#include "tracking/python_json.h"
#include "tracking/python_text.h"
#include "tracking/trace_metrics.h"
#include "wire/mlflow/answer.h"
#include "wire/mlflow/fields.h"
#include "wire/mlflow/limits.h"
#include "wire/mlflow/proto_json.h"
#include "wire/mlflow/services.h"
#include "wire/mlflow/trace_metrics_filter.h"

namespace keelson::wire::mlflow {
namespace {

using tracking::TraceAggregation;
using tracking::TraceDimension;
using tracking::TraceMeasure;
using tracking::TraceView;
using Kind = TraceAggregation::Kind;

constexpr std::size_t kPoints = 1000;  // where the request does not say how many

constexpr std::array<std::string_view, 3> kMetricViews = {"TRACES", "SPANS", "ASSESSMENTS"};
constexpr std::array<std::string_view, 6> kAggregations = {"COUNT", "SUM", "AVG", "PERCENTILE", "MIN", "MAX"};

std::unexpected<Error> Invalid(std::string message) {
  return Fail(ErrorCode::kInvalidArgument, std::move(message));
}

struct Dimension {
  std::string_view name;
  TraceDimension dimension;
};

// What a view measures, and how.
struct Metric {
  std::string_view name;
  TraceMeasure measure;
  std::size_t part = 0;
  std::string_view aggregations = {};  // in the order of their names
  std::vector<Dimension> dimensions = {};
};

constexpr std::string_view kCounted = "COUNT";
constexpr std::string_view kMeasured = "AVG MAX MIN PERCENTILE";
constexpr std::string_view kSummed = "AVG MAX MIN PERCENTILE SUM";

const std::vector<Metric>& MetricsOf(TraceView view) {
  static const std::vector<Dimension> name = {{"trace_name", TraceDimension::kTraceName}};
  static const std::vector<Dimension> model = {{"span_model_name", TraceDimension::kModelName},
                                               {"span_model_provider", TraceDimension::kModelProvider}};
  static const std::vector<Metric> traces = {
      {"trace_count", TraceMeasure::kCount, 0, kCounted, {name[0], {"trace_status", TraceDimension::kTraceStatus}}},
      {"session_count", TraceMeasure::kSessions, 0, kCounted},
      {"latency", TraceMeasure::kLatency, 0, kMeasured, name},
      {"input_tokens", TraceMeasure::kTokens, 0, kSummed, name},
      {"output_tokens", TraceMeasure::kTokens, 1, kSummed, name},
      {"total_tokens", TraceMeasure::kTokens, 2, kSummed, name},
      {"cache_read_input_tokens", TraceMeasure::kTokens, 3, kSummed, name},
      {"cache_creation_input_tokens", TraceMeasure::kTokens, 4, kSummed, name}};
  static const std::vector<Metric> spans = {
      {"span_count",
       TraceMeasure::kCount,
       0,
       kCounted,
       {{"span_model_name", TraceDimension::kModelName},
        {"span_model_provider", TraceDimension::kModelProvider},
        {"span_name", TraceDimension::kSpanName},
        {"span_status", TraceDimension::kSpanStatus},
        {"span_type", TraceDimension::kSpanType}}},
      {"latency",
       TraceMeasure::kLatency,
       0,
       kMeasured,
       {{"span_name", TraceDimension::kSpanName}, {"span_status", TraceDimension::kSpanStatus}}},
      {"input_cost", TraceMeasure::kCost, 0, kSummed, model},
      {"output_cost", TraceMeasure::kCost, 1, kSummed, model},
      {"total_cost", TraceMeasure::kCost, 2, kSummed, model}};
  static const std::vector<Metric> assessments = {
      {"assessment_count",
       TraceMeasure::kCount,
       0,
       kCounted,
       {{"assessment_name", TraceDimension::kAssessmentName}, {"assessment_value", TraceDimension::kAssessmentValue}}},
      {"assessment_value", TraceMeasure::kValue, 0, kMeasured, {{"assessment_name", TraceDimension::kAssessmentName}}}};
  return view == TraceView::kTraces ? traces : view == TraceView::kSpans ? spans : assessments;
}

// As Python writes a list of texts.
template <typename Texts>
std::string ListOf(const Texts& texts) {
  std::vector<std::string> quoted;
  for (const auto& text : texts) quoted.push_back(tracking::PythonText(text));
  return fmt::format("[{}]", fmt::join(quoted, ", "));
}

Result<TraceAggregation> ReadAggregation(const Message& message) {
  TraceAggregation read{static_cast<Kind>(message.Int("aggregation_type", 1) - 1)};
  const bool has_value = message.Has("percentile_value");
  read.percentile = message.Double("percentile_value");
  if (read.kind != Kind::kPercentile) {
    if (!has_value) return read;
    return Invalid(fmt::format("Percentile value is only allowed for PERCENTILE aggregation type, got {}",
                               kAggregations.at(static_cast<std::size_t>(read.kind))));
  }
  if (!has_value) return Invalid("Percentile value is required for PERCENTILE aggregation");
  if (read.percentile >= 0 && read.percentile <= 100) return read;
  return Invalid(
      fmt::format("Percentile value must be between 0 and 100, got {}", tracking::PythonFloat(read.percentile)));
}

std::string LabelOf(const TraceAggregation& aggregation) {
  if (aggregation.kind == Kind::kPercentile) return "P" + tracking::PythonFloat(aggregation.percentile);
  return std::string(kAggregations.at(static_cast<std::size_t>(aggregation.kind)));
}

// Measure, aggregations and dimensions, as far as they go together.
Status ReadMeasure(const Message& message, tracking::TraceMetricsQuery& query) {
  const auto& metrics = MetricsOf(query.view);
  const std::string name = message.Text("metric_name");
  const auto metric = std::ranges::find(metrics, name, &Metric::name);
  if (metric == metrics.end()) {
    std::vector<std::string_view> names;
    for (const Metric& each : metrics) names.push_back(each.name);
    return Invalid(fmt::format("metric_name must be one of {}, got '{}'", ListOf(names), name));
  }
  query.measure = metric->measure;
  query.part = metric->part;
  const auto allowed = Split(metric->aggregations, ' ');
  std::set<std::string_view> refused;
  for (const TraceAggregation& each : query.aggregations) {
    const std::string_view kind = kAggregations.at(static_cast<std::size_t>(each.kind));
    if (std::ranges::find(allowed, kind) == allowed.end()) refused.insert(kind);
  }
  if (!refused.empty()) {
    return Invalid(fmt::format("Found invalid aggregation_type(s): {}. Supported aggregation types: {}",
                               ListOf(refused), ListOf(allowed)));
  }
  std::vector<std::string_view> known;
  for (const Dimension& each : metric->dimensions) known.push_back(each.name);
  std::set<std::string> unknown;
  for (const std::string& given : message.Texts("dimensions")) {
    const auto found = std::ranges::find(metric->dimensions, given, &Dimension::name);
    if (found == metric->dimensions.end()) {
      unknown.insert(given);
    } else {
      query.dimensions.push_back(found->dimension);
    }
  }
  if (unknown.empty()) return {};
  return Invalid(
      fmt::format("Found invalid dimension(s): {}. Supported dimensions: {}", ListOf(unknown), ListOf(known)));
}

Status ReadTimes(const Message& message, tracking::TraceMetricsQuery& query) {
  constexpr std::int64_t kLongest = std::numeric_limits<std::int64_t>::max() / 1'000'000'000;
  if (message.Has("start_time_ms")) query.from_ms = message.Int("start_time_ms");
  if (message.Has("end_time_ms")) query.until_ms = message.Int("end_time_ms");
  const std::int64_t seconds = message.Int("time_interval_seconds");
  if (seconds == 0) return {};
  if (!query.from_ms || !query.until_ms) {
    return Invalid("start_time_ms and end_time_ms are required if time_interval_seconds is set");
  }
  if (seconds < -kLongest || seconds > kLongest) return Invalid("time_interval_seconds is too large");
  query.interval_ms = seconds * 1000;
  return {};
}

// As Python's isoformat in UTC, whose years are 1 to 9999.
Result<std::string> WriteBucket(std::int64_t ms) {
  constexpr std::int64_t kFirst = -62'135'596'800'000;
  constexpr std::int64_t kLast = 253'402'300'799'999;
  if (ms < kFirst || ms > kLast) return Invalid(fmt::format("A time bucket begins in no year of four digits: {}", ms));
  std::string text = WriteTimestamp(ms);
  text.pop_back();  // Z
  return text + "+00:00";
}

// What is asked for twice is told once.
Status WritePoint(JsonWriter& json, const Message& message, const tracking::TraceMetricsQuery& query,
                  const tracking::TraceMetricsPoint& point) {
  json.Open('{').Text("metric_name", message.Text("metric_name"));
  const auto dimensions = message.Texts("dimensions");
  if (point.bucket_ms || !dimensions.empty()) {
    json.Key("dimensions").Open('{');
    if (point.bucket_ms) {
      KEELSON_ASSIGN_OR_RETURN(const std::string bucket, WriteBucket(*point.bucket_ms));
      json.Text("time_bucket", bucket);
    }
    std::set<std::string_view> told;
    for (std::size_t i = 0; i < dimensions.size(); ++i) {
      if (told.insert(dimensions[i]).second) json.Text(dimensions[i], point.dimensions.at(i));
    }
    json.Close('}');
  }
  json.Key("values").Open('{');
  std::set<std::string> told;
  for (std::size_t i = 0; i < query.aggregations.size(); ++i) {
    const std::string label = LabelOf(query.aggregations[i]);
    if (point.values.at(i) && told.insert(label).second) json.Key(label).Double(*point.values[i]);
  }
  json.Close('}').Close('}');
  return {};
}

}  // namespace

Answered QueryTraceMetrics(Services& services, const Asked& asked) {
  static constexpr std::array kAggregation = {
      Field{.name = "aggregation_type", .type = Type::kEnum, .enum_names = kAggregations},
      Field{.name = "percentile_value", .type = Type::kDouble}};
  static constexpr std::array kFields = {
      Field{.name = "experiment_ids", .repeated = true, .rules = {Rule::kArray, Rule::kRequired, Rule::kTexts}},
      Field{.name = "view_type", .type = Type::kEnum, .rules = {Rule::kRequired}, .enum_names = kMetricViews},
      Field{.name = "metric_name", .rules = kTextRequired},
      Field{.name = "aggregations",
            .type = Type::kMessage,
            .repeated = true,
            .rules = {Rule::kArray, Rule::kRequired},
            .fields = kAggregation},
      Field{.name = "dimensions", .repeated = true, .rules = {Rule::kArray, Rule::kTexts}},
      Field{.name = "filters", .repeated = true, .rules = {Rule::kArray, Rule::kTexts}},
      Field{.name = "time_interval_seconds", .type = Type::kInt64, .rules = {Rule::kInt}},
      Field{.name = "start_time_ms", .type = Type::kInt64, .rules = {Rule::kInt}},
      Field{.name = "end_time_ms", .type = Type::kInt64, .rules = {Rule::kInt}},
      Field{.name = "max_results", .type = Type::kInt32, .rules = {Rule::kInt}},
      Field{.name = "page_token", .rules = kText}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  tracking::TraceMetricsQuery query;
  query.view = static_cast<TraceView>(message.Int("view_type", 1) - 1);
  for (const Message& each : message.Messages("aggregations")) {
    KEELSON_ASSIGN_OR_RETURN(const TraceAggregation aggregation, ReadAggregation(each));
    query.aggregations.push_back(aggregation);
  }
  KEELSON_RETURN_IF_ERROR(ReadMeasure(message, query));
  KEELSON_RETURN_IF_ERROR(ReadTimes(message, query));
  KEELSON_ASSIGN_OR_RETURN(query.experiments, ExperimentNumbers(message.Texts("experiment_ids")));
  for (const std::string& filter : message.Texts("filters")) {
    KEELSON_RETURN_IF_ERROR(AddMetricsFilter(filter, query));
  }
  // As with SQL's LIMIT: what is less than nothing is no limit.
  const std::int64_t at_most = message.Int("max_results", kPoints);
  if (at_most >= 0) query.at_most = static_cast<std::size_t>(at_most);
  KEELSON_ASSIGN_OR_RETURN(auto points, services.traces.Metrics(query));
  std::erase_if(points, [](const auto& point) {  // one that has no value at all is none
    return std::ranges::none_of(point.values, [](const auto& value) { return value.has_value(); });
  });
  JsonWriter json;
  json.Open('{');
  if (!points.empty()) {
    json.Key("data_points").Open('[');
    for (const auto& point : points) KEELSON_RETURN_IF_ERROR(WritePoint(json, message, query, point));
    json.Close(']');
  }
  return JsonAnswer(json.Close('}').Take());
}

}  // namespace keelson::wire::mlflow
