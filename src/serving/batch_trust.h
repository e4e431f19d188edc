#pragma once

#include <atomic>
#include <cstdint>

namespace keelson::serving {

// Whether a model answers rows in a batch as it answers them alone, bit for bit. Nothing that a model says of itself
// tells: matrices are multiplied by other code when they are large, and a function of Python may look at all rows. So
// the first batches are asked both ways in whole, later ones now and then in a part, and one difference ends it. Safe
// from any thread.
class BatchTrust {
 public:
  enum class Check { kAll, kOne, kNone };

  bool trusted() const { return trusted_.load(std::memory_order_relaxed); }
  // What of the next batch is to be asked alone too.
  Check Next() {
    const std::uint32_t batch = batches_.fetch_add(1, std::memory_order_relaxed);
    if (batch < kWhole) return Check::kAll;
    return batch % kEvery == 0 ? Check::kOne : Check::kNone;
  }
  // True the first time.
  bool Distrust() { return trusted_.exchange(false); }

 private:
  static constexpr std::uint32_t kWhole = 16;
  static constexpr std::uint32_t kEvery = 64;

  std::atomic<bool> trusted_{true};
  std::atomic<std::uint32_t> batches_{0};
};

}  // namespace keelson::serving
