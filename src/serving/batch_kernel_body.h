#pragma once

#include "serving/batch_kernel.h"

namespace keelson::serving {

// BatchKernel in terms of a processor's registers. `Lanes` gives kLanes, kKeys, kFlip and
//   Bytes                             a register of kLanes bytes
//   Above(plane, threshold)           all ones where the plane's byte is above the threshold, else zero
//   Select(which, right, left)        right where `which` is all ones, else left
//   Push(index, bit)                  2 * index + (bit ? 1 : 0)
//   Zero(), Store(to, bytes)
//   CountAtOrBelow(keys, value)       of kKeys keys
//   Narrow(codes, base, to)           kLanes codes less `base`, held between 0 and 255, flipped
//   AddLeaves<depth>(index, leaves, sums)  of floats, and of doubles
//
// All splits of a tree are compared, for kLanes rows at once, and each level's true comparison is then selected by
// those of the levels above it: up to six levels that is far less work than walking, and nothing waits for memory.
template <typename Lanes>
class BatchBody {
  using Bytes = typename Lanes::Bytes;

 public:
  static void Encode(const CodedFeature* features, std::size_t feature_count, const float* rows, std::size_t count,
                     std::size_t width, std::uint8_t* planes) {
    alignas(64) std::uint16_t codes[2][Lanes::kLanes] = {};
    for (std::size_t f = 0; f < feature_count; ++f) {
      const CodedFeature& feature = features[f];
      const float* value = rows + feature.feature;
      for (std::size_t row = 0; row < count; ++row, value += width) {
        const unsigned code = CodeOf<Lanes>(feature, *value);
        codes[0][row] = static_cast<std::uint16_t>(code);
        // NOLINTNEXTLINE(misc-redundant-expression): NaN is not itself
        codes[1][row] = *value != *value ? std::uint16_t{0xFFFF} : static_cast<std::uint16_t>(code);
      }
      for (std::uint32_t p = 0; p < feature.plane_count; ++p) {
        const CodePlane& plane = feature.planes[p];
        Lanes::Narrow(codes[plane.missing_right ? 1 : 0], plane.base, planes + plane.offset);
      }
    }
  }

  template <typename Leaf>
  static void Add(const BatchTree<Leaf>* trees, std::size_t count, const std::uint8_t* planes, Leaf* sums) {
    for (std::size_t t = 0; t < count; ++t) {
      const BatchTree<Leaf>& tree = trees[t];
      Leaf* const place = sums + std::size_t{tree.output} * Lanes::kLanes;
      switch (tree.depth) {
        case 0:
          AddTree<0>(tree, planes, place);
          break;
        case 1:
          AddTree<1>(tree, planes, place);
          break;
        case 2:
          AddTree<2>(tree, planes, place);
          break;
        case 3:
          AddTree<3>(tree, planes, place);
          break;
        case 4:
          AddTree<4>(tree, planes, place);
          break;
        case 5:
          AddTree<5>(tree, planes, place);
          break;
        default:
          AddTree<6>(tree, planes, place);
          break;
      }
    }
  }

  // Only deep trees are asked for it: their upper levels are full.
  template <typename Leaf>
  static void Index(const BatchTree<Leaf>& tree, const std::uint8_t* planes, std::uint8_t* leaves) {
    Lanes::Store(leaves, Find<kMaxBatchDepth>(tree.nodes, planes));
  }

 private:
  // The comparison that level kLevel makes for each row, where `bits` holds those of the levels above. kAbove of them
  // have led to `node`.
  template <unsigned kLevel, unsigned kAbove>
  [[gnu::always_inline]] static inline Bytes Compare(const BatchNode* nodes, unsigned node, const std::uint8_t* planes,
                                                     const Bytes* bits) {
    if constexpr (kLevel == kAbove) {
      return Lanes::Above(planes + nodes[node].plane, nodes[node].threshold);
    } else {
      const Bytes left = Compare<kLevel, kAbove + 1>(nodes, 2 * node, planes, bits);
      const Bytes right = Compare<kLevel, kAbove + 1>(nodes, 2 * node + 1, planes, bits);
      return Lanes::Select(bits[kAbove], right, left);
    }
  }

  template <unsigned kDepth>
  [[gnu::always_inline]] static inline Bytes Find(const BatchNode* nodes, const std::uint8_t* planes) {
    Bytes bits[kMaxBatchDepth];
    Bytes index = Lanes::Zero();
    if constexpr (kDepth > 0) index = Lanes::Push(index, bits[0] = Compare<0, 0>(nodes, 1, planes, bits));
    if constexpr (kDepth > 1) index = Lanes::Push(index, bits[1] = Compare<1, 0>(nodes, 1, planes, bits));
    if constexpr (kDepth > 2) index = Lanes::Push(index, bits[2] = Compare<2, 0>(nodes, 1, planes, bits));
    if constexpr (kDepth > 3) index = Lanes::Push(index, bits[3] = Compare<3, 0>(nodes, 1, planes, bits));
    if constexpr (kDepth > 4) index = Lanes::Push(index, bits[4] = Compare<4, 0>(nodes, 1, planes, bits));
    if constexpr (kDepth > 5) index = Lanes::Push(index, bits[5] = Compare<5, 0>(nodes, 1, planes, bits));
    return index;
  }

  template <unsigned kDepth, typename Leaf>
  static void AddTree(const BatchTree<Leaf>& tree, const std::uint8_t* planes, Leaf* sums) {
    Lanes::template AddLeaves<kDepth>(Find<kDepth>(tree.nodes, planes), tree.leaves, sums);
  }
};

template <typename Lanes>
inline constexpr BatchKernel kBodyOf = {
    Lanes::kLanes,
    Lanes::kKeys,
    Lanes::kFlip,
    &BatchBody<Lanes>::Encode,
    {&BatchBody<Lanes>::template Add<float>, &BatchBody<Lanes>::template Index<float>},
    {&BatchBody<Lanes>::template Add<double>, &BatchBody<Lanes>::template Index<double>}};

}  // namespace keelson::serving
