#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace keelson::serving {

inline constexpr std::size_t kMaxThresholds = 0xFFFF - 255;  // of a feature whose values become codes

// The levels of a search tree over sorted thresholds, the top one first: blocks of `keys` thresholds, each level
// holding the last threshold of every full block of the level below, and NaN where there is none. With block = 0, block
// = block * keys + (how many of the block's keys are at or below a value) from level to level ends with how many of all
// thresholds are; no comparison holds for NaN, so none is taken for the value NaN.
std::vector<std::vector<float>> SearchLevels(std::span<const float> sorted, std::size_t keys);

}  // namespace keelson::serving
