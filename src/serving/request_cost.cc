#include "serving/request_cost.h"

#include <algorithm>
#include <bit>

namespace keelson::serving {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr std::int64_t kWeight = 8;  // of the past against one observation, less one

std::size_t Cell(std::size_t bytes, std::size_t cells) {
  return std::min<std::size_t>(static_cast<std::size_t>(std::bit_width(bytes)), cells - 1);
}

}  // namespace

void RequestCost::Observe(std::size_t bytes, std::chrono::nanoseconds took) {
  auto& cell = averages_[Cell(bytes, averages_.size())];
  const std::int64_t now = std::max<std::int64_t>(took.count(), 1);
  const std::int64_t before = cell.load(kRelaxed);
  cell.store(before == 0 ? now : std::max<std::int64_t>(before + (now - before) / kWeight, 1), kRelaxed);
}

std::optional<std::chrono::nanoseconds> RequestCost::Expect(std::size_t bytes) const {
  const std::size_t wanted = Cell(bytes, averages_.size());
  for (std::size_t smaller = 0; smaller <= wanted; ++smaller) {
    const std::int64_t average = averages_[wanted - smaller].load(kRelaxed);
    if (average == 0) continue;
    const auto most = std::chrono::nanoseconds::max().count() >> smaller;
    return std::chrono::nanoseconds(std::min(average, most) << smaller);
  }
  return std::nullopt;
}

}  // namespace keelson::serving
