#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace keelson::wire::inference {

// Counts and latencies of one model's requests. Lock-free; safe from any thread.
class ModelMetrics {
 public:
  void Record(bool success, std::chrono::nanoseconds latency);
  // Prometheus' text format, lines labelled with the model and version; `heads` says whether # HELP and # TYPE come
  // first.
  std::string Text(std::string_view model, std::string_view version, bool heads) const;

 private:
  static constexpr std::array<double, 14> kBounds = {0.00002, 0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002,
                                                     0.005,   0.01,    0.02,   0.05,   0.1,    0.5,   2.5};
  std::array<std::atomic<std::uint64_t>, kBounds.size() + 1> buckets_{};
  std::atomic<std::uint64_t> success_{0};
  std::atomic<std::uint64_t> failure_{0};
  std::atomic<std::uint64_t> nanoseconds_{0};
};

}  // namespace keelson::wire::inference
