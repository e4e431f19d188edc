#include "wire/inference/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "wire/inference/answer.h"

namespace keelson::wire::inference {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

std::uint64_t Count(std::chrono::nanoseconds value) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(value.count(), 0));
}

// A label's value, as Prometheus' text format escapes it.
std::string Label(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out.push_back('\\');
    out += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return out;
}

std::string Labels(const NamedMetrics& model) {
  return fmt::format("model=\"{}\",version=\"{}\"", Label(model.model), Label(model.version));
}

void Head(std::string_view name, std::string_view help, std::string_view type, std::string* out) {
  fmt::format_to(std::back_inserter(*out), "# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

using Reader = std::uint64_t (*)(const ModelMetrics&);

void Counter(std::string_view name, std::string_view help, std::span<const NamedMetrics> models, Reader read,
             std::string* out) {
  Head(name, help, "counter", out);
  for (const auto& model : models) {
    fmt::format_to(std::back_inserter(*out), "{}{{{}}} {}\n", name, Labels(model), read(*model.metrics));
  }
}

void KeelsonMetrics(std::span<const NamedMetrics> models, std::string* out) {
  Head("keelson_inference_requests_total", "Inference requests by outcome.", "counter", out);
  for (const auto& model : models) {
    const auto labels = Labels(model);
    fmt::format_to(std::back_inserter(*out),
                   "keelson_inference_requests_total{{{0},outcome=\"success\"}} {1}\n"
                   "keelson_inference_requests_total{{{0},outcome=\"failure\"}} {2}\n",
                   labels, model.metrics->successes(), model.metrics->failures());
  }
  Head("keelson_inference_refused_total", "Failures that were not computed, because of the queue or of a timeout.",
       "counter", out);
  for (const auto& model : models) {
    const auto labels = Labels(model);
    fmt::format_to(std::back_inserter(*out),
                   "keelson_inference_refused_total{{{0},reason=\"queue_full\"}} {1}\n"
                   "keelson_inference_refused_total{{{0},reason=\"expired\"}} {2}\n",
                   labels, model.metrics->refusals(ModelMetrics::Refusal::kQueueFull),
                   model.metrics->refusals(ModelMetrics::Refusal::kExpired));
  }
  const auto logs = [](const NamedMetrics& model) { return model.payload.has_value(); };
  if (std::any_of(models.begin(), models.end(), logs)) {
    Head("keelson_payload_records_total", "Records for the payload log: written, dropped by a sampled log, refused.",
         "counter", out);
  }
  for (const auto& model : models) {
    if (!model.payload) continue;
    const auto labels = Labels(model);
    for (const auto& [outcome, count] :
         {std::pair("logged", model.payload->logged), std::pair("dropped", model.payload->dropped),
          std::pair("refused", model.payload->refused)}) {
      fmt::format_to(std::back_inserter(*out), "keelson_payload_records_total{{{},outcome=\"{}\"}} {}\n", labels,
                     outcome, count);
    }
  }
  Head("keelson_inference_duration_seconds", "Time inside the replica of answered inference requests.", "histogram",
       out);
  for (const auto& model : models) {
    model.metrics->success().AppendText("keelson_inference_duration_seconds", Labels(model), out);
  }
  Head("keelson_inference_stage_duration_seconds",
       "The same by stage: queue (waiting), input (reading and encoding), compute (the model), output (logging and "
       "writing).",
       "histogram", out);
  for (const auto& model : models) {
    const ModelMetrics& metrics = *model.metrics;
    for (const auto& [stage, histogram] :
         {std::pair("queue", &metrics.queue()), std::pair("input", &metrics.input()),
          std::pair("compute", &metrics.compute()), std::pair("output", &metrics.output())}) {
      histogram->AppendText("keelson_inference_stage_duration_seconds",
                            fmt::format("{},stage=\"{}\"", Labels(model), stage), out);
    }
  }
}

void TritonMetrics(std::span<const NamedMetrics> models, std::string* out) {
  Counter(
      "nv_inference_request_success", "Number of successful inference requests, all batch sizes", models,
      [](const ModelMetrics& m) { return m.successes(); }, out);
  Counter(
      "nv_inference_request_failure", "Number of failed inference requests, all batch sizes", models,
      [](const ModelMetrics& m) { return m.failures(); }, out);
  Counter(
      "nv_inference_count", "Number of inferences performed", models, [](const ModelMetrics& m) { return m.rows(); },
      out);
  Counter(
      "nv_inference_exec_count", "Number of model executions performed", models,
      [](const ModelMetrics& m) { return m.executions(); }, out);
  Head("nv_inference_pending_request_count", "Instantaneous number of pending requests awaiting execution per-model",
       "gauge", out);
  for (std::size_t i = 0; i < models.size(); ++i) {
    if (i != 0 && models[i].model == models[i - 1].model) continue;
    fmt::format_to(std::back_inserter(*out), "nv_inference_pending_request_count{{model=\"{}\"}} {}\n",
                   Label(models[i].model), models[i].pending);
  }
  Counter(
      "nv_inference_request_duration_us", "Cumulative inference request duration in microseconds", models,
      [](const ModelMetrics& m) { return m.success().nanoseconds() / 1'000; }, out);
  Counter(
      "nv_inference_queue_duration_us", "Cumulative inference queuing duration in microseconds", models,
      [](const ModelMetrics& m) { return m.queue().nanoseconds() / 1'000; }, out);
  Counter(
      "nv_inference_compute_input_duration_us", "Cumulative compute input duration in microseconds", models,
      [](const ModelMetrics& m) { return m.input().nanoseconds() / 1'000; }, out);
  Counter(
      "nv_inference_compute_infer_duration_us", "Cumulative compute inference duration in microseconds", models,
      [](const ModelMetrics& m) { return m.compute().nanoseconds() / 1'000; }, out);
  Counter(
      "nv_inference_compute_output_duration_us", "Cumulative inference compute output duration in microseconds", models,
      [](const ModelMetrics& m) { return m.output().nanoseconds() / 1'000; }, out);
}

std::string Duration(std::uint64_t count, std::uint64_t nanoseconds) {
  return fmt::format("{{\"count\":{},\"ns\":{}}}", count, nanoseconds);
}
std::string Duration(const LatencyHistogram& histogram) {
  return Duration(histogram.count(), histogram.nanoseconds());
}

}  // namespace

void LatencyHistogram::Observe(std::chrono::nanoseconds value) {
  const double seconds = static_cast<double>(Count(value)) * 1e-9;
  const auto bucket = std::lower_bound(kBounds.begin(), kBounds.end(), seconds) - kBounds.begin();
  buckets_[static_cast<std::size_t>(bucket)].fetch_add(1, kRelaxed);
  nanoseconds_.fetch_add(Count(value), kRelaxed);
}

std::uint64_t LatencyHistogram::count() const {
  std::uint64_t total = 0;
  for (const auto& bucket : buckets_) total += bucket.load(kRelaxed);
  return total;
}

void LatencyHistogram::AppendText(std::string_view name, std::string_view labels, std::string* out) const {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    total += buckets_[i].load(kRelaxed);
    const std::string bound = i < kBounds.size() ? fmt::format("{}", kBounds[i]) : "+Inf";
    fmt::format_to(std::back_inserter(*out), "{}_bucket{{{},le=\"{}\"}} {}\n", name, labels, bound, total);
  }
  fmt::format_to(std::back_inserter(*out), "{0}_sum{{{1}}} {2}\n{0}_count{{{1}}} {3}\n", name, labels,
                 static_cast<double>(nanoseconds()) * 1e-9, total);
}

void ModelMetrics::RecordSuccess(std::uint64_t rows, const StageTimes& times, std::int64_t wall_ms, bool alone) {
  success_.Observe(times.Total());
  queue_.Observe(times.queue);
  input_.Observe(times.input);
  compute_.Observe(times.compute);
  output_.Observe(times.output);
  rows_.fetch_add(rows, kRelaxed);
  last_ms_.store(wall_ms, kRelaxed);
  if (alone) RecordExecution(rows, times);
}

void ModelMetrics::RecordExecution(std::uint64_t rows, const StageTimes& times) {
  executions_.fetch_add(1, kRelaxed);
  if (rows == 0) return;
  for (BatchCell& cell : batches_) {
    std::uint64_t size = cell.size.load(kRelaxed);
    if (size == 0 && cell.size.compare_exchange_strong(size, rows, kRelaxed)) size = rows;
    if (size != rows) continue;
    cell.count.fetch_add(1, kRelaxed);
    cell.input_ns.fetch_add(Count(times.input), kRelaxed);
    cell.compute_ns.fetch_add(Count(times.compute), kRelaxed);
    cell.output_ns.fetch_add(Count(times.output), kRelaxed);
    return;
  }
}

void ModelMetrics::RecordFailure(std::chrono::nanoseconds latency) {
  failures_.fetch_add(1, kRelaxed);
  failure_ns_.fetch_add(Count(latency), kRelaxed);
}

void ModelMetrics::RecordRefusal(Refusal why) {
  refusals_[static_cast<std::size_t>(why)].fetch_add(1, kRelaxed);
}

std::vector<BatchCount> ModelMetrics::batches() const {
  std::vector<BatchCount> counts;
  for (const BatchCell& cell : batches_) {
    if (cell.size.load(kRelaxed) == 0) break;
    counts.push_back({cell.size.load(kRelaxed), cell.count.load(kRelaxed), cell.input_ns.load(kRelaxed),
                      cell.compute_ns.load(kRelaxed), cell.output_ns.load(kRelaxed)});
  }
  return counts;
}

std::string MetricsText(std::span<const NamedMetrics> models) {
  std::string out;
  KeelsonMetrics(models, &out);
  TritonMetrics(models, &out);
  return out;
}

std::string StatisticsJson(std::span<const NamedMetrics> models) {
  std::string out = "{\"model_stats\":[";
  for (const auto& model : models) {
    const ModelMetrics& metrics = *model.metrics;
    if (out.back() != '[') out.push_back(',');
    fmt::format_to(std::back_inserter(out),
                   "{{\"name\":{},\"version\":{},\"last_inference\":{},\"inference_count\":{},\"execution_count\":{},"
                   "\"inference_stats\":{{\"success\":{},\"fail\":{},\"queue\":{},\"compute_input\":{},"
                   "\"compute_infer\":{},\"compute_output\":{},\"cache_hit\":{},\"cache_miss\":{}}},"
                   "\"response_stats\":{{}},\"batch_stats\":[",
                   JsonString(model.model), JsonString(model.version), metrics.last_ms(), metrics.rows(),
                   metrics.executions(), Duration(metrics.success()),
                   Duration(metrics.failures(), metrics.failure_ns()), Duration(metrics.queue()),
                   Duration(metrics.input()), Duration(metrics.compute()), Duration(metrics.output()), Duration(0, 0),
                   Duration(0, 0));
    for (const auto& batch : metrics.batches()) {
      if (out.back() != '[') out.push_back(',');
      fmt::format_to(std::back_inserter(out),
                     "{{\"batch_size\":{},\"compute_input\":{},\"compute_infer\":{},\"compute_output\":{}}}",
                     batch.size, Duration(batch.count, batch.input_ns), Duration(batch.count, batch.compute_ns),
                     Duration(batch.count, batch.output_ns));
    }
    out += "],\"memory_usage\":[]}";
  }
  return out + "]}";
}

}  // namespace keelson::wire::inference
