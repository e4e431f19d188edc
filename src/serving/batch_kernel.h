#pragma once

#include <cstddef>
#include <cstdint>

#include "serving/coded_feature.h"

// The inner loops of BatchForest, once for each kind of processor. This header and the files that include it stay free
// of the standard library's templates: they are compiled for processors that the rest of the program may not run on.
namespace keelson::serving {

// A split of a complete tree: right when the row's byte in the plane at `plane` (an offset) is above the threshold.
struct BatchNode {
  std::uint32_t threshold;  // the byte four times
  std::uint32_t plane;
};

template <typename Leaf>
struct BatchTree {
  const BatchNode* nodes;  // 2^depth, by levels from 1 on: the children of i are 2i and 2i + 1
  const Leaf* leaves;      // 2^depth from left to right, 16 at least
  std::uint32_t depth;     // 0 to kMaxBatchDepth
  std::uint32_t output;
};

inline constexpr std::uint32_t kMaxBatchDepth = 6;

template <typename Leaf>
struct BatchTreeKernel {
  // Adds the leaf of each of the trees, in their order, to sums[output * lanes + row].
  void (*add)(const BatchTree<Leaf>* trees, std::size_t count, const std::uint8_t* planes, Leaf* sums);
  // The leaf of each row, counted from the left.
  void (*index)(const BatchTree<Leaf>& tree, const std::uint8_t* planes, std::uint8_t* leaves);
};

struct BatchKernel {
  std::size_t lanes;  // rows a block
  std::size_t keys;   // keys a block of the search tree
  std::uint8_t flip;  // every code and threshold is held xor this: some processors compare signed bytes only

  // Fills the planes from `count` <= lanes rows of `width` floats.
  void (*encode)(const CodedFeature* features, std::size_t feature_count, const float* rows, std::size_t count,
                 std::size_t width, std::uint8_t* planes);
  BatchTreeKernel<float> floats;
  BatchTreeKernel<double> doubles;

  const BatchTreeKernel<float>& Of(float) const { return floats; }
  const BatchTreeKernel<double>& Of(double) const { return doubles; }
};

extern const BatchKernel kAvx2Kernel;
extern const BatchKernel kAvx512Kernel;

}  // namespace keelson::serving
