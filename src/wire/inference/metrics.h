#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "serving/payload_log.h"

namespace keelson::wire::inference {

// How long the parts of one request took.
struct StageTimes {
  std::chrono::nanoseconds queue{0};    // from its bytes being there to the beginning of its handling
  std::chrono::nanoseconds input{0};    // reading and encoding it
  std::chrono::nanoseconds compute{0};  // the model
  std::chrono::nanoseconds output{0};   // logging it and writing the answer
  std::chrono::nanoseconds Total() const { return queue + input + compute + output; }
};

// Observations in buckets of Prometheus' histograms. Lock-free; safe from any thread.
class LatencyHistogram {
 public:
  static constexpr std::array<double, 16> kBounds = {0.000005, 0.00001, 0.00002, 0.00005, 0.0001, 0.0002, 0.0005, 0.001,
                                                     0.002,    0.005,   0.01,    0.02,    0.05,   0.1,    0.5,    2.5};
  void Observe(std::chrono::nanoseconds value);
  std::uint64_t count() const;
  std::uint64_t nanoseconds() const { return nanoseconds_.load(std::memory_order_relaxed); }
  // The lines NAME_bucket, NAME_sum and NAME_count; `labels` without the braces.
  void AppendText(std::string_view name, std::string_view labels, std::string* out) const;

 private:
  std::array<std::atomic<std::uint64_t>, kBounds.size() + 1> buckets_{};
  std::atomic<std::uint64_t> nanoseconds_{0};
};

// What is counted of the executions of one batch size.
struct BatchCount {
  std::uint64_t size = 0;
  std::uint64_t count = 0;
  std::uint64_t input_ns = 0;
  std::uint64_t compute_ns = 0;
  std::uint64_t output_ns = 0;
};

// Counts and latencies of one model version's requests. Lock-free; safe from any thread.
class ModelMetrics {
 public:
  enum class Refusal { kQueueFull, kExpired };

  // An answered request. Unless it was computed together with others that is an execution of the model, too.
  void RecordSuccess(std::uint64_t rows, const StageTimes& times, std::int64_t wall_ms, bool alone = true);
  void RecordExecution(std::uint64_t rows, const StageTimes& times);
  void RecordFailure(std::chrono::nanoseconds latency);
  void RecordRefusal(Refusal why);  // besides the failure that it is

  std::uint64_t successes() const { return success_.count(); }
  std::uint64_t failures() const { return failures_.load(std::memory_order_relaxed); }
  std::uint64_t failure_ns() const { return failure_ns_.load(std::memory_order_relaxed); }
  std::uint64_t executions() const { return executions_.load(std::memory_order_relaxed); }
  std::uint64_t refusals(Refusal why) const {
    return refusals_[static_cast<std::size_t>(why)].load(std::memory_order_relaxed);
  }
  std::uint64_t rows() const { return rows_.load(std::memory_order_relaxed); }
  std::int64_t last_ms() const { return last_ms_.load(std::memory_order_relaxed); }  // since the epoch; 0: never
  const LatencyHistogram& success() const { return success_; }
  const LatencyHistogram& queue() const { return queue_; }
  const LatencyHistogram& input() const { return input_; }
  const LatencyHistogram& compute() const { return compute_; }
  const LatencyHistogram& output() const { return output_; }
  std::vector<BatchCount> batches() const;  // of the sizes seen first; see kBatchSizes

 private:
  static constexpr std::size_t kBatchSizes = 16;  // further sizes are counted in the sums only
  struct BatchCell {
    std::atomic<std::uint64_t> size{0};
    std::atomic<std::uint64_t> count{0};
    std::atomic<std::uint64_t> input_ns{0};
    std::atomic<std::uint64_t> compute_ns{0};
    std::atomic<std::uint64_t> output_ns{0};
  };

  LatencyHistogram success_;
  LatencyHistogram queue_;
  LatencyHistogram input_;
  LatencyHistogram compute_;
  LatencyHistogram output_;
  std::atomic<std::uint64_t> executions_{0};
  std::array<std::atomic<std::uint64_t>, 2> refusals_{};
  std::atomic<std::uint64_t> failures_{0};
  std::atomic<std::uint64_t> failure_ns_{0};
  std::atomic<std::uint64_t> rows_{0};
  std::atomic<std::int64_t> last_ms_{0};
  std::array<BatchCell, kBatchSizes> batches_{};
};

struct NamedMetrics {
  std::string_view model;
  std::string_view version;
  const ModelMetrics* metrics = nullptr;
  std::size_t pending = 0;  // requests that wait in the model's queue, of all its versions
  std::optional<serving::PayloadCounts> payload = std::nullopt;  // of its log, if it has one
};
// Prometheus' text format: Keelson's own metrics, and Triton's (nv_inference_...) where they mean the same.
std::string MetricsText(std::span<const NamedMetrics> models);
// The body that the statistics extension of the Open Inference Protocol answers with.
std::string StatisticsJson(std::span<const NamedMetrics> models);

}  // namespace keelson::wire::inference
