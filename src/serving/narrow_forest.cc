#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "serving/batch_forest.h"
#include "serving/explained_forest.h"
#include "serving/flat_forest.h"
#include "serving/narrow_node.h"
#include "serving/row_forest.h"

namespace keelson::serving {
namespace {

// How many walks go side by side: one step waits for memory twice, so single walks leave the processor idle.
constexpr std::size_t kLanes = 8;

bool AnyMissing(const float* x, std::size_t count) {
  bool missing = false;
  for (std::size_t i = 0; i < count; ++i) missing |= x[i] != x[i];
  return missing;
}

class NarrowForest final : public XgboostEngine {
 public:
  NarrowForest(const XgboostModel& model, std::size_t begin, std::size_t end)
      : XgboostEngine(model, CanExplain(model, begin, end)) {
    explained_.keep_leaves = !model.tree_weights.empty();
    std::size_t total = 0;
    for (std::size_t t = begin; t < end; ++t) total += model.trees[t].size();
    nodes_.reserve(total);
    file_node_.reserve(total);
    for (std::size_t t = begin; t < end; ++t) {
      AddTree(model.trees[t], model.tree_weights.empty() ? 1.0f : model.tree_weights[t]);
      trees_.back().output = static_cast<std::uint32_t>(model.tree_output[t]);
    }
    if (!Supports(PredictKind::kContributions)) explained_ = {};
    if (const auto kernels = RowKernels(); !kernels.empty()) {
      row_ = RowForest::Build(nodes_, trees_, features_, *kernels.front());
    }
    if (const auto kernels = BatchKernels(); !kernels.empty()) {
      batch_ = BatchForest::Build(nodes_, trees_, features_, outputs_, *kernels.front(),
                                  row_ ? row_->nanoseconds() : WalkingNanoseconds(trees_));
    }
  }

  void PredictLeaves(const float* row, std::span<std::int32_t> out) const override {
    for (std::size_t t = 0; t < trees_.size(); ++t) {
      const NarrowNode* node = nodes_.data() + trees_[t].root;
      for (std::uint32_t level = 0; level < trees_[t].depth; ++level) node = Step<true>(node, row);
      out[t] = file_node_[static_cast<std::size_t>(node - nodes_.data())];
    }
  }
  std::size_t trees() const override { return trees_.size(); }
  std::size_t memory_bytes() const override {
    return sizeof(*this) + nodes_.capacity() * sizeof(NarrowNode) + file_node_.capacity() * 4 +
           trees_.capacity() * sizeof(NarrowTree) + (batch_ ? batch_->memory_bytes() : 0) +
           (row_ ? row_->memory_bytes() : 0) + explained_.memory_bytes();
  }

 protected:
  void AddTrees(const float* rows, std::size_t count, float* margins) const override {
    std::size_t row = 0;
    for (; batch_ && count - row >= batch_->min_rows(); row += std::min(count - row, batch_->lanes())) {
      batch_->AddBlock(rows + row * features_, std::min(count - row, batch_->lanes()), margins + row * outputs_);
    }
    for (; row_ && row < count; ++row) row_->AddRow(rows + row * features_, margins + row * outputs_);
    const bool missing = AnyMissing(rows + row * features_, (count - row) * features_);
    for (; row + kLanes <= count; row += kLanes) {
      missing ? AddToRows<true>(rows + row * features_, margins + row * outputs_)
              : AddToRows<false>(rows + row * features_, margins + row * outputs_);
    }
    for (; row < count; ++row) {
      missing ? AddToRow<true>(rows + row * features_, margins + row * outputs_)
              : AddToRow<false>(rows + row * features_, margins + row * outputs_);
    }
  }

  void AddContributions(const float* row, float* contributions) const override {
    for (std::size_t t = 0; t < trees_.size(); ++t) {
      explained_.Add(t, features_, contributions + std::size_t{trees_[t].output} * (features_ + 1),
                     Explained{*this, row, trees_[t].root});
    }
  }

 private:
  // What TreeShap asks of a tree.
  struct Explained {
    const NarrowForest& forest;
    const float* row;
    std::uint32_t first;

    const NarrowNode& at(std::uint32_t node) const { return forest.nodes_[node]; }
    std::uint32_t root() const { return first; }
    bool is_leaf(std::uint32_t node) const { return !at(node).is_split(); }
    std::uint32_t feature(std::uint32_t node) const { return at(node).feature(); }
    float cover(std::uint32_t node) const { return forest.explained_.cover[node]; }
    float leaf(std::uint32_t node) const { return forest.explained_.Leaf(node, at(node).value); }
    ShapBranch branch(std::uint32_t node) const {
      const std::uint32_t left = node + at(node).delta();
      const auto hot = static_cast<std::uint32_t>(Step<true>(&at(node), row) - forest.nodes_.data());
      return {hot, hot == left ? left + 1 : left};
    }
  };

  // One row through kLanes trees at a time; the leaves are added in the order of the trees.
  template <bool kMissing>
  void AddToRow(const float* x, float* margins) const {
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
      for (std::size_t lane = 0; lane < kLanes; ++lane) margins[trees_[t + lane].output] += at[lane]->value;
    }
    for (; t < trees_.size(); ++t) {
      const NarrowNode* node = nodes_.data() + trees_[t].root;
      for (std::uint32_t level = 0; level < trees_[t].depth; ++level) node = Step<kMissing>(node, x);
      margins[trees_[t].output] += node->value;
    }
  }

  // kLanes rows through one tree at a time.
  template <bool kMissing>
  void AddToRows(const float* rows, float* margins) const {
    std::array<const NarrowNode*, kLanes> at;
    for (const NarrowTree& tree : trees_) {
      at.fill(nodes_.data() + tree.root);
      for (std::uint32_t level = 0; level < tree.depth; ++level) {
#pragma GCC unroll 8
        for (std::size_t lane = 0; lane < kLanes; ++lane) at[lane] = Step<kMissing>(at[lane], rows + lane * features_);
      }
      for (std::size_t lane = 0; lane < kLanes; ++lane) margins[lane * outputs_ + tree.output] += at[lane]->value;
    }
  }

  void AddTree(const XgboostTree& tree, float weight) {
    const OrderedTree order = OrderBreadthFirst(tree);
    explained_.AddTree(tree, order, weight);
    trees_.push_back({static_cast<std::uint32_t>(nodes_.size()), static_cast<std::uint32_t>(order.depth), 0});
    for (std::size_t i = 0; i < order.node.size(); ++i) {
      const auto source = static_cast<std::size_t>(order.node[i]);
      NarrowNode node{tree.value[source], 0};
      if (order.left[i] < 0) {
        node.value *= weight;
      } else {
        const auto delta = static_cast<std::uint32_t>(order.left[i]) - static_cast<std::uint32_t>(i);
        node.word = static_cast<std::uint32_t>(tree.feature[source]) | 1u << NarrowNode::kSplitShift |
                    (tree.default_left[source] == 0 ? 1u << NarrowNode::kDefaultRightShift : 0u) |
                    delta << NarrowNode::kDeltaShift;
      }
      nodes_.push_back(node);
      file_node_.push_back(order.node[i]);
    }
  }

  std::vector<NarrowNode> nodes_;
  std::vector<std::int32_t> file_node_;
  std::vector<NarrowTree> trees_;
  ExplainedForest explained_;
  std::unique_ptr<const RowForest> row_;  // both absent where they would not pay
  std::unique_ptr<const BatchForest> batch_;
};

}  // namespace

bool FitsNarrow(const XgboostModel& model, std::size_t begin, std::size_t end) {
  if (model.features > NarrowNode::kFeature) return false;
  std::size_t nodes = 0;
  for (std::size_t t = begin; t < end; ++t) {
    const XgboostTree& tree = model.trees[t];
    if (!tree.categorical.empty() || !tree.leaf_vectors.empty() || tree.size() > (1u << 16)) return false;
    nodes += tree.size();
  }
  return nodes < (std::size_t{1} << 31);
}

Result<std::unique_ptr<const TreeEngine>> BuildNarrowForest(const XgboostModel& model, std::size_t begin,
                                                            std::size_t end) {
  return std::make_unique<const NarrowForest>(model, begin, end);
}

}  // namespace keelson::serving
