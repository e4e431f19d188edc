#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/http.h"
#include "tracking/records.h"
#include "tracking/webhooks.h"

namespace keelson::wire::mlflow {

// Writes JSON from front to back, commas and all. Numbers that JSON has not are written as protobuf does: "NaN",
// "Infinity". One object or array is opened and closed at a time, as they nest; a key comes before each value in an
// object.
class JsonWriter {
 public:
  JsonWriter& Open(char bracket);  // '{' or '['
  JsonWriter& Close(char bracket);
  JsonWriter& Key(std::string_view key);
  JsonWriter& Text(std::string_view value);
  JsonWriter& Int(std::int64_t value);
  JsonWriter& Double(double value);
  JsonWriter& Bool(bool value);
  JsonWriter& Raw(std::string_view json);  // what is JSON already

  JsonWriter& Text(std::string_view key, std::string_view value) { return Key(key).Text(value); }
  JsonWriter& Int(std::string_view key, std::int64_t value) { return Key(key).Int(value); }

  std::string Take() { return std::move(out_); }

 private:
  void Separate();

  std::string out_;
  bool first_ = true;  // nothing stands yet in what is open, or a key was just written
};

// {"error_code": ..., "message": ...}, with the codes of MLflow's own exceptions.
io::HttpResponse ErrorAnswer(const Error& error);
// The path is not MLflow's, or not with this method.
io::HttpResponse NoSuchRoute(bool other_method);

io::HttpResponse JsonAnswer(std::string body);

// Entities as MLflow writes them.
void Write(JsonWriter& json, const tracking::ExperimentRecord& experiment);
void Write(JsonWriter& json, const tracking::RunRecord& run);  // info, data, inputs, outputs
void WriteInfo(JsonWriter& json, const tracking::RunRecord& run);
void Write(JsonWriter& json, const tracking::MetricPoint& metric);
void Write(JsonWriter& json, const tracking::LoggedModelRecord& model);
void Write(JsonWriter& json, const tracking::ModelRecord& model);
void Write(JsonWriter& json, const tracking::VersionRecord& version);
void Write(JsonWriter& json, const tracking::WebhookRecord& webhook);

// "key": [ ... ], left out when there is none.
template <typename Records>
void WriteAll(JsonWriter& json, std::string_view key, const Records& records) {
  if (records.empty()) return;
  json.Key(key).Open('[');
  for (const auto& record : records) Write(json, record);
  json.Close(']');
}

// {"key": record}
template <typename Record>
io::HttpResponse OneAnswer(std::string_view key, const Record& record) {
  JsonWriter json;
  json.Open('{').Key(key);
  Write(json, record);
  return JsonAnswer(json.Close('}').Take());
}

// {"key": [...], "next_page_token": ...}
template <typename Record>
io::HttpResponse PageAnswer(std::string_view key, const tracking::Page<Record>& page) {
  JsonWriter json;
  json.Open('{');
  WriteAll(json, key, page.records);
  if (!page.next.empty()) json.Text("next_page_token", page.next);
  return JsonAnswer(json.Close('}').Take());
}

inline io::HttpResponse EmptyAnswer() {
  return JsonAnswer("{}");
}

}  // namespace keelson::wire::mlflow
