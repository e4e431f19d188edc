#include "serving/threshold_codes.h"

#include <algorithm>
#include <limits>

namespace keelson::serving {

std::vector<std::vector<float>> SearchLevels(std::span<const float> sorted, std::size_t keys) {
  constexpr float kNone = std::numeric_limits<float>::quiet_NaN();
  std::vector<std::vector<float>> levels;
  std::vector<float> level(sorted.begin(), sorted.end());
  while (true) {
    const std::size_t size = level.size();
    std::vector<float> above;
    for (std::size_t last = keys - 1; last < size; last += keys) above.push_back(level[last]);
    const bool top = size <= keys;
    // Behind the last block stands an empty one, where a value above all of them comes to.
    level.resize((size + keys - 1) / keys * keys + keys, kNone);
    levels.push_back(std::move(level));
    if (top) break;
    level = std::move(above);
  }
  std::reverse(levels.begin(), levels.end());
  return levels;
}

}  // namespace keelson::serving
