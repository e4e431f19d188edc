#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "serving/coded_feature.h"
#include "serving/narrow_node.h"

namespace keelson::serving {

inline constexpr std::size_t kMaxThresholds = 0xFFFF - 255;  // of a feature whose values become codes

// The levels of a search tree over sorted thresholds, the top one first: blocks of `keys` thresholds, each level
// holding the last threshold of every full block of the level below, and NaN where there is none. With block = 0, block
// = block * keys + (how many of the block's keys are at or below a value) from level to level ends with how many of all
// thresholds are; no comparison holds for NaN, so none is taken for the value NaN.
std::vector<std::vector<float>> SearchLevels(std::span<const float> sorted, std::size_t keys);

// The search trees and planes of a forest, which a kernel encodes a row with. Movable; the features point into it.
class CodeTables {
 public:
  std::span<const CodedFeature> features() const { return features_; }
  std::size_t memory_bytes() const;

 private:
  friend class ThresholdPlanes;
  struct alignas(64) Line {
    float keys[16];
  };
  std::vector<Line> lines_;
  std::vector<const float*> levels_;
  std::vector<CodePlane> planes_;
  std::vector<CodedFeature> features_;
};

// Gathers the splits of a forest and gives each threshold its byte in a plane: one plane a feature and 255 thresholds
// of it. Where `by_missing` says so, splits that send a missing value right have planes apart from those that send it
// left.
class ThresholdPlanes {
 public:
  struct Place {
    std::uint32_t plane = 0;      // its number
    std::uint32_t threshold = 0;  // 0 to 254: the split goes right where the plane's byte is above
  };

  ThresholdPlanes(std::size_t features, bool by_missing) : by_missing_(by_missing), thresholds_(features) {}

  std::size_t Add(const NarrowNode& split);  // gives the split's number: 0, 1, ...
  // After the last split. False: more than kMaxThresholds of a feature.
  bool Finish();
  // From here on after Finish.
  std::size_t planes() const { return planes_.size(); }
  Place Locate(std::size_t split) const { return places_[split]; }
  // For a kernel that looks at `keys` keys at once and whose planes lie `stride` bytes apart.
  CodeTables LayOut(std::size_t keys, std::size_t stride) const;

 private:
  using Key = std::tuple<std::uint32_t, std::uint32_t, bool>;  // feature, 255s of thresholds below it, missing right

  bool by_missing_;
  std::vector<std::vector<float>> thresholds_;
  std::vector<NarrowNode> splits_;       // until Finish
  std::map<Key, std::uint32_t> planes_;  // to their numbers
  std::vector<Place> places_;            // one a split
};

}  // namespace keelson::serving
