// Histories of metrics.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "wire/mlflow/answer.h"
#include "wire/mlflow/fields.h"
#include "wire/mlflow/limits.h"
#include "wire/mlflow/services.h"

namespace keelson::wire::mlflow {
namespace {

constexpr std::int64_t kBulkPoints = 25'000;
constexpr std::size_t kRunsOfInterval = 100;
constexpr std::int64_t kPointsOfRun = 2500;

std::unexpected<Error> Invalid(std::string message) {
  return Fail(ErrorCode::kInvalidArgument, std::move(message));
}

void WriteOf(JsonWriter& json, const std::string& run_id, const tracking::MetricPoint& point) {
  json.Open('{').Text("key", point.key).Key("value").Double(point.value);
  json.Int("timestamp", point.time_ms).Int("step", point.step).Text("run_id", run_id).Close('}');
}

// Whole numbers of a query, with the words of the reference where it has any.
Result<std::optional<std::int64_t>> Number(const std::vector<std::pair<std::string, std::string>>& query,
                                           std::string_view name) {
  for (const auto& [key, value] : query) {
    if (key != name) continue;
    if (const auto number = ParseInt(value)) return number;
    return Invalid(fmt::format("Parameter '{}' must be an integer, got '{}'.", name, value));
  }
  return std::nullopt;
}

}  // namespace

Answered GetMetricHistory(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {Field{.name = "run_id", .rules = kTextRequired}, kRunUuidField,
                                         Field{.name = "metric_key", .rules = kTextRequired},
                                         Field{.name = "page_token", .rules = kText},
                                         Field{.name = "max_results", .type = Type::kInt32}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  tracking::Runs::HistoryQuery query{message.RunId(), message.Text("metric_key"), std::nullopt,
                                     message.Text("page_token")};
  if (message.Has("max_results")) {
    query.at_most = message.Int("max_results");
    if (*query.at_most <= 0) {
      return Invalid(fmt::format(
          "Invalid value {} for parameter 'max_results' supplied. It must be a positive integer.", *query.at_most));
    }
  }
  KEELSON_ASSIGN_OR_RETURN(const auto page, services.runs.History(query));
  return PageAnswer("metrics", page);
}

Answered GetMetricHistoryBulk(Services& services, const Asked& asked) {
  const auto query = QueryPairs(asked.http.query);
  std::vector<std::string> runs;
  std::optional<std::string> metric;
  for (const auto& [key, value] : query) {
    if (key == "run_id") runs.push_back(value);
    if (key == "metric_key" && !metric) metric = value;
  }
  if (runs.empty()) return Invalid("GetMetricHistoryBulk request must specify at least one run_id.");
  if (runs.size() > kRunsOfInterval) {
    return Invalid(fmt::format("GetMetricHistoryBulk request cannot specify more than {} run_ids. Received {} run_ids.",
                               kRunsOfInterval, runs.size()));
  }
  if (!metric) return Invalid("GetMetricHistoryBulk request must specify a metric_key.");
  KEELSON_ASSIGN_OR_RETURN(const auto at_most, Number(query, "max_results"));
  std::int64_t left = std::clamp<std::int64_t>(at_most.value_or(kBulkPoints), 0, kBulkPoints);
  std::ranges::sort(runs);
  runs.erase(std::unique(runs.begin(), runs.end()), runs.end());
  JsonWriter json;
  json.Open('{').Key("metrics").Open('[');
  for (const auto& run : runs) {
    if (left == 0) break;
    KEELSON_ASSIGN_OR_RETURN(const auto page, services.runs.History({run, *metric, left, ""}));
    for (const auto& point : page.records) WriteOf(json, run, point);
    left -= static_cast<std::int64_t>(page.records.size());
  }
  return JsonAnswer(json.Close(']').Close('}').Take());
}

Answered GetMetricHistoryBulkInterval(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {
      Field{.name = "run_ids", .repeated = true, .rules = {Rule::kRequired, Rule::kArray, Rule::kTexts}},
      Field{.name = "metric_key", .rules = kRequiredText},
      Field{.name = "start_step", .type = Type::kInt32, .rules = {Rule::kInt}},
      Field{.name = "end_step", .type = Type::kInt32, .rules = {Rule::kInt}},
      Field{.name = "max_results", .type = Type::kInt32, .rules = {Rule::kInt}}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  return GetMetricHistoryBulkInterval(services, message);
}

Answered GetMetricHistoryBulkInterval(Services& services, const Message& message) {
  constexpr std::string_view kSeeDocs = " See the API docs for more information about request parameters.";
  const auto runs = message.Texts("run_ids");
  if (runs.size() > kRunsOfInterval) {
    return Invalid(
        fmt::format("GetMetricHistoryBulkInterval request must specify at most {} run_ids. Received {} "
                    "run_ids.{}",
                    kRunsOfInterval, runs.size(), kSeeDocs));
  }
  const std::int64_t at_most = message.Int("max_results", kPointsOfRun);
  if (at_most < 1 || at_most > kPointsOfRun) {
    return Invalid(fmt::format("max_results must be between 1 and {}.{}", kPointsOfRun, kSeeDocs));
  }
  if (message.Has("start_step") != message.Has("end_step")) {
    return Invalid("If either start step or end step are specified, both must be specified.");
  }
  std::optional<std::pair<std::int64_t, std::int64_t>> steps;
  if (message.Has("start_step")) {
    steps.emplace(message.Int("start_step"), message.Int("end_step"));
    if (steps->first > steps->second) {
      return Invalid(fmt::format("end_step must be greater than start_step. Found start_step={} and end_step={}.",
                                 steps->first, steps->second));
    }
  }
  JsonWriter json;
  json.Open('{');
  bool any = false;
  for (const auto& run : runs) {
    KEELSON_ASSIGN_OR_RETURN(const auto points, services.runs.Sample(run, message.Text("metric_key"), at_most, steps));
    for (const auto& point : points) {
      if (!any) json.Key("metrics").Open('[');
      any = true;
      WriteOf(json, run, point);
    }
  }
  if (any) json.Close(']');
  return JsonAnswer(json.Close('}').Take());
}

}  // namespace keelson::wire::mlflow
