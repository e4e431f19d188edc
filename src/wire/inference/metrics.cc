#include "wire/inference/metrics.h"

#include <fmt/format.h>

#include <algorithm>

namespace keelson::wire::inference {
namespace {

// A label's value, as Prometheus' text format escapes it.
std::string Label(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out.push_back('\\');
    out += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return out;
}

}  // namespace

void ModelMetrics::Record(bool success, std::chrono::nanoseconds latency) {
  (success ? success_ : failure_).fetch_add(1, std::memory_order_relaxed);
  if (!success) return;
  const double seconds = std::chrono::duration<double>(latency).count();
  const auto bucket = std::lower_bound(kBounds.begin(), kBounds.end(), seconds) - kBounds.begin();
  buckets_[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  nanoseconds_.fetch_add(static_cast<std::uint64_t>(latency.count()), std::memory_order_relaxed);
}

std::string ModelMetrics::Text(std::string_view model, std::string_view version, bool heads) const {
  const std::string labels = fmt::format("model=\"{}\",version=\"{}\"", Label(model), Label(version));
  std::string out;
  if (heads) {
    out +=
        "# HELP keelson_inference_requests_total Inference requests by outcome.\n"
        "# TYPE keelson_inference_requests_total counter\n"
        "# HELP keelson_inference_duration_seconds Time inside the replica of answered inference requests.\n"
        "# TYPE keelson_inference_duration_seconds histogram\n";
  }
  out += fmt::format("keelson_inference_requests_total{{{},outcome=\"success\"}} {}\n", labels, success_.load());
  out += fmt::format("keelson_inference_requests_total{{{},outcome=\"failure\"}} {}\n", labels, failure_.load());
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    total += buckets_[i].load();
    const std::string bound = i < kBounds.size() ? fmt::format("{}", kBounds[i]) : "+Inf";
    out += fmt::format("keelson_inference_duration_seconds_bucket{{{},le=\"{}\"}} {}\n", labels, bound, total);
  }
  out += fmt::format("keelson_inference_duration_seconds_sum{{{}}} {}\n", labels,
                     static_cast<double>(nanoseconds_.load()) * 1e-9);
  out += fmt::format("keelson_inference_duration_seconds_count{{{}}} {}\n", labels, total);
  return out;
}

}  // namespace keelson::wire::inference
