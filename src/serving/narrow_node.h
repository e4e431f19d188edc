#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace keelson::serving {

// A node in eight bytes, for small numeric forests (at most 2^14 features, 2^16 nodes a tree, scalar leaves, no
// categories). Nodes of all trees lie in one array, tree by tree and breadth-first inside a tree, the two children of a
// split side by side. A leaf has no split bit and delta 0, so that a step from it stays.
struct NarrowNode {
  static constexpr std::uint32_t kFeature = (1u << 14) - 1;
  static constexpr std::uint32_t kSplitShift = 14;
  static constexpr std::uint32_t kDefaultRightShift = 15;
  static constexpr std::uint32_t kDeltaShift = 16;
  static constexpr std::size_t kMaxTreeNodes = std::size_t{1} << 16;
  static constexpr std::size_t kMaxNodes = (std::size_t{1} << 31) - 1;

  float value;         // threshold or leaf
  std::uint32_t word;  // [left child - this : 16][default right : 1][split : 1][feature : 14]

  static std::uint32_t SplitWord(std::uint32_t feature, bool default_right, std::uint32_t delta) {
    return feature | 1u << kSplitShift | (default_right ? 1u << kDefaultRightShift : 0u) | delta << kDeltaShift;
  }

  bool is_split() const { return (word >> kSplitShift & 1) != 0; }
  bool default_right() const { return (word >> kDefaultRightShift & 1) != 0; }
  std::uint32_t feature() const { return word & kFeature; }
  std::uint32_t delta() const { return word >> kDeltaShift; }
};
static_assert(sizeof(NarrowNode) == 8);

// What a leaf adds to a sum: XGBoost's leaves are floats, which stand in their nodes; LightGBM's are doubles, and a
// leaf's node holds the place of its double.
struct FloatLeaves {
  using Value = float;
  float operator()(const NarrowNode& leaf) const { return leaf.value; }
};
struct DoubleLeaves {
  using Value = double;
  const double* values = nullptr;
  double operator()(const NarrowNode& leaf) const { return values[std::bit_cast<std::uint32_t>(leaf.value)]; }
};

struct NarrowTree {
  std::uint32_t root = 0;  // in the array of nodes
  std::uint32_t depth = 0;
  std::uint32_t output = 0;
};

// One level down. Without kMissing no value of the row may be NaN.
template <bool kMissing>
inline const NarrowNode* Step(const NarrowNode* node, const float* row) {
  const std::uint32_t word = node->word;
  const float value = row[word & NarrowNode::kFeature];
  std::uint32_t right = value >= node->value ? 1 : 0;  // never when missing
  if constexpr (kMissing) right |= (value != value ? 1u : 0u) & (word >> NarrowNode::kDefaultRightShift);
  return node + (word >> NarrowNode::kDeltaShift) + (right & (word >> NarrowNode::kSplitShift));
}

}  // namespace keelson::serving
