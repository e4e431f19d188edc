// Assessments of traces.
#include <fmt/format.h>

#include <array>

#include "tracking/python_json.h"
#include "wire/mlflow/limits.h"
#include "wire/mlflow/services.h"
#include "wire/mlflow/trace_answer.h"
#include "wire/mlflow/trace_fields.h"

namespace keelson::wire::mlflow {
namespace {

using tracking::AssessmentRecord;
using tracking::OrderedJson;
using tracking::PythonJson;

constexpr std::string_view kSourceRun = "mlflow.assessment.sourceRunId";
constexpr std::size_t kLongestName = 250;
constexpr std::size_t kLongestStack = 10'000;

std::unexpected<Error> Invalid(std::string message) {
  return Fail(ErrorCode::kInvalidArgument, std::move(message));
}

// Numbers of protobuf's values are all floats.
OrderedJson AsValue(const nlohmann::json& value) {
  if (value.is_number()) return value.get<double>();
  if (value.is_array()) {
    OrderedJson array = OrderedJson::array();
    for (const auto& each : value) array.push_back(AsValue(each));
    return array;
  }
  if (value.is_object()) {
    OrderedJson object = OrderedJson::object();
    for (const auto& [key, each] : value.items()) object[key] = AsValue(each);
    return object;
  }
  return OrderedJson(value);
}

std::string SourceOf(const Message& source) {
  return std::string(kSourceTypes.at(static_cast<std::size_t>(source.Int("source_type"))));
}

}  // namespace

Result<std::string> ReadExpectation(const Message& message) {
  const Message expectation = message.Inner("expectation");
  if (expectation.Has("serialized_value")) {
    const Message serialized = expectation.Inner("serialized_value");
    if (serialized.Text("serialization_format") != "JSON_FORMAT") {
      return Invalid(fmt::format("Unknown serialization format: {}. Only JSON_FORMAT is supported.",
                                 serialized.Text("serialization_format")));
    }
    const auto value = tracking::ParseOrdered(serialized.Text("value"));
    if (value.is_discarded()) return Invalid("The serialized value of an expectation must be JSON.");
    if (value.is_null()) return Invalid("The `value` field must be specified.");
    return PythonJson(value, true);
  }
  if (expectation.Value("value").is_null()) return Invalid("The `value` field must be specified.");
  return PythonJson(AsValue(expectation.Value("value")), true);
}

std::string ReadFeedback(const Message& message) {
  return PythonJson(AsValue(message.Inner("feedback").Value("value")), true);
}

std::optional<std::string> ReadFeedbackError(const Message& message) {
  const Message feedback = message.Inner("feedback");
  if (!feedback.Has("error")) return std::nullopt;
  const Message error = feedback.Inner("error");
  OrderedJson json = OrderedJson::object();
  json["error_code"] = error.Text("error_code");
  if (!error.Text("error_message").empty()) json["error_message"] = error.Text("error_message");
  std::string stack = error.Text("stack_trace");
  if (stack.size() > kLongestStack) {
    constexpr std::string_view kCut = "[Stack trace is truncated]\n...\n";
    std::size_t from = stack.size() - (kLongestStack - kCut.size());
    while (from < stack.size() && (static_cast<unsigned char>(stack[from]) & 0xc0) == 0x80) ++from;
    stack = std::string(kCut) + stack.substr(from);
  }
  if (!stack.empty()) json["stack_trace"] = stack;
  return PythonJson(json, true);
}

Result<AssessmentRecord> ReadAssessment(const Message& message, std::int64_t now_ms) {
  AssessmentRecord record;
  record.id = message.Text("assessment_id");
  record.name = message.Text("assessment_name");
  KEELSON_RETURN_IF_ERROR(CheckLength("Assessment ID", kLongestName, record.id));
  KEELSON_RETURN_IF_ERROR(CheckLength("Assessment name", kLongestName, record.name));
  record.trace_id = message.Text("trace_id");
  record.span_id = message.Text("span_id");
  record.source_type = SourceOf(message.Inner("source"));
  record.source_id = message.Inner("source").Text("source_id");
  record.created_ms = message.Int("create_time");
  record.updated_ms = message.Int("last_update_time");
  if (record.created_ms == 0) record.created_ms = now_ms;
  if (record.updated_ms == 0) record.updated_ms = now_ms;
  if (!message.Text("rationale").empty()) record.rationale = message.Text("rationale");
  record.metadata = message.Map("metadata");
  record.run_id = tracking::TraceRecord::Find(record.metadata, kSourceRun).value_or("");
  record.overrides = message.Text("overrides");
  if (message.Has("issue")) {
    record.kind = "issue";
    record.overrides.clear();
    record.value = PythonJson(OrderedJson{{"issue_name", message.Inner("issue").Text("issue_name")}}, true);
  } else if (message.Has("expectation")) {
    record.kind = "expectation";
    record.overrides.clear();
    record.rationale.reset();
    KEELSON_ASSIGN_OR_RETURN(record.value, ReadExpectation(message));
  } else if (message.Has("feedback")) {
    record.kind = "feedback";
    record.value = ReadFeedback(message);
    record.error = ReadFeedbackError(message);
  } else {
    return Invalid("Unknown assessment type: None");
  }
  return record;
}

Answered CreateAssessment(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {
      Field{.name = "assessment", .type = Type::kMessage, .rules = {Rule::kRequired}, .fields = kAssessmentFields}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  KEELSON_ASSIGN_OR_RETURN(AssessmentRecord record,
                           ReadAssessment(message.Inner("assessment"), services.assessments.NowMillis()));
  record.trace_id = asked.parts.at(0);
  KEELSON_ASSIGN_OR_RETURN(const auto created, services.assessments.Create(std::move(record)));
  return OneAnswer("assessment", created);
}

Answered GetAssessment(Services& services, const Asked& asked) {
  KEELSON_ASSIGN_OR_RETURN(const auto found, services.assessments.Get(asked.parts.at(0), asked.parts.at(1)));
  return OneAnswer("assessment", found);
}

Answered UpdateAssessment(Services& services, const Asked& asked) {
  static constexpr std::array kFields = {
      Field{.name = "assessment", .type = Type::kMessage, .rules = {Rule::kRequired}, .fields = kAssessmentFields},
      Field{.name = "update_mask", .type = Type::kMask, .rules = {Rule::kRequired}}};
  KEELSON_ASSIGN_OR_RETURN(const Message message, ReadRequest(asked.http, kFields));
  const Message given = message.Inner("assessment");
  tracking::Assessments::Change change;
  for (const std::string& field : message.Texts("update_mask")) {
    if (field == "assessment_name") change.name = given.Text("assessment_name");
    if (field == "rationale") change.rationale = given.Text("rationale");
    if (field == "metadata") change.metadata = given.Map("metadata");
    if (field == "feedback") {
      change.feedback = ReadFeedback(given);
      change.error = ReadFeedbackError(given);
    }
    if (field == "expectation") {
      KEELSON_ASSIGN_OR_RETURN(change.expectation, ReadExpectation(given));
    }
  }
  KEELSON_ASSIGN_OR_RETURN(const auto updated,
                           services.assessments.Update(asked.parts.at(0), asked.parts.at(1), change));
  return OneAnswer("assessment", updated);
}

Answered DeleteAssessment(Services& services, const Asked& asked) {
  KEELSON_RETURN_IF_ERROR(services.assessments.Delete(asked.parts.at(0), asked.parts.at(1)));
  return EmptyAnswer();
}

}  // namespace keelson::wire::mlflow
