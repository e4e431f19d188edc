#include <algorithm>

#include "serving/explained_forest.h"
#include "serving/flat_forest.h"
#include "serving/narrow_layouts.h"

namespace keelson::serving {
namespace {

// The trees of a model in the order of the file, in narrow nodes.
struct NarrowTrees {
  NarrowTrees(const XgboostModel& model, std::size_t begin, std::size_t end) {
    explained.keep_leaves = !model.tree_weights.empty();
    std::size_t total = 0;
    for (std::size_t t = begin; t < end; ++t) total += model.trees[t].size();
    nodes.reserve(total);
    file_node.reserve(total);
    for (std::size_t t = begin; t < end; ++t) {
      AddTree(model.trees[t], model.tree_weights.empty() ? 1.0f : model.tree_weights[t]);
      trees.back().output = static_cast<std::uint32_t>(model.tree_output[t]);
    }
  }

  void AddTree(const XgboostTree& tree, float weight) {
    const OrderedTree order = OrderBreadthFirst(tree);
    explained.AddTree(tree, order, weight);
    trees.push_back({static_cast<std::uint32_t>(nodes.size()), static_cast<std::uint32_t>(order.depth), 0});
    for (std::size_t i = 0; i < order.node.size(); ++i) {
      const auto source = static_cast<std::size_t>(order.node[i]);
      NarrowNode node{tree.value[source], 0};
      if (order.left[i] < 0) {
        node.value *= weight;
      } else {
        const auto delta = static_cast<std::uint32_t>(order.left[i]) - static_cast<std::uint32_t>(i);
        node.word = NarrowNode::SplitWord(static_cast<std::uint32_t>(tree.feature[source]),
                                          tree.default_left[source] == 0, delta);
      }
      nodes.push_back(node);
      file_node.push_back(order.node[i]);
    }
  }

  std::vector<NarrowNode> nodes;
  std::vector<std::int32_t> file_node;
  std::vector<NarrowTree> trees;
  ExplainedForest explained;
};

class NarrowForest final : public XgboostEngine {
 public:
  NarrowForest(const XgboostModel& model, std::size_t begin, std::size_t end)
      : NarrowForest(model, CanExplain(model, begin, end), NarrowTrees(model, begin, end)) {}

  void PredictLeaves(const float* row, std::span<std::int32_t> out) const override {
    const auto nodes = layouts_.nodes();
    for (std::size_t t = 0; t < trees(); ++t) {
      const NarrowTree& tree = layouts_.trees()[t];
      const NarrowNode* node = nodes.data() + tree.root;
      for (std::uint32_t level = 0; level < tree.depth; ++level) node = Step<true>(node, row);
      out[t] = file_node_[static_cast<std::size_t>(node - nodes.data())];
    }
  }
  std::size_t trees() const override { return layouts_.trees().size(); }
  std::size_t memory_bytes() const override {
    return sizeof(*this) + layouts_.memory_bytes() + file_node_.capacity() * 4 + explained_.memory_bytes();
  }

 protected:
  void AddTrees(const float* rows, std::size_t count, float* margins) const override {
    layouts_.Add(rows, count, margins);
  }

  void AddContributions(const float* row, float* contributions) const override {
    for (std::size_t t = 0; t < trees(); ++t) {
      const NarrowTree& tree = layouts_.trees()[t];
      explained_.Add(t, features_, contributions + std::size_t{tree.output} * (features_ + 1),
                     Explained{*this, row, tree.root});
    }
  }

 private:
  NarrowForest(const XgboostModel& model, Status explains, NarrowTrees trees)
      : XgboostEngine(model, std::move(explains)),
        layouts_(std::move(trees.nodes), std::move(trees.trees), model.features, model.outputs, FloatLeaves{}),
        file_node_(std::move(trees.file_node)) {
    if (Supports(PredictKind::kContributions)) explained_ = std::move(trees.explained);
  }

  // What TreeShap asks of a tree.
  struct Explained {
    const NarrowForest& forest;
    const float* row;
    std::uint32_t first;

    const NarrowNode& at(std::uint32_t node) const { return forest.layouts_.nodes()[node]; }
    std::uint32_t root() const { return first; }
    bool is_leaf(std::uint32_t node) const { return !at(node).is_split(); }
    std::uint32_t feature(std::uint32_t node) const { return at(node).feature(); }
    float cover(std::uint32_t node) const { return forest.explained_.cover[node]; }
    float leaf(std::uint32_t node) const { return forest.explained_.Leaf(node, at(node).value); }
    ShapBranch branch(std::uint32_t node) const {
      const std::uint32_t left = node + at(node).delta();
      const auto hot = static_cast<std::uint32_t>(Step<true>(&at(node), row) - forest.layouts_.nodes().data());
      return {hot, hot == left ? left + 1 : left};
    }
  };

  const NarrowLayouts<FloatLeaves> layouts_;
  const std::vector<std::int32_t> file_node_;
  ExplainedForest explained_;
};

}  // namespace

bool FitsNarrow(const XgboostModel& model, std::size_t begin, std::size_t end) {
  if (model.features > NarrowNode::kFeature) return false;
  std::size_t nodes = 0;
  for (std::size_t t = begin; t < end; ++t) {
    const XgboostTree& tree = model.trees[t];
    if (!tree.categorical.empty() || !tree.leaf_vectors.empty() || tree.size() > NarrowNode::kMaxTreeNodes)
      return false;
    nodes += tree.size();
  }
  return nodes <= NarrowNode::kMaxNodes;
}

Result<std::unique_ptr<const TreeEngine>> BuildNarrowForest(const XgboostModel& model, std::size_t begin,
                                                            std::size_t end) {
  return std::make_unique<const NarrowForest>(model, begin, end);
}

}  // namespace keelson::serving
