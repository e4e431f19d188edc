#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "tracking/python_json.h"

namespace keelson::wire::mlflow {

// Spans as OpenTelemetry's exporters send them (OTLP over HTTP, ExportTraceServiceRequest). Values of attributes are
// JSON; bytes are nlohmann's binary.
using OtlpAttributes = std::vector<std::pair<std::string, tracking::OrderedJson>>;  // each key once, the last value

struct OtlpEvent {
  std::uint64_t time_ns = 0;
  std::string name;
  OtlpAttributes attributes;
};

struct OtlpLink {
  std::string trace_id;
  std::string span_id;
  OtlpAttributes attributes;
};

struct OtlpSpan {
  std::string trace_id;  // bytes, big-endian, of whatever length was sent
  std::string span_id;
  std::string parent_id;
  std::string name;
  std::uint64_t started_ns = 0;
  std::uint64_t ended_ns = 0;
  OtlpAttributes attributes;
  std::vector<OtlpEvent> events;
  std::vector<OtlpLink> links;
  int status = 0;  // 1: OK, 2: an error
  std::string message;
};

struct OtlpResource {
  OtlpAttributes attributes;
  std::vector<OtlpSpan> spans;
};

// kInvalidArgument for bytes that are no such message, and for what is nested too deep or has too many attributes.
// Fields that are not known are passed over.
Result<std::vector<OtlpResource>> ParseOtlp(std::string_view protobuf);
// The same from JSON: ids in hexadecimal, numbers of 64 bits as texts or numbers.
Result<std::vector<OtlpResource>> ParseOtlpJson(std::string_view json);

// Collects attributes.
class OtlpAttributeList {
 public:
  // Adds a pair, or replaces the value of a key that is there; false when there are too many.
  bool Add(std::string key, tracking::OrderedJson value);
  OtlpAttributes Take() { return std::move(pairs_); }

 private:
  OtlpAttributes pairs_;
  std::unordered_map<std::string, std::size_t> places_;
};

// An object of the pairs, whose keys differ.
tracking::OrderedJson ToObject(OtlpAttributes pairs);

}  // namespace keelson::wire::mlflow
