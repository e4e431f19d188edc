#include "wire/mlflow/batch_body.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

namespace keelson::wire::mlflow {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kKey = 250;
constexpr std::size_t kParamValue = 6000;
constexpr std::size_t kTagValue = 8000;
constexpr std::size_t kMetrics = 1000;
constexpr std::size_t kPairs = 100;

constexpr std::array<bool, 256> MakePlain() {
  std::array<bool, 256> plain{};
  for (int c = 0; c < 256; ++c) {
    plain[static_cast<std::size_t>(c)] =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == ' ';
  }
  return plain;
}
constexpr std::array<bool, 256> kPlain = MakePlain();

// ASCII, and parts between '/' and '.' that are not empty: it resolves to no other name.
bool IsPlainName(std::string_view name) {
  if (name.empty() || name.size() > kKey) return false;
  bool separated = true;
  for (const char c : name) {
    if (c == '/' || c == '.') {
      if (separated) return false;
      separated = true;
      continue;
    }
    if (!kPlain[static_cast<unsigned char>(c)]) return false;
    separated = false;
  }
  return !separated;
}

bool IsRunId(std::string_view id) {
  return id.size() == 32 &&
         std::ranges::all_of(id, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool ReadText(dom::element value, std::string_view* text) {
  return value.get_string().get(*text) == simdjson::SUCCESS;
}

bool ReadMetric(dom::object object, tracking::MetricPoint* point) {
  bool has_value = false;
  bool has_time = false;
  for (auto field : object) {
    const std::string_view name = field.key;
    const dom::element value = field.value;
    if (name == "key") {
      std::string_view key;
      if (!point->key.empty() || !ReadText(value, &key) || !IsPlainName(key)) return false;
      point->key = key;
    } else if (name == "value") {
      if (has_value || value.get_double().get(point->value) != simdjson::SUCCESS) return false;
      has_value = std::isfinite(point->value);
    } else if (name == "timestamp") {
      if (has_time || value.get_int64().get(point->time_ms) != simdjson::SUCCESS) return false;
      has_time = point->time_ms >= 0;
    } else if (name == "step") {
      if (point->step != 0 || value.get_int64().get(point->step) != simdjson::SUCCESS) return false;
    } else {
      return false;
    }
  }
  return has_value && has_time && !point->key.empty();
}

bool ReadPairs(dom::array array, std::size_t longest, tracking::Pairs* pairs) {
  for (auto item : array) {
    dom::object object;
    if (item.get_object().get(object) != simdjson::SUCCESS || pairs->size() == kPairs) return false;
    std::pair<std::string, std::string> pair;
    bool has_value = false;
    for (auto field : object) {
      const std::string_view name = field.key;
      std::string_view text;
      if (!ReadText(field.value, &text)) return false;
      if (name == "key" && pair.first.empty() && IsPlainName(text)) {
        pair.first = text;
      } else if (name == "value" && !has_value && text.size() <= longest) {  // bytes: no fewer than characters
        pair.second = text;
        has_value = true;
      } else {
        return false;
      }
    }
    if (pair.first.empty() || !has_value) return false;
    pairs->push_back(std::move(pair));
  }
  return true;
}

bool Read(dom::object object, Batch* batch) {
  std::set<std::string_view> seen;
  static constexpr std::array<std::string_view, 4> kNames = {"run_id", "metrics", "params", "tags"};
  for (auto field : object) {
    const std::string_view name = field.key;
    const dom::element value = field.value;
    const auto known = std::ranges::find(kNames, name);
    if (known == kNames.end() || !seen.insert(*known).second) return false;
    if (*known == "run_id") {
      std::string_view id;
      if (!ReadText(value, &id) || !IsRunId(id)) return false;
      batch->run_id = id;
      continue;
    }
    dom::array array;
    if (value.get_array().get(array) != simdjson::SUCCESS) return false;
    if (*known == "params") {
      if (!ReadPairs(array, kParamValue, &batch->params)) return false;
    } else if (*known == "tags") {
      if (!ReadPairs(array, kTagValue, &batch->tags)) return false;
    } else {
      for (auto item : array) {
        dom::object metric;
        if (item.get_object().get(metric) != simdjson::SUCCESS || batch->metrics.size() == kMetrics) return false;
        if (!ReadMetric(metric, &batch->metrics.emplace_back())) return false;
      }
    }
  }
  return !batch->run_id.empty();
}

}  // namespace

std::optional<Batch> ReadPlainBatch(std::string_view body) {
  thread_local dom::parser parser;
  Batch batch;
  dom::object object;
  if (parser.parse(body.data(), body.size()).get_object().get(object) != simdjson::SUCCESS) return std::nullopt;
  if (!Read(object, &batch)) return std::nullopt;
  if (batch.metrics.size() + batch.params.size() + batch.tags.size() > kMetrics) return std::nullopt;
  std::set<std::string_view> keys;
  for (const auto& [key, value] : batch.params) {
    if (!keys.insert(key).second) return std::nullopt;
  }
  return batch;
}

}  // namespace keelson::wire::mlflow
