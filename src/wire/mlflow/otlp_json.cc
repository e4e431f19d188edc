// OTLP as JSON.
#include <limits>

#include "base/base64.h"
#include "base/json_depth.h"
#include "base/strings.h"
#include "wire/mlflow/otlp.h"

namespace keelson::wire::mlflow {
namespace {

using Json = nlohmann::json;
using tracking::OrderedJson;

constexpr std::size_t kDeepestBody = 150;
constexpr int kDeepest = 32;  // values within values

// A member by its name in camelCase or, as protobuf reads it too, with '_'.
const Json& Part(const Json& object, const char* name, const char* other) {
  static const Json kNull;
  if (!object.is_object()) return kNull;
  auto found = object.find(name);
  if (found == object.end()) found = object.find(other);
  return found == object.end() ? kNull : *found;
}

bool ReadText(const Json& value, std::string& text) {
  if (value.is_null()) return true;
  if (!value.is_string()) return false;
  text = value.get<std::string>();
  return true;
}

bool ReadId(const Json& value, std::string& id) {
  std::string text;
  if (!ReadText(value, text)) return false;
  auto bytes = HexDecode(text);
  if (!bytes) return false;
  id = *std::move(bytes);
  return true;
}

bool ReadNanos(const Json& value, std::uint64_t& nanos) {
  if (value.is_null()) return true;
  if (value.is_number_unsigned()) {
    nanos = value.get<std::uint64_t>();
    return true;
  }
  if (!value.is_string()) return false;
  const auto number = ParseInt(value.get_ref<const std::string&>());
  if (number && *number >= 0) nanos = static_cast<std::uint64_t>(*number);
  return number && *number >= 0;
}

bool ReadPairs(const Json& list, int depth, OtlpAttributeList& pairs);

bool ReadDouble(const Json& value, OrderedJson& to) {
  if (value.is_number()) {
    to = value.get<double>();
    return true;
  }
  const double infinity = std::numeric_limits<double>::infinity();
  if (value == "NaN") {
    to = std::numeric_limits<double>::quiet_NaN();
  } else if (value == "Infinity" || value == "-Infinity") {
    to = value == "Infinity" ? infinity : -infinity;
  } else {
    const auto number = value.is_string() ? ParseDouble(value.get_ref<const std::string&>()) : std::nullopt;
    if (!number) return false;
    to = *number;
  }
  return true;
}

bool ReadWhole(const Json& value, OrderedJson& to) {
  if (value.is_number_unsigned() && value > std::numeric_limits<std::int64_t>::max()) return false;
  if (value.is_number_integer()) {
    to = value.get<std::int64_t>();
    return true;
  }
  const auto number = value.is_string() ? ParseInt(value.get_ref<const std::string&>()) : std::nullopt;
  if (number) to = *number;
  return number.has_value();
}

bool ReadAny(const Json& any, int depth, OrderedJson& to) {
  if (any.is_null()) return true;
  if (!any.is_object() || depth > kDeepest) return false;
  if (const Json& text = Part(any, "stringValue", "string_value"); !text.is_null()) {
    if (text.is_string()) to = text.get<std::string>();
    return text.is_string();
  }
  if (const Json& truth = Part(any, "boolValue", "bool_value"); !truth.is_null()) {
    if (truth.is_boolean()) to = truth.get<bool>();
    return truth.is_boolean();
  }
  if (const Json& whole = Part(any, "intValue", "int_value"); !whole.is_null()) return ReadWhole(whole, to);
  if (const Json& number = Part(any, "doubleValue", "double_value"); !number.is_null()) return ReadDouble(number, to);
  if (const Json& bytes = Part(any, "bytesValue", "bytes_value"); !bytes.is_null()) {
    const auto decoded = bytes.is_string() ? Base64Decode(bytes.get_ref<const std::string&>()) : std::nullopt;
    if (decoded) to = OrderedJson::binary({decoded->begin(), decoded->end()});
    return decoded.has_value();
  }
  if (const Json& array = Part(any, "arrayValue", "array_value"); !array.is_null()) {
    to = OrderedJson::array();
    const Json& values = Part(array, "values", "values");
    if (!values.is_null() && !values.is_array()) return false;
    for (const Json& value : values) {
      OrderedJson each;
      if (!ReadAny(value, depth + 1, each)) return false;
      to.push_back(std::move(each));
    }
    return array.is_object();
  }
  if (const Json& object = Part(any, "kvlistValue", "kvlist_value"); !object.is_null()) {
    OtlpAttributeList pairs;
    if (!object.is_object() || !ReadPairs(Part(object, "values", "values"), depth + 1, pairs)) return false;
    to = ToObject(pairs.Take());
  }
  return true;
}

bool ReadPairs(const Json& list, int depth, OtlpAttributeList& pairs) {
  if (list.is_null()) return true;
  if (!list.is_array()) return false;
  for (const Json& pair : list) {
    std::string key;
    OrderedJson value;
    if (!pair.is_object() || !ReadText(Part(pair, "key", "key"), key)) return false;
    if (!ReadAny(Part(pair, "value", "value"), depth, value)) return false;
    if (!pairs.Add(std::move(key), std::move(value))) return false;
  }
  return true;
}

bool ReadAttributes(const Json& of, OtlpAttributes& attributes) {
  OtlpAttributeList pairs;
  if (!ReadPairs(Part(of, "attributes", "attributes"), 0, pairs)) return false;
  attributes = pairs.Take();
  return true;
}

// Calls `read` on each item; false when it is no list or one is malformed.
template <typename Read>
bool ForEach(const Json& list, const Read& read) {
  if (list.is_null()) return true;
  if (!list.is_array()) return false;
  for (const Json& item : list) {
    if (!item.is_object() || !read(item)) return false;
  }
  return true;
}

bool ReadStatus(const Json& status, OtlpSpan& span) {
  if (!status.is_null() && !status.is_object()) return false;
  const Json& code = Part(status, "code", "code");
  if (code == 1 || code == "STATUS_CODE_OK") span.status = 1;
  if (code == 2 || code == "STATUS_CODE_ERROR") span.status = 2;
  return ReadText(Part(status, "message", "message"), span.message);
}

bool ReadSpan(const Json& json, OtlpSpan& span) {
  return ReadId(Part(json, "traceId", "trace_id"), span.trace_id) &&
         ReadId(Part(json, "spanId", "span_id"), span.span_id) &&
         ReadId(Part(json, "parentSpanId", "parent_span_id"), span.parent_id) &&
         ReadText(Part(json, "name", "name"), span.name) &&
         ReadNanos(Part(json, "startTimeUnixNano", "start_time_unix_nano"), span.started_ns) &&
         ReadNanos(Part(json, "endTimeUnixNano", "end_time_unix_nano"), span.ended_ns) &&
         ReadAttributes(json, span.attributes) && ReadStatus(Part(json, "status", "status"), span) &&
         ForEach(Part(json, "events", "events"),
                 [&](const Json& each) {
                   OtlpEvent& event = span.events.emplace_back();
                   return ReadText(Part(each, "name", "name"), event.name) &&
                          ReadNanos(Part(each, "timeUnixNano", "time_unix_nano"), event.time_ns) &&
                          ReadAttributes(each, event.attributes);
                 }) &&
         ForEach(Part(json, "links", "links"), [&](const Json& each) {
           OtlpLink& link = span.links.emplace_back();
           return ReadId(Part(each, "traceId", "trace_id"), link.trace_id) &&
                  ReadId(Part(each, "spanId", "span_id"), link.span_id) && ReadAttributes(each, link.attributes);
         });
}

}  // namespace

Result<std::vector<OtlpResource>> ParseOtlpJson(std::string_view text) {
  const auto malformed = [] { return Fail(ErrorCode::kInvalidArgument, "Invalid OpenTelemetry format"); };
  if (JsonDepth(text) > kDeepestBody) return malformed();
  const Json body = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!body.is_object()) return malformed();
  std::vector<OtlpResource> resources;
  const bool ok = ForEach(Part(body, "resourceSpans", "resource_spans"), [&](const Json& each) {
    OtlpResource& resource = resources.emplace_back();
    const Json& of = Part(each, "resource", "resource");
    return (of.is_null() || of.is_object()) && ReadAttributes(of, resource.attributes) &&
           ForEach(Part(each, "scopeSpans", "scope_spans"), [&](const Json& scope) {
             return ForEach(Part(scope, "spans", "spans"),
                            [&](const Json& span) { return ReadSpan(span, resource.spans.emplace_back()); });
           });
  });
  if (!ok) return malformed();
  return resources;
}

}  // namespace keelson::wire::mlflow
