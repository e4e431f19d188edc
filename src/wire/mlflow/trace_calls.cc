// Traces.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "tracking/python_json.h"
#include "wire/mlflow/limits.h"
#include "wire/mlflow/services.h"
#include "wire/mlflow/trace_answer.h"
#include "wire/mlflow/trace_fields.h"
#include "wire/mlflow/trace_filter.h"

namespace keelson::wire::mlflow {
namespace {

using tracking::TraceRecord;

constexpr std::size_t kLinksAtOnce = 100;
constexpr std::size_t kLongestKey = 250;

std::unexpected<Error> Invalid(std::string message) {
  return Fail(ErrorCode::kInvalidArgument, std::move(message));
}

constexpr std::array kExperimentFields = {Field{.name = "experiment_id"}};
constexpr std::array<std::string_view, 3> kLocationTypes = {"TRACE_LOCATION_TYPE_UNSPECIFIED", "MLFLOW_EXPERIMENT",
                                                            "INFERENCE_TABLE"};
constexpr std::array kLocationFields = {
    Field{.name = "type", .type = Type::kEnum, .enum_names = kLocationTypes, .enum_first = 0},
    Field{.name = "mlflow_experiment", .type = Type::kMessage, .fields = kExperimentFields}};
constexpr std::array<std::string_view, 4> kStates = {"STATE_UNSPECIFIED", "OK", "ERROR", "IN_PROGRESS"};
constexpr std::array kInfoFields = {
    Field{.name = "trace_id"},
    Field{.name = "client_request_id"},
    Field{.name = "trace_location", .type = Type::kMessage, .fields = kLocationFields},
    Field{.name = "request_preview"},
    Field{.name = "response_preview"},
    Field{.name = "request_time", .type = Type::kTime},
    Field{.name = "execution_duration", .type = Type::kSpanOfTime},
    Field{.name = "state", .type = Type::kEnum, .enum_names = kStates, .enum_first = 0},
    Field{.name = "trace_metadata", .type = Type::kMap},
    Field{.name = "assessments", .type = Type::kMessage, .repeated = true, .fields = kAssessmentFields},
    Field{.name = "tags", .type = Type::kMap}};
constexpr std::array kTraceFields = {Field{.name = "trace_info", .type = Type::kMessage, .fields = kInfoFields}};

constexpr std::array kTagFields = {Field{.name = "key", .rules = kTextRequired},
                                   Field{.name = "value", .rules = kText}};
constexpr std::array kIdsFields = {
    Field{.name = "trace_ids", .repeated = true, .rules = {Rule::kArray, Rule::kRequired, Rule::kTexts}},
    Field{.name = "experiment_ids", .repeated = true, .rules = {Rule::kArray, Rule::kTexts}}};

// {"trace": {"trace_info": ...}}
io::HttpResponse InfoAnswer(const TraceRecord& trace) {
  JsonWriter json;
  json.Open('{').Key("trace").Open('{').Key("trace_info");
  Write(json, trace);
  return JsonAnswer(json.Close('}').Close('}').Take());
}

Result<std::optional<std::vector<std::int64_t>>> ReadScope(const Message& message) {
  if (!message.Has("experiment_ids")) return std::nullopt;
  KEELSON_ASSIGN_OR_RETURN(auto experiments, ExperimentNumbers(message.Texts("experiment_ids")));
  return experiments;
}

enum class Completeness { kWhole, kPartial, kElsewhere };  // kElsewhere: the spans are files that the client wrote

Completeness CompletenessOf(const tracking::WholeTrace& whole) {
  if (TraceRecord::Find(whole.trace.tags, tracking::kTraceSpansLocation) != "TRACKING_STORE") {
    return Completeness::kElsewhere;
  }
  const auto stats = TraceRecord::Find(whole.trace.metadata, tracking::kTraceSizeStats);
  std::size_t wanted = 0;
  if (stats) {
    const auto json = tracking::ParseOrdered(*stats);
    const auto found = json.is_object() ? json.find("num_spans") : json.end();
    if (found != json.end() && found->is_number_unsigned()) wanted = found->get<std::size_t>();
  }
  return whole.spans.empty() || whole.spans.size() < wanted ? Completeness::kPartial : Completeness::kWhole;
}

std::unexpected<Error> SpansElsewhere() {
  return Fail(ErrorCode::kInternal, "Trace data not stored in tracking store");
}

// What the server says of a trace is not for clients to change.
Status CheckMutable(std::string_view key, std::string_view operation) {
  const bool failure = key == "mlflow.trace.archivalFailure";
  const bool blocked = failure || key == tracking::kTraceSpansLocation || key == "mlflow.trace.archiveLocation";
  if (!blocked || (failure && operation == "deleted")) return {};
  return Invalid(fmt::format("Tag '{}' is immutable and cannot be {} on a trace.", key, operation));
}

// How much two filters have in common, from -1 (never together) to 1 (always); NaN where that cannot be said.
double MutualInformation(const tracking::Traces::Counts& counts, double smoothing) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto number = [](std::int64_t count) { return static_cast<double>(count); };
  const double both = number(counts.both);
  const double only_first = number(counts.first - counts.both);
  const double only_second = number(counts.second - counts.both);
  const double neither = number(counts.all - counts.first - counts.second + counts.both);
  if (counts.all <= 0 || counts.first == 0 || counts.second == 0) return nan;
  if (std::min({both, only_first, only_second, neither}) < 0) return nan;
  if (smoothing == 0 && counts.both == 0) return -1;
  if (only_first == 0 && only_second == 0 && neither == 0) return 1;
  // In the reference's order of adding, which decides about the last bits.
  const double joint = both + smoothing;
  const double all = joint + (only_first + smoothing) + (only_second + smoothing) + (neither + smoothing);
  const double first = joint + (only_first + smoothing);
  const double second = joint + (only_second + smoothing);
  const double shared = (std::log(joint) + std::log(all)) - (std::log(first) + std::log(second));
  return std::clamp(shared / -(std::log(joint) - std::log(all)), -1.0, 1.0);
}

}  // namespace

tracking::Pairs WithShortKeys(tracking::Pairs pairs) {
  for (auto& [key, value] : pairs) CutTo(key, kLongestKey);
  return pairs;
}

Result<tracking::TraceSearch> ReadTraceSearch(const Message& message) {
  tracking::TraceSearch search;
  search.at_most = message.Int("max_results", 100);
  KEELSON_RETURN_IF_ERROR(CheckPageSize(search.at_most));
  KEELSON_ASSIGN_OR_RETURN(search.order, ParseTraceOrders(message.Texts("order_by")));
  KEELSON_ASSIGN_OR_RETURN(search.conditions, ParseTraceFilter(message.Text("filter")));
  search.page = message.Text("page_token");
  return search;
}

Answered StartTrace(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {
      Field{.name = "trace", .type = Type::kMessage, .rules = {Rule::kRequired}, .fields = kTraceFields}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  const Message info = message.Inner("trace").Inner("trace_info");
  TraceRecord trace;
  trace.id = info.Text("trace_id");
  KEELSON_RETURN_IF_ERROR(CheckLength("Trace ID", kLongestKey, trace.id));
  trace.tags = WithShortKeys(info.Map("tags"));
  trace.metadata = WithShortKeys(info.Map("trace_metadata"));
  const Message location = info.Inner("trace_location");
  if (!location.Has("mlflow_experiment")) return Invalid("The location of a trace must be an MLflow experiment.");
  KEELSON_ASSIGN_OR_RETURN(trace.experiment_id,
                           ExperimentNumber(location.Inner("mlflow_experiment").Text("experiment_id")));
  KEELSON_RETURN_IF_ERROR(CheckTrace(trace.tags, trace.metadata));
  trace.started_ms = info.Int("request_time");
  if (info.Has("execution_duration")) trace.duration_ms = info.Int("execution_duration");
  trace.state = kStates.at(static_cast<std::size_t>(info.Int("state")));
  trace.client_request_id = info.OptionalText("client_request_id");
  trace.request_preview = info.OptionalText("request_preview");
  trace.response_preview = info.OptionalText("response_preview");
  for (const Message& each : info.Messages("assessments")) {
    KEELSON_ASSIGN_OR_RETURN(auto assessment, ReadAssessment(each, services.assessments.NowMillis()));
    trace.assessments.push_back(std::move(assessment));
  }
  KEELSON_ASSIGN_OR_RETURN(const auto started, services.traces.Start(trace));
  return InfoAnswer(started);
}

Answered GetTraceInfo(Services& services, const Asked& asked) {
  KEELSON_ASSIGN_OR_RETURN(const auto trace, services.traces.Get(asked.parts.at(0)));
  return InfoAnswer(trace);
}

Answered GetTrace(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {Field{.name = "trace_id", .rules = kTextRequired},
                                         Field{.name = "allow_partial", .type = Type::kBool, .rules = {Rule::kBool}}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  const std::string id = message.Text("trace_id");
  KEELSON_ASSIGN_OR_RETURN(const auto found, services.traces.GetWhole({id}, std::nullopt));
  if (found.empty()) return Fail(ErrorCode::kNotFound, fmt::format("Trace with ID {} is not found.", id));
  const Completeness completeness = CompletenessOf(found[0]);
  if (completeness == Completeness::kElsewhere) return SpansElsewhere();
  if (completeness == Completeness::kPartial && !message.Bool("allow_partial")) {
    return Fail(ErrorCode::kNotFound,
                fmt::format("Trace with ID {} is not fully exported yet, please try again later.", id));
  }
  return OneAnswer("trace", found[0]);
}

Answered BatchGetTraces(Services& services, const Asked& asked) {
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kIdsFields));
  KEELSON_ASSIGN_OR_RETURN(const auto scope, ReadScope(message));
  KEELSON_ASSIGN_OR_RETURN(auto found, services.traces.GetWhole(message.Texts("trace_ids"), scope));
  for (const auto& trace : found) {
    if (CompletenessOf(trace) == Completeness::kElsewhere) return SpansElsewhere();
  }
  std::erase_if(found, [](const auto& trace) { return CompletenessOf(trace) == Completeness::kPartial; });
  JsonWriter json;
  json.Open('{');
  WriteAll(json, "traces", found);
  return JsonAnswer(json.Close('}').Take());
}

Answered BatchGetTraceInfos(Services& services, const Asked& asked) {
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kIdsFields));
  KEELSON_ASSIGN_OR_RETURN(const auto scope, ReadScope(message));
  KEELSON_ASSIGN_OR_RETURN(const auto found, services.traces.GetAll(message.Texts("trace_ids"), scope));
  JsonWriter json;
  json.Open('{');
  WriteAll(json, "trace_infos", found);
  return JsonAnswer(json.Close('}').Take());
}

Answered SearchTraces(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {
      Field{.name = "locations",
            .type = Type::kMessage,
            .repeated = true,
            .rules = {Rule::kArray, Rule::kRequired},
            .fields = kLocationFields},
      Field{.name = "filter", .rules = kText},
      Field{.name = "max_results", .type = Type::kInt32, .rules = {Rule::kInt}, .at_most = 500}, kOrderBy,
      Field{.name = "page_token", .rules = kText}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  std::vector<std::string> ids;
  for (const Message& location : message.Messages("locations")) {
    if (location.Has("mlflow_experiment")) ids.push_back(location.Inner("mlflow_experiment").Text("experiment_id"));
  }
  KEELSON_ASSIGN_OR_RETURN(const auto search, ReadTraceSearch(message));
  KEELSON_ASSIGN_OR_RETURN(const auto experiments, ExperimentNumbers(ids));
  KEELSON_ASSIGN_OR_RETURN(const auto page, services.traces.Find(experiments, search));
  return PageAnswer("traces", page);
}

Answered DeleteTraces(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {
      Field{.name = "experiment_id", .rules = kTextRequired},
      Field{.name = "max_timestamp_millis", .type = Type::kInt64, .rules = {Rule::kInt}},
      Field{.name = "max_traces", .type = Type::kInt32, .rules = {Rule::kInt}},
      Field{.name = "request_ids", .repeated = true, .rules = {Rule::kArray, Rule::kTexts}}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  tracking::Traces::Deletion which;
  which.ids = message.Texts("request_ids");
  if (message.Has("max_timestamp_millis")) which.until_ms = message.Int("max_timestamp_millis");
  if (message.Has("max_traces")) which.at_most = message.Int("max_traces");
  if (!which.until_ms && which.ids.empty()) {
    return Invalid("Either `max_timestamp_millis` or `trace_ids` must be specified.");
  }
  if (which.until_ms && !which.ids.empty()) {
    return Invalid("Only one of `max_timestamp_millis` and `trace_ids` can be specified.");
  }
  if (which.at_most && !which.ids.empty()) {
    return Invalid("`max_traces` can't be specified if `trace_ids` is specified.");
  }
  if (which.at_most && *which.at_most <= 0) {
    return Invalid(fmt::format("`max_traces` must be a positive integer, received {}.", *which.at_most));
  }
  KEELSON_ASSIGN_OR_RETURN(which.experiment_id, ExperimentNumber(message.Text("experiment_id")));
  KEELSON_ASSIGN_OR_RETURN(const std::int64_t gone, services.traces.Delete(which));
  return JsonAnswer(fmt::format("{{\"traces_deleted\":{}}}", gone));
}

Answered SetTraceTag(Services& services, const Asked& asked) {
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kTagFields));
  const std::string key = message.Text("key");
  std::string value = message.Text("value");
  KEELSON_RETURN_IF_ERROR(CheckMutable(key, "set"));
  KEELSON_RETURN_IF_ERROR(CheckTag(key, ""));
  CutTag(value);
  if (key == tracking::kTraceName) KEELSON_RETURN_IF_ERROR(CheckTraceName(value));
  KEELSON_RETURN_IF_ERROR(services.traces.SetTag(asked.parts.at(0), key, value));
  return EmptyAnswer();
}

Answered DeleteTraceTag(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {Field{.name = "key", .rules = kTextRequired}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  KEELSON_RETURN_IF_ERROR(CheckMutable(message.Text("key"), "deleted"));
  KEELSON_RETURN_IF_ERROR(services.traces.DeleteTag(asked.parts.at(0), message.Text("key")));
  return EmptyAnswer();
}

Answered LinkTracesToRun(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {
      Field{.name = "trace_ids", .repeated = true, .rules = {Rule::kArray, Rule::kRequired, Rule::kTexts}},
      Field{.name = "run_id", .rules = kTextRequired}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  const auto ids = message.Texts("trace_ids");
  if (ids.size() > kLinksAtOnce) {
    return Invalid(fmt::format("Cannot link more than {} traces to a run in a single request. Provided {} traces.",
                               kLinksAtOnce, ids.size()));
  }
  KEELSON_RETURN_IF_ERROR(CheckLength("Run ID", kLongestKey, message.Text("run_id")));
  KEELSON_RETURN_IF_ERROR(services.traces.LinkRun(ids, message.Text("run_id")));
  return EmptyAnswer();
}

Answered LinkPromptsToTrace(Services& services, const Asked& asked) {
  static constexpr std::array kPrompt = {Field{.name = "name"}, Field{.name = "version"}};
  static constexpr std::array kFields = {Field{.name = "trace_id", .rules = kTextRequired},
                                         Field{.name = "prompt_versions",
                                               .type = Type::kMessage,
                                               .repeated = true,
                                               .rules = {Rule::kArray, Rule::kRequired},
                                               .fields = kPrompt}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  std::vector<std::string> prompts;
  for (const Message& prompt : message.Messages("prompt_versions")) {
    KEELSON_ASSIGN_OR_RETURN(const std::int64_t version, VersionNumber(prompt.Text("version")));
    KEELSON_RETURN_IF_ERROR(CheckLength("Prompt name", kLongestKey, prompt.Text("name")));
    prompts.push_back(fmt::format("{}/{}", prompt.Text("name"), version));
  }
  if (prompts.empty()) return EmptyAnswer();
  KEELSON_RETURN_IF_ERROR(services.traces.LinkPrompts(message.Text("trace_id"), prompts));
  return EmptyAnswer();
}

Answered CorrelateTraceFilters(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {
      Field{.name = "experiment_ids", .repeated = true, .rules = {Rule::kArray, Rule::kRequired, Rule::kTexts}},
      Field{.name = "filter_string1", .rules = kTextRequired}, Field{.name = "filter_string2", .rules = kTextRequired},
      Field{.name = "base_filter", .rules = kText}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  KEELSON_ASSIGN_OR_RETURN(const auto experiments, ExperimentNumbers(message.Texts("experiment_ids")));
  // Each filter is read behind the base, so that the first mistake of both is the one that is told.
  const std::string base_text = message.Text("base_filter");
  const std::string before = base_text.empty() ? "" : base_text + " and ";
  KEELSON_ASSIGN_OR_RETURN(const auto first, ParseTraceFilter(before + message.Text("filter_string1")));
  KEELSON_ASSIGN_OR_RETURN(const auto second, ParseTraceFilter(before + message.Text("filter_string2")));
  KEELSON_ASSIGN_OR_RETURN(const auto base, ParseTraceFilter(base_text));
  KEELSON_ASSIGN_OR_RETURN(const auto counts, services.traces.Count(experiments, base, first, second));
  constexpr double kPrior = 0.5;
  JsonWriter json;
  json.Open('{');
  // What cannot be said is left out.
  const double plain = MutualInformation(counts, 0);
  const double smoothed = MutualInformation(counts, kPrior);
  if (!std::isnan(plain)) json.Key("npmi").Double(plain);
  if (!std::isnan(smoothed)) json.Key("npmi_smoothed").Double(smoothed);
  json.Int("filter1_count", counts.first).Int("filter2_count", counts.second);
  json.Int("joint_count", counts.both).Int("total_count", counts.all);
  return JsonAnswer(json.Close('}').Take());
}

Answered GetTraceArtifact(Services& services, const Asked& asked) {
  std::string id;
  std::string path;
  for (const auto& [key, value] : QueryPairs(asked.http.query)) {
    if (key == "request_id" && id.empty()) id = value;
    if (key == "path" && path.empty()) path = value;
  }
  if (id.empty()) return Invalid("Request must include the \"request_id\" query parameter.");
  KEELSON_ASSIGN_OR_RETURN(const auto found, services.traces.GetWhole({id}, std::nullopt));
  if (found.empty()) return Fail(ErrorCode::kNotFound, fmt::format("Trace with ID {} is not found.", id));
  const std::string uri = TraceRecord::Find(found[0].trace.tags, tracking::kTraceArtifactLocation).value_or("");
  if (!path.empty()) return SendArtifact(services, uri, "attachments/" + path);
  if (CompletenessOf(found[0]) == Completeness::kElsewhere) return SendArtifact(services, uri, "traces.json");
  io::HttpResponse response;
  response.content_type = "application/json";
  response.headers.emplace_back("content-disposition", "attachment; filename=traces.json");
  response.headers.emplace_back("x-content-type-options", "nosniff");
  response.body = fmt::format("{{\"spans\":[{}]}}", fmt::join(found[0].spans, ","));
  return response;
}

}  // namespace keelson::wire::mlflow
