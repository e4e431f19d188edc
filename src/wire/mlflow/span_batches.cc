#include "wire/mlflow/span_batches.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>

#include "base/base64.h"
#include "base/strings.h"
#include "tracking/trace_usage.h"
#include "wire/mlflow/limits.h"
#include "wire/mlflow/span_dialects.h"
#include "wire/mlflow/span_preview.h"

namespace keelson::wire::mlflow {
namespace {

using tracking::OrderedJson;
using tracking::ParseOrdered;
using tracking::PythonJson;
using tracking::SpanBatch;
using tracking::SpanRecord;

constexpr std::size_t kTraceIdBytes = 16;
constexpr std::size_t kSpanIdBytes = 8;
constexpr std::size_t kSessionIdLength = 250;
constexpr std::string_view kRequestId = "mlflow.traceRequestId";
constexpr std::string_view kTagPrefix = "mlflow.traceTag.";
// Programs whose name is kept with their roots; a free text of a client's is not.
constexpr std::array<std::string_view, 5> kKnownServices = {"claude-code", "codex_cli_rs", "codex_vscode", "gemini-cli",
                                                            "qwen-code"};

std::unexpected<Error> NoSpan() {
  return Fail(ErrorCode::kFailedPrecondition, "Cannot convert OpenTelemetry span to MLflow span");
}

// An id of exactly so many bytes: a shorter one has zeros before it; nothing for a longer one.
std::optional<std::string> Sized(std::string_view id, std::size_t size) {
  while (id.size() > size && id.front() == '\0') id.remove_prefix(1);
  if (id.size() > size) return std::nullopt;
  return std::string(size - id.size(), '\0') + std::string(id);
}

// Bytes as Python writes them: b'\xff'.
std::string PythonBytes(const OrderedJson::binary_t& bytes) {
  const bool has_quote = std::ranges::find(bytes, '\'') != bytes.end();
  const char quote = has_quote && std::ranges::find(bytes, '"') == bytes.end() ? '"' : '\'';
  std::string text = fmt::format("b{}", quote);
  for (const std::uint8_t byte : bytes) {
    const char c = static_cast<char>(byte);
    if (c == quote || c == '\\') {
      text += '\\';
      text += c;
    } else if (c == '\n' || c == '\r' || c == '\t') {
      text += c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t";
    } else if (byte < 0x20 || byte >= 0x7f) {
      text += fmt::format("\\x{:02x}", byte);
    } else {
      text += c;
    }
  }
  return text + quote;
}

// With texts for what JSON has not: bytes, and numbers that are none.
OrderedJson AsJson(OrderedJson value) {
  if (value.is_binary()) return PythonBytes(value.get_binary());
  if (value.is_number_float() && !std::isfinite(value.get<double>())) return PythonJson(value);
  if (value.is_structured()) {
    for (OrderedJson& each : value) each = AsJson(std::move(each));
  }
  return value;
}

// An attribute as text of JSON. MLflow's own clients send texts of JSON already: those are kept as they are.
std::string AttributeOf(const OrderedJson& value) {
  if (value.is_string()) {
    const std::string& text = value.get_ref<const std::string&>();
    const OrderedJson inner = ParseOrdered(text);
    if (inner.is_string() || inner.is_structured()) return text;
  }
  return PythonJson(AsJson(value));
}

OrderedJson AttributesOf(const OtlpSpan& span, const std::string& trace_id, const std::string& service) {
  OtlpAttributeList texts;
  for (const auto& [key, value] : span.attributes) texts.Add(key, AttributeOf(value));
  texts.Add(std::string(kRequestId), PythonJson(OrderedJson(trace_id)));
  if (span.parent_id.empty() && !service.empty()) texts.Add("service.name", PythonJson(OrderedJson(service)));
  OrderedJson attributes = ToObject(texts.Take());
  TranslateDialects(attributes);
  return attributes;
}

OrderedJson EventsOf(OtlpSpan& span) {
  OrderedJson events = OrderedJson::array();
  for (OtlpEvent& event : span.events) {
    OrderedJson one = OrderedJson::object();
    one["name"] = std::move(event.name);
    one["time_unix_nano"] = event.time_ns;
    one["attributes"] = AsJson(ToObject(std::move(event.attributes)));
    events.push_back(std::move(one));
  }
  return events;
}

std::optional<OrderedJson> LinksOf(OtlpSpan& span) {
  OrderedJson links = OrderedJson::array();
  for (OtlpLink& link : span.links) {
    const auto trace = Sized(link.trace_id, kTraceIdBytes);
    const auto id = Sized(link.span_id, kSpanIdBytes);
    if (!trace || !id) return std::nullopt;
    OrderedJson one = OrderedJson::object();
    one["trace_id"] = "tr-" + HexEncode(*trace);
    one["span_id"] = HexEncode(*id);
    for (auto& [key, value] : link.attributes) {
      if (!value.is_binary()) continue;
      const auto& bytes = value.get_binary();
      value = Base64Encode({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    }
    one["attributes"] = nullptr;
    if (!link.attributes.empty()) one["attributes"] = AsJson(ToObject(std::move(link.attributes)));
    links.push_back(std::move(one));
  }
  return links;
}

std::optional<std::string> ObjectText(const OrderedJson& attributes, std::string_view key) {
  const std::string* text = AttributeText(attributes, key);
  return text != nullptr && ParseOrdered(*text).is_object() ? std::optional(*text) : std::nullopt;
}

// What a resource says of itself, as tags of its traces.
tracking::Pairs ResourceTags(const OtlpAttributes& attributes) {
  tracking::Pairs tags;
  for (const auto& [key, value] : attributes) {
    if (key.starts_with("telemetry.sdk.") || key.starts_with("mlflow.") || key.empty()) continue;
    if (value.is_null() || value.is_object() || value.is_binary() || !CheckTag(key, "")) continue;
    std::string text = value.is_string() ? value.get<std::string>() : PythonJson(AsJson(value), true);
    CutTag(text);
    tags.emplace_back(key, std::move(text));
  }
  return tags;
}

// "mlflow.traceTag.KEY" of a root is the trace's tag KEY.
Status AddTags(const OrderedJson& attributes, tracking::Pairs& tags) {
  for (const auto& [key, value] : attributes.items()) {
    if (!key.starts_with(kTagPrefix) || !value.is_string()) continue;
    const std::string name = key.substr(kTagPrefix.size());
    if (!CheckTag(name, "")) continue;
    std::string text = PlainText(value.get_ref<const std::string&>());
    CutTag(text);
    if (name == tracking::kTraceName) KEELSON_RETURN_IF_ERROR(CheckTraceName(text));
    tags.emplace_back(name, std::move(text));
  }
  return {};
}

// What a span says of its trace.
Status Note(const OrderedJson& attributes, bool is_root, SpanBatch& batch) {
  const auto plain = [&](std::string_view key) -> std::optional<std::string> {
    const std::string* text = AttributeText(attributes, key);
    if (text == nullptr || text->empty()) return std::nullopt;
    return PlainText(*text);
  };
  if (!batch.session_id) {
    batch.session_id = plain("session.id");
    if (!batch.session_id) batch.session_id = plain("gen_ai.conversation.id");
    if (batch.session_id) {
      KEELSON_RETURN_IF_ERROR(CheckLength("Session ID", kSessionIdLength, *batch.session_id));
    }
  }
  if (!batch.user_id) batch.user_id = plain("user.id");
  if (!is_root) return {};
  if (const std::string* inputs = AttributeText(attributes, kSpanInputs)) {
    batch.request_preview = PreviewOf(*inputs, "user");
  }
  if (const std::string* outputs = AttributeText(attributes, kSpanOutputs)) {
    batch.response_preview = PreviewOf(*outputs, "assistant");
  }
  return AddTags(attributes, batch.tags);
}

struct Ids {
  std::string trace;  // bytes
  std::string span;
  std::optional<std::string> parent;
};

std::optional<Ids> IdsOf(const OtlpSpan& span) {
  const auto trace = Sized(span.trace_id, kTraceIdBytes);
  const auto id = Sized(span.span_id, kSpanIdBytes);
  auto parent = Sized(span.parent_id, kSpanIdBytes);
  if (span.trace_id.empty() || span.span_id.empty() || !trace || !id || !parent) return std::nullopt;
  if (*parent == std::string(kSpanIdBytes, '\0')) parent.reset();  // there is none
  return Ids{*trace, *id, parent};
}

std::string ContentOf(OtlpSpan& span, const Ids& ids, const OrderedJson& attributes, OrderedJson links) {
  constexpr std::array<std::string_view, 3> kCodes = {"STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"};
  OrderedJson content = OrderedJson::object();
  content["trace_id"] = Base64Encode(ids.trace);
  content["span_id"] = Base64Encode(ids.span);
  content["parent_span_id"] = nullptr;
  if (ids.parent) content["parent_span_id"] = Base64Encode(*ids.parent);
  content["name"] = span.name;
  content["start_time_unix_nano"] = span.started_ns;
  content["end_time_unix_nano"] = span.ended_ns;
  content["events"] = EventsOf(span);
  const std::size_t code = span.status == 1 || span.status == 2 ? static_cast<std::size_t>(span.status) : 0;
  content["status"] = {{"code", kCodes[code]}, {"message", code == 2 ? span.message : ""}};
  content["attributes"] = attributes;
  content["links"] = std::move(links);
  return PythonJson(content);
}

Status AddSpan(OtlpSpan& span, const Ids& ids, const std::string& service, SpanBatch& batch) {
  constexpr auto kLatest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  const bool late = std::ranges::any_of(span.events, [&](const OtlpEvent& event) { return event.time_ns > kLatest; });
  auto links = LinksOf(span);
  if (!links || late || span.started_ns > kLatest || span.ended_ns > kLatest) return NoSpan();
  if (!ids.parent) span.parent_id.clear();
  const OrderedJson attributes = AttributesOf(span, batch.trace_id, service);
  KEELSON_RETURN_IF_ERROR(Note(attributes, !ids.parent, batch));
  SpanRecord record;
  record.id = HexEncode(ids.span);
  if (ids.parent) record.parent_id = HexEncode(*ids.parent);
  record.name = span.name;
  // Its own: what other conventions say is shown, but not searched by.
  const auto type = std::ranges::find(span.attributes, kSpanType, &OtlpAttributes::value_type::first);
  if (type != span.attributes.end() && type->second.is_string()) {
    record.type = PlainText(type->second.get_ref<const std::string&>());
  }
  record.status = span.status == 2 ? "ERROR" : span.status == 1 ? "OK" : "UNSET";
  record.started_ns = static_cast<std::int64_t>(span.started_ns);
  if (span.ended_ns != 0) record.ended_ns = static_cast<std::int64_t>(span.ended_ns);
  record.usage = ObjectText(attributes, kSpanUsage);
  record.cost = ObjectText(attributes, kSpanCost);
  record.model = tracking::ReadModelUsage(attributes);
  record.content = ContentOf(span, ids, attributes, *std::move(links));
  batch.spans.push_back(std::move(record));
  return {};
}

std::string ServiceOf(const OtlpAttributes& attributes) {
  const auto found = std::ranges::find(attributes, "service.name", &OtlpAttributes::value_type::first);
  if (found == attributes.end() || !found->second.is_string()) return "";
  std::string name = found->second.get<std::string>();
  return std::ranges::find(kKnownServices, name) == kKnownServices.end() ? "" : name;
}

}  // namespace

Result<std::vector<SpanBatch>> ToBatches(std::vector<OtlpResource> resources) {
  std::vector<SpanBatch> batches;
  std::map<std::string, std::size_t> places;
  for (OtlpResource& resource : resources) {
    const std::string service = ServiceOf(resource.attributes);
    for (OtlpSpan& span : resource.spans) {
      const auto ids = IdsOf(span);
      if (!ids) return NoSpan();
      const auto [place, is_new] = places.emplace("tr-" + HexEncode(ids->trace), batches.size());
      if (is_new) batches.emplace_back().trace_id = place->first;
      SpanBatch& batch = batches[place->second];
      if (is_new) batch.tags = ResourceTags(resource.attributes);
      KEELSON_RETURN_IF_ERROR(AddSpan(span, *ids, service, batch));
    }
  }
  return batches;
}

}  // namespace keelson::wire::mlflow
