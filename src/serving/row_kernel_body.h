#pragma once

#include "serving/row_kernel.h"

namespace keelson::serving {

// RowKernel in terms of a processor's registers. `Lanes` gives kKeys, kFlip, kPlanes, kFewPlanes, CountAtOrBelow(keys,
// value) and
//   Table<kPlanes>                          the bytes of up to kPlanes planes, in registers, made from their address
//     At(nodes)                             of each of a tree's 64 nodes the byte of its plane
//   Bytes                                   64 bytes
//   Above(bytes, thresholds)                one bit a node: its byte is above its threshold
//   Set(bytes)                              one bit a node: its byte is not zero
//
// All splits of a tree are compared at once, and the way down is read from the bits of the comparisons: nothing waits
// for memory on the way, and no branch depends on the row.
template <typename Lanes>
class RowBody {
 public:
  static void Encode(const CodedFeature* features, std::size_t feature_count, const float* row, RowCodes* codes) {
    codes->any_missing = false;
    for (std::size_t f = 0; f < feature_count; ++f) {
      const CodedFeature& feature = features[f];
      const float value = row[feature.feature];
      const bool missing = value != value;
      const unsigned code = CodeOf<Lanes>(feature, value);
      codes->any_missing |= missing;
      for (std::uint32_t p = 0; p < feature.plane_count; ++p) {
        const CodePlane& plane = feature.planes[p];
        const unsigned less = code > plane.base ? code - plane.base : 0;
        codes->code[plane.offset] = static_cast<std::uint8_t>((less > 255 ? 255 : less) ^ Lanes::kFlip);
        codes->missing[plane.offset] = missing ? 0xFF : 0;
      }
    }
  }

  template <typename Leaf>
  static void Add(const RowTree<Leaf>* trees, std::size_t count, std::uint32_t depth, std::size_t planes,
                  const RowCodes& codes, Leaf* sums) {
    switch (depth) {
      case 0:
        return AddTrees<0>(trees, count, planes, codes, sums);
      case 1:
        return AddTrees<1>(trees, count, planes, codes, sums);
      case 2:
        return AddTrees<2>(trees, count, planes, codes, sums);
      case 3:
        return AddTrees<3>(trees, count, planes, codes, sums);
      case 4:
        return AddTrees<4>(trees, count, planes, codes, sums);
      case 5:
        return AddTrees<5>(trees, count, planes, codes, sums);
      default:
        return AddTrees<6>(trees, count, planes, codes, sums);
    }
  }

  template <typename Leaf>
  static void Index(const RowTree<Leaf>* trees, std::size_t count, std::size_t planes, const RowCodes& codes,
                    std::uint8_t* leaves) {
    EachLeaf<kMaxRowDepth>(trees, count, planes, codes,
                           [&](std::size_t t, unsigned leaf) { leaves[t] = static_cast<std::uint8_t>(leaf); });
  }

 private:
  template <unsigned kDepth, typename Leaf>
  static void AddTrees(const RowTree<Leaf>* trees, std::size_t count, std::size_t planes, const RowCodes& codes,
                       Leaf* sums) {
    EachLeaf<kDepth>(trees, count, planes, codes,
                     [&](std::size_t t, unsigned leaf) { sums[trees[t].output] += trees[t].leaves[leaf]; });
  }

  // Few planes need fewer registers to be looked at.
  template <unsigned kDepth, typename Leaf, typename Take>
  [[gnu::always_inline]] static inline void EachLeaf(const RowTree<Leaf>* trees, std::size_t count, std::size_t planes,
                                                     const RowCodes& codes, const Take& take) {
    if (planes <= Lanes::kFewPlanes) {
      Pass<kDepth, Lanes::kFewPlanes>(trees, count, codes, take);
    } else {
      Pass<kDepth, Lanes::kPlanes>(trees, count, codes, take);
    }
  }

  template <unsigned kDepth, std::size_t kPlanes, typename Leaf, typename Take>
  [[gnu::always_inline]] static inline void Pass(const RowTree<Leaf>* trees, std::size_t count, const RowCodes& codes,
                                                 const Take& take) {
    const typename Lanes::template Table<kPlanes> code(codes.code);
    if (!codes.any_missing) {
      for (std::size_t t = 0; t < count; ++t) {
        const std::uint8_t* const nodes = trees[t].nodes;
        take(t, Descend<kDepth>(Lanes::Above(code.At(nodes), nodes + 64)));
      }
      return;
    }
    const typename Lanes::template Table<kPlanes> missing(codes.missing);  // a missing value's code is above nothing
    for (std::size_t t = 0; t < count; ++t) {
      const std::uint8_t* const nodes = trees[t].nodes;
      const std::uint64_t right = Lanes::Set(missing.At(nodes)) & trees[t].missing_right;
      take(t, Descend<kDepth>(Lanes::Above(code.At(nodes), nodes + 64) | right));
    }
  }

  template <unsigned kDepth>
  [[gnu::always_inline]] static inline unsigned Descend(std::uint64_t right) {
    std::uint64_t node = 1;
#pragma GCC unroll 6
    for (unsigned level = 0; level < kDepth; ++level) node = 2 * node + (right >> node & 1);
    return static_cast<unsigned>(node) - (1U << kDepth);
  }
};

template <typename Lanes>
inline constexpr RowKernel kRowBodyOf = {
    Lanes::kKeys,
    Lanes::kPlanes,
    Lanes::kFlip,
    &RowBody<Lanes>::Encode,
    {&RowBody<Lanes>::template Add<float>, &RowBody<Lanes>::template Index<float>},
    {&RowBody<Lanes>::template Add<double>, &RowBody<Lanes>::template Index<double>}};

}  // namespace keelson::serving
