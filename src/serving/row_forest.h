#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "serving/narrow_node.h"
#include "serving/row_kernel.h"
#include "serving/threshold_codes.h"

namespace keelson::serving {

// The kernels that this machine's processor can run, the best first; none where we have none.
std::span<const RowKernel* const> RowKernels();

// A narrow forest laid out once more for single rows: see RowKernel. The upper six levels of each tree are completed
// with splits that always go left, the row's values become bytes, and what lies deeper is walked in the forest's own
// nodes. Adds the very leaves that walking adds, in the same order. Immutable; it refers to the nodes and leaves that
// it was built from.
template <typename Leaves>
class BasicRowForest {
 public:
  using Value = typename Leaves::Value;

  // nullptr when it would not pay: trees of less than two levels, or more planes than the kernel has registers for.
  static std::unique_ptr<const BasicRowForest> Build(std::span<const NarrowNode> nodes,
                                                     std::span<const NarrowTree> trees, std::size_t features,
                                                     const RowKernel& kernel, Leaves leaves = {});

  // What a row takes, in nanoseconds: an estimate to compare with other ways.
  double nanoseconds() const { return nanoseconds_; }
  std::size_t memory_bytes() const;
  void AddRow(const float* row, Value* margins) const;

 private:
  struct alignas(64) Line {
    std::byte bytes[64];
  };
  struct Run {  // of trees with as many levels; of deep ones, with however many
    std::size_t begin = 0;
    std::size_t end = 0;
    std::uint32_t depth = 0;  // of deep ones kMaxRowDepth + 1
  };

  BasicRowForest(const RowKernel& kernel, std::span<const NarrowNode> nodes, Leaves leaves)
      : kernel_(kernel), leaf_(leaves), nodes_(nodes) {}
  void LayOut(std::span<const NarrowTree> trees, const std::vector<std::vector<std::uint32_t>>& upper,
              const ThresholdPlanes& planes);
  void AddDeep(const Run& run, const float* row, const RowCodes& codes, Value* margins) const;

  const RowKernel& kernel_;
  const Leaves leaf_;
  std::span<const NarrowNode> nodes_;
  std::size_t planes_ = 0;
  double nanoseconds_ = 0;
  std::vector<Line> lines_;  // nodes and leaves
  std::vector<RowTree<Value>> trees_;
  std::vector<Run> runs_;
  CodeTables codes_;
  std::vector<std::uint32_t> entries_;       // 64 for each deep tree: where its walk goes on
  std::vector<std::uint32_t> entry_begin_;   // one a tree
  std::vector<std::uint32_t> levels_below_;  // one a tree: of a deep one, how many levels are walked
};

extern template class BasicRowForest<FloatLeaves>;
extern template class BasicRowForest<DoubleLeaves>;
using RowForest = BasicRowForest<FloatLeaves>;

}  // namespace keelson::serving
