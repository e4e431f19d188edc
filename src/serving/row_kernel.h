#pragma once

#include <cstddef>
#include <cstdint>

#include "serving/coded_feature.h"

// The inner loops of RowForest, once for each kind of processor. This header and the files that include it stay free of
// the standard library's templates: they are compiled for processors that the rest of the program may not run on.
namespace keelson::serving {

inline constexpr std::uint32_t kMaxRowDepth = 6;
inline constexpr std::size_t kMaxRowPlanes = 128;

// A complete tree. Its nodes stand by levels from 1 on: the children of i are 2i and 2i + 1.
template <typename Leaf>
struct RowTree {
  const std::uint8_t* nodes;    // 64 numbers of planes, then 64 thresholds: right when the plane's byte is above
  const Leaf* leaves;           // 2^depth from left to right
  std::uint64_t missing_right;  // bit i: a missing value goes right at node i
  std::uint32_t output;
};

// What one row's values are as bytes: of plane p the byte p.
struct RowCodes {
  alignas(64) std::uint8_t code[kMaxRowPlanes];
  alignas(64) std::uint8_t missing[kMaxRowPlanes];  // all ones where the value is missing, else zero
  bool any_missing;
};

template <typename Leaf>
struct RowTreeKernel {
  // Adds the leaf of each of the trees, all of one depth, in their order, to sums[output].
  void (*add)(const RowTree<Leaf>* trees, std::size_t count, std::uint32_t depth, std::size_t planes,
              const RowCodes& codes, Leaf* sums);
  // The leaf of each of the trees, counted from the left; all are kMaxRowDepth deep.
  void (*index)(const RowTree<Leaf>* trees, std::size_t count, std::size_t planes, const RowCodes& codes,
                std::uint8_t* leaves);
};

struct RowKernel {
  std::size_t keys;    // keys a block of the search trees
  std::size_t planes;  // at most so many
  std::uint8_t flip;   // every code and threshold is held xor this: some processors compare signed bytes only

  void (*encode)(const CodedFeature* features, std::size_t feature_count, const float* row, RowCodes* codes);
  RowTreeKernel<float> floats;
  RowTreeKernel<double> doubles;

  const RowTreeKernel<float>& Of(float) const { return floats; }
  const RowTreeKernel<double>& Of(double) const { return doubles; }
};

extern const RowKernel kAvx2RowKernel;
extern const RowKernel kAvx512RowKernel;

}  // namespace keelson::serving
