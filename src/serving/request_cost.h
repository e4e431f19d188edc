#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace keelson::serving {

// How long the requests of one model take, by their size: learned from those that were answered, so that a quick one
// may be answered on the thread that read it and a slow one is handed over. A moving average for each power of two; a
// size that was not seen yet counts as so many times the next smaller one that was. Lock-free; safe from any thread, an
// observation may be lost to another's.
class RequestCost {
 public:
  void Observe(std::size_t bytes, std::chrono::nanoseconds took);
  // Nothing: no request of this size or a smaller one was seen.
  std::optional<std::chrono::nanoseconds> Expect(std::size_t bytes) const;

 private:
  std::array<std::atomic<std::int64_t>, 40> averages_{};  // nanoseconds by the size's bits; 0: none
};

}  // namespace keelson::serving
