#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "serving/batch_forest.h"
#include "serving/narrow_node.h"
#include "serving/row_forest.h"

namespace keelson::serving {

// A narrow forest and the layouts that its size deserves: for blocks of rows and for single rows where the processor
// has the registers and they pay, else walks side by side. Immutable; safe from any thread.
template <typename Leaves>
class NarrowLayouts {
 public:
  using Value = typename Leaves::Value;

  // Rows have `features` values. What `leaves` refers to outlives this.
  NarrowLayouts(std::vector<NarrowNode> nodes, std::vector<NarrowTree> trees, std::size_t features, std::size_t outputs,
                Leaves leaves)
      : leaf_(leaves), nodes_(std::move(nodes)), trees_(std::move(trees)), features_(features), outputs_(outputs) {
    if (const auto kernels = RowKernels(); !kernels.empty()) {
      row_ = BasicRowForest<Leaves>::Build(nodes_, trees_, features_, *kernels.front(), leaf_);
    }
    if (const auto kernels = BatchKernels(); !kernels.empty()) {
      batch_ = BasicBatchForest<Leaves>::Build(nodes_, trees_, features_, outputs_, *kernels.front(),
                                               row_ ? row_->nanoseconds() : WalkingNanoseconds(trees_), leaf_);
    }
  }
  NarrowLayouts(const NarrowLayouts&) = delete;
  NarrowLayouts& operator=(const NarrowLayouts&) = delete;

  std::span<const NarrowNode> nodes() const { return nodes_; }
  std::span<const NarrowTree> trees() const { return trees_; }
  std::size_t memory_bytes() const {
    return nodes_.capacity() * sizeof(NarrowNode) + trees_.capacity() * sizeof(NarrowTree) +
           (batch_ ? batch_->memory_bytes() : 0) + (row_ ? row_->memory_bytes() : 0);
  }

  // Adds the leaf of every tree, in their order, to the `count` x outputs sums.
  void Add(const float* rows, std::size_t count, Value* sums) const {
    std::size_t row = 0;
    for (; batch_ && count - row >= batch_->min_rows(); row += std::min(count - row, batch_->lanes())) {
      batch_->AddBlock(rows + row * features_, std::min(count - row, batch_->lanes()), sums + row * outputs_);
    }
    for (; row_ && row < count; ++row) row_->AddRow(rows + row * features_, sums + row * outputs_);
    const bool missing = AnyMissing(rows + row * features_, (count - row) * features_);
    for (; row + kLanes <= count; row += kLanes) {
      missing ? AddToRows<true>(rows + row * features_, sums + row * outputs_)
              : AddToRows<false>(rows + row * features_, sums + row * outputs_);
    }
    for (; row < count; ++row) {
      missing ? AddToRow<true>(rows + row * features_, sums + row * outputs_)
              : AddToRow<false>(rows + row * features_, sums + row * outputs_);
    }
  }

 private:
  // How many walks go side by side: one step waits for memory twice, so single walks leave the processor idle.
  static constexpr std::size_t kLanes = 8;

  static bool AnyMissing(const float* x, std::size_t count) {
    bool missing = false;
    // NOLINTNEXTLINE(misc-redundant-expression): NaN is not itself
    for (std::size_t i = 0; i < count; ++i) missing |= x[i] != x[i];
    return missing;
  }

  // One row through kLanes trees at a time; the leaves are added in the order of the trees.
  template <bool kMissing>
  void AddToRow(const float* x, Value* sums) const {
    std::size_t t = 0;
    std::array<const NarrowNode*, kLanes> at;
    for (; t + kLanes <= trees_.size(); t += kLanes) {
      std::uint32_t depth = 0;
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        at[lane] = nodes_.data() + trees_[t + lane].root;
        depth = std::max(depth, trees_[t + lane].depth);
      }
      for (std::uint32_t level = 0; level < depth; ++level) {
#pragma GCC unroll 8
        for (std::size_t lane = 0; lane < kLanes; ++lane) at[lane] = Step<kMissing>(at[lane], x);
      }
      for (std::size_t lane = 0; lane < kLanes; ++lane) sums[trees_[t + lane].output] += leaf_(*at[lane]);
    }
    for (; t < trees_.size(); ++t) {
      const NarrowNode* node = nodes_.data() + trees_[t].root;
      for (std::uint32_t level = 0; level < trees_[t].depth; ++level) node = Step<kMissing>(node, x);
      sums[trees_[t].output] += leaf_(*node);
    }
  }

  // kLanes rows through one tree at a time.
  template <bool kMissing>
  void AddToRows(const float* rows, Value* sums) const {
    std::array<const NarrowNode*, kLanes> at;
    for (const NarrowTree& tree : trees_) {
      at.fill(nodes_.data() + tree.root);
      for (std::uint32_t level = 0; level < tree.depth; ++level) {
#pragma GCC unroll 8
        for (std::size_t lane = 0; lane < kLanes; ++lane) at[lane] = Step<kMissing>(at[lane], rows + lane * features_);
      }
      for (std::size_t lane = 0; lane < kLanes; ++lane) sums[lane * outputs_ + tree.output] += leaf_(*at[lane]);
    }
  }

  const Leaves leaf_;
  const std::vector<NarrowNode> nodes_;
  const std::vector<NarrowTree> trees_;
  const std::size_t features_;
  const std::size_t outputs_;
  std::unique_ptr<const BasicRowForest<Leaves>> row_;  // both absent where they would not pay
  std::unique_ptr<const BasicBatchForest<Leaves>> batch_;
};

}  // namespace keelson::serving
