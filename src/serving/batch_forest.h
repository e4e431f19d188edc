#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "serving/batch_kernel.h"
#include "serving/narrow_node.h"
#include "serving/threshold_codes.h"

namespace keelson::serving {

// The kernels that this machine's processor can run, the best first; none where we have none.
std::span<const BatchKernel* const> BatchKernels();

// What walking a row through the trees takes, about.
double WalkingNanoseconds(std::span<const NarrowTree> trees);

// A narrow forest laid out once more for blocks of rows: see BatchKernel. The upper six levels of each tree are
// completed with splits that always go left, thresholds become bytes (a feature with more than 255 of them has several
// planes), and what lies deeper is walked in the forest's own nodes. Adds the very floats that walking adds, in the
// same order. Immutable; it refers to the nodes and leaves that it was built from.
template <typename Leaves>
class BasicBatchForest {
 public:
  using Value = typename Leaves::Value;

  // `row_nanoseconds` is what a row takes otherwise (see WalkingNanoseconds). nullptr when a block is no quicker, and
  // when the forest has too many thresholds for a cache: over 65,280 of a feature or 8,192 planes.
  static std::unique_ptr<const BasicBatchForest> Build(std::span<const NarrowNode> nodes,
                                                       std::span<const NarrowTree> trees, std::size_t features,
                                                       std::size_t outputs, const BatchKernel& kernel,
                                                       double row_nanoseconds, Leaves leaves = {});

  std::size_t lanes() const { return kernel_.lanes; }
  // From how many rows on a block is quicker than each of them alone.
  std::size_t min_rows() const { return min_rows_; }
  std::size_t memory_bytes() const;
  // For up to lanes() rows.
  void AddBlock(const float* rows, std::size_t count, Value* margins) const;

 private:
  struct alignas(64) Line {
    std::byte bytes[64];
  };
  struct Builder;
  struct Run {  // of trees that are alike in being deep or not
    std::size_t begin = 0;
    std::size_t end = 0;
    bool deep = false;
  };

  BasicBatchForest(const BatchKernel& kernel, std::span<const NarrowNode> nodes, std::size_t features,
                   std::size_t outputs, Leaves leaves)
      : kernel_(kernel), leaf_(leaves), nodes_(nodes), features_(features), outputs_(outputs) {}
  void AddDeep(const Run& run, const float* rows, std::size_t count, const std::uint8_t* planes, Value* sums) const;

  const BatchKernel& kernel_;
  const Leaves leaf_;
  std::span<const NarrowNode> nodes_;
  std::size_t features_;
  std::size_t outputs_;
  std::size_t plane_bytes_ = 0;
  std::size_t min_rows_ = 0;
  std::vector<Line> lines_;  // nodes and leaves
  std::vector<BatchTree<Value>> trees_;
  std::vector<Run> runs_;
  CodeTables codes_;
  std::vector<std::uint32_t> entries_;       // 64 for each deep tree: where its walk goes on
  std::vector<std::uint32_t> entry_begin_;   // one a tree
  std::vector<std::uint32_t> levels_below_;  // one a tree: of a deep one, how many levels are walked
};

extern template class BasicBatchForest<FloatLeaves>;
extern template class BasicBatchForest<DoubleLeaves>;
using BatchForest = BasicBatchForest<FloatLeaves>;

}  // namespace keelson::serving
