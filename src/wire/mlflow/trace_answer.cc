#include "wire/mlflow/trace_answer.h"

#include "base/base64.h"
#include "base/strings.h"
#include "tracking/python_json.h"
#include "wire/mlflow/limits.h"
#include "wire/mlflow/proto_json.h"

namespace keelson::wire::mlflow {
namespace {

using tracking::OrderedJson;

constexpr std::size_t kMetadataLength = 250;
constexpr std::size_t kTagKeyLength = 250;
constexpr std::size_t kTagValueLength = 4096;

void WriteMap(JsonWriter& json, std::string_view name, const tracking::Pairs& pairs, std::size_t key_length,
              std::size_t value_length) {
  if (pairs.empty()) return;
  json.Key(name).Open('{');
  for (auto [key, value] : pairs) {
    CutTo(key, key_length);
    CutTo(value, value_length);
    json.Text(key, value);
  }
  json.Close('}');
}

void WriteList(JsonWriter& json, std::string_view name, const tracking::Pairs& pairs, std::size_t key_length,
               std::size_t value_length) {
  if (pairs.empty()) return;
  json.Key(name).Open('[');
  for (auto [key, value] : pairs) {
    CutTo(key, key_length);
    CutTo(value, value_length);
    json.Open('{').Text("key", key).Text("value", value).Close('}');
  }
  json.Close(']');
}

void WriteError(JsonWriter& json, const std::string& text) {
  const auto error = tracking::ParseOrdered(text);
  json.Key("error").Open('{');
  for (const auto& [key, value] : error.items()) {
    if (value.is_string()) json.Text(key, value.get<std::string>());
  }
  json.Close('}');
}

// ---- spans ----

void WriteAny(JsonWriter& json, const OrderedJson& value);

void WriteKeyValues(JsonWriter& json, std::string_view name, const OrderedJson& object) {
  json.Key(name).Open('[');
  for (const auto& [key, value] : object.items()) {
    json.Open('{').Text("key", key);
    if (!value.is_null()) {
      json.Key("value");
      WriteAny(json, value);
    }
    json.Close('}');
  }
  json.Close(']');
}

// OTLP's whole numbers have a sign.
bool IsOtlpInt(const OrderedJson& value) {
  return value.is_number_unsigned() ? value.get<std::uint64_t>() <= std::uint64_t{INT64_MAX}
                                    : value.is_number_integer();
}

void WriteAny(JsonWriter& json, const OrderedJson& value) {
  json.Open('{');
  if (value.is_string()) {
    json.Text("string_value", value.get_ref<const std::string&>());
  } else if (value.is_boolean()) {
    json.Key("bool_value").Bool(value.get<bool>());
  } else if (IsOtlpInt(value)) {
    json.Int("int_value", value.get<std::int64_t>());
  } else if (value.is_number()) {
    json.Key("double_value").Double(value.get<double>());
  } else if (value.is_array()) {
    json.Key("array_value").Open('{');
    if (!value.empty()) {
      json.Key("values").Open('[');
      for (const OrderedJson& each : value) WriteAny(json, each);
      json.Close(']');
    }
    json.Close('}');
  } else if (value.is_object()) {
    json.Key("kvlist_value").Open('{');
    if (!value.empty()) WriteKeyValues(json, "values", value);
    json.Close('}');
  }
  json.Close('}');
}

// What a span's attribute means: its text is JSON, or stands for itself.
OrderedJson MeaningOf(const OrderedJson& attribute) {
  if (!attribute.is_string()) return attribute;
  const std::string& text = attribute.get_ref<const std::string&>();
  if (text.empty()) return nullptr;
  OrderedJson meaning = tracking::ParseOrdered(text);
  return meaning.is_discarded() ? attribute : meaning;
}

const OrderedJson& Part(const OrderedJson& object, std::string_view name) {
  static const OrderedJson kNull;
  if (!object.is_object()) return kNull;
  const auto found = object.find(name);
  return found == object.end() ? kNull : *found;
}

std::string TextOf(const OrderedJson& value) {
  return value.is_string() ? value.get<std::string>() : std::string();
}

void WriteEvents(JsonWriter& json, const OrderedJson& events) {
  if (events.empty()) return;
  json.Key("events").Open('[');
  for (const OrderedJson& event : events) {
    json.Open('{');
    const auto& time = Part(event, "time_unix_nano");
    if (time.is_number_integer() && time != 0) json.Int("time_unix_nano", time.get<std::int64_t>());
    const std::string name = TextOf(Part(event, "name"));
    if (!name.empty()) json.Text("name", name);
    const auto& attributes = Part(event, "attributes");
    if (!attributes.empty()) WriteKeyValues(json, "attributes", attributes);
    json.Close('}');
  }
  json.Close(']');
}

void WriteLinks(JsonWriter& json, const OrderedJson& links) {
  if (links.empty()) return;
  json.Key("links").Open('[');
  for (const OrderedJson& link : links) {
    std::string trace = TextOf(Part(link, "trace_id"));
    if (trace.starts_with("tr-")) trace.erase(0, 3);
    json.Open('{').Text("trace_id", Base64Encode(HexDecode(trace).value_or("")));
    json.Text("span_id", Base64Encode(HexDecode(TextOf(Part(link, "span_id"))).value_or("")));
    const auto& attributes = Part(link, "attributes");
    if (!attributes.empty()) WriteKeyValues(json, "attributes", attributes);
    json.Close('}');
  }
  json.Close(']');
}

}  // namespace

void WriteSpan(JsonWriter& json, const std::string& content) {
  const auto span = tracking::ParseOrdered(content);
  const auto number = [&](std::string_view name) {
    const auto& value = Part(span, name);
    if (value.is_number_integer() && value != 0) json.Int(name, value.get<std::int64_t>());
  };
  json.Open('{').Text("trace_id", TextOf(Part(span, "trace_id"))).Text("span_id", TextOf(Part(span, "span_id")));
  const std::string parent = TextOf(Part(span, "parent_span_id"));
  if (!parent.empty()) json.Text("parent_span_id", parent);
  const std::string name = TextOf(Part(span, "name"));
  if (!name.empty()) json.Text("name", name);
  number("start_time_unix_nano");
  number("end_time_unix_nano");
  OrderedJson attributes = OrderedJson::object();
  for (const auto& [key, value] : Part(span, "attributes").items()) attributes[key] = MeaningOf(value);
  if (!attributes.empty()) WriteKeyValues(json, "attributes", attributes);
  WriteEvents(json, Part(span, "events"));
  WriteLinks(json, Part(span, "links"));
  json.Key("status").Open('{');
  const auto& status = Part(span, "status");
  const std::string message = TextOf(Part(status, "message"));
  if (!message.empty()) json.Text("message", message);
  const std::string code = TextOf(Part(status, "code"));
  if (code != "STATUS_CODE_UNSET") json.Text("code", code);
  json.Close('}').Close('}');
}

void Write(JsonWriter& json, const tracking::AssessmentRecord& record) {
  json.Open('{');
  if (!record.id.empty()) json.Text("assessment_id", record.id);
  json.Text("assessment_name", record.name).Text("trace_id", record.trace_id);
  if (!record.span_id.empty()) json.Text("span_id", record.span_id);
  json.Key("source").Open('{').Text("source_type", record.source_type);
  if (!record.source_id.empty()) json.Text("source_id", record.source_id);
  json.Close('}');
  json.Text("create_time", WriteTimestamp(record.created_ms));
  json.Text("last_update_time", WriteTimestamp(record.updated_ms));
  json.Key(record.kind).Open('{');
  const auto value = tracking::ParseOrdered(record.value);
  if (record.kind == "issue") {
    json.Text("issue_name", TextOf(Part(value, "issue_name")));
  } else if (record.kind == "expectation" && !value.is_primitive()) {
    json.Key("serialized_value").Open('{').Text("serialization_format", "JSON_FORMAT");
    json.Text("value", record.value).Close('}');
  } else {
    json.Key("value").Raw(record.value);
    if (record.error) WriteError(json, *record.error);
  }
  json.Close('}');
  if (record.rationale) json.Text("rationale", *record.rationale);
  WriteMap(json, "metadata", record.metadata, std::string::npos, std::string::npos);
  if (!record.overrides.empty()) json.Text("overrides", record.overrides);
  json.Key("valid").Bool(record.valid).Close('}');
}

void Write(JsonWriter& json, const tracking::TraceRecord& trace) {
  json.Open('{').Text("trace_id", trace.id);
  if (trace.client_request_id) json.Text("client_request_id", *trace.client_request_id);
  json.Key("trace_location").Open('{').Text("type", "MLFLOW_EXPERIMENT").Key("mlflow_experiment").Open('{');
  json.Text("experiment_id", std::to_string(trace.experiment_id)).Close('}').Close('}');
  json.Text("request_time", WriteTimestamp(trace.started_ms));
  if (trace.duration_ms) json.Text("execution_duration", WriteSpanOfTime(*trace.duration_ms));
  json.Text("state", trace.state);
  WriteMap(json, "trace_metadata", trace.metadata, kMetadataLength, kMetadataLength);
  WriteAll(json, "assessments", trace.assessments);
  WriteMap(json, "tags", trace.tags, kTagKeyLength, kTagValueLength);
  if (trace.request_preview) json.Text("request_preview", *trace.request_preview);
  if (trace.response_preview) json.Text("response_preview", *trace.response_preview);
  json.Close('}');
}

void WriteOld(JsonWriter& json, const tracking::TraceRecord& trace) {
  json.Open('{').Text("request_id", trace.id).Text("experiment_id", std::to_string(trace.experiment_id));
  json.Int("timestamp_ms", trace.started_ms).Int("execution_time_ms", trace.duration_ms.value_or(0));
  json.Text("status", trace.state == "STATE_UNSPECIFIED" ? "TRACE_STATUS_UNSPECIFIED" : trace.state);
  WriteList(json, "request_metadata", trace.metadata, kMetadataLength, kMetadataLength);
  WriteList(json, "tags", trace.tags, kTagKeyLength, kTagValueLength);
  json.Close('}');
}

void Write(JsonWriter& json, const tracking::WholeTrace& trace) {
  json.Open('{').Key("trace_info");
  Write(json, trace.trace);
  if (!trace.spans.empty()) {
    json.Key("spans").Open('[');
    for (const std::string& span : trace.spans) WriteSpan(json, span);
    json.Close(']');
  }
  json.Close('}');
}

}  // namespace keelson::wire::mlflow
