#include "serving/flat_forest.h"

#include <fmt/core.h>

#include <algorithm>
#include <limits>

#include "serving/explained_forest.h"

namespace keelson::serving {
namespace {

class WideForest final : public XgboostEngine {
 public:
  WideForest(const XgboostModel& model, std::size_t begin, std::size_t end)
      : XgboostEngine(model, CanExplain(model, begin, end)) {
    explained_.keep_leaves = !model.tree_weights.empty();
    for (std::size_t t = begin; t < end; ++t) {
      roots_.push_back(static_cast<std::uint32_t>(nodes_.size()));
      tree_output_.push_back(model.tree_output[t]);
      AddTree(model.trees[t], model.tree_weights.empty() ? 1.0f : model.tree_weights[t]);
    }
    if (!Supports(PredictKind::kContributions)) explained_ = {};
  }

  void PredictLeaves(const float* row, std::span<std::int32_t> out) const override {
    for (std::size_t t = 0; t < roots_.size(); ++t) out[t] = file_node_[Walk(roots_[t], row)];
  }
  std::size_t trees() const override { return roots_.size(); }
  std::size_t memory_bytes() const override {
    return sizeof(*this) + nodes_.capacity() * sizeof(WideNode) + file_node_.capacity() * 4 +
           leaf_vectors_.capacity() * 4 + set_bits_.capacity() * 4 + sets_.capacity() * sizeof(CategorySet) +
           roots_.capacity() * 8 + explained_.memory_bytes();
  }

 protected:
  void AddTrees(const float* rows, std::size_t count, float* margins) const override {
    constexpr std::size_t kBlock = 32;
    for (std::size_t first = 0; first < count; first += kBlock) {
      const std::size_t last = std::min(count, first + kBlock);
      for (std::size_t t = 0; t < roots_.size(); ++t) {
        for (std::size_t row = first; row < last; ++row) {
          const WideNode& leaf = nodes_[Walk(roots_[t], rows + row * features_)];
          float* sums = margins + row * outputs_;
          if (leaf_vectors_.empty()) {
            sums[tree_output_[t]] += leaf.value;
          } else {
            for (std::size_t k = 0; k < outputs_; ++k) sums[k] += leaf_vectors_[leaf.left + k];
          }
        }
      }
    }
  }

  void AddContributions(const float* row, float* contributions) const override {
    for (std::size_t t = 0; t < roots_.size(); ++t) {
      explained_.Add(t, features_, contributions + static_cast<std::size_t>(tree_output_[t]) * (features_ + 1),
                     Explained{*this, row, roots_[t]});
    }
  }

 private:
  // What TreeShap asks of a tree.
  struct Explained {
    const WideForest& forest;
    const float* row;
    std::uint32_t first;

    std::uint32_t root() const { return first; }
    bool is_leaf(std::uint32_t node) const { return (forest.nodes_[node].word & WideNode::kSplit) == 0; }
    std::uint32_t feature(std::uint32_t node) const { return forest.nodes_[node].word & WideNode::kFeature; }
    float cover(std::uint32_t node) const { return forest.explained_.cover[node]; }
    float leaf(std::uint32_t node) const { return forest.explained_.Leaf(node, forest.nodes_[node].value); }
    ShapBranch branch(std::uint32_t node) const {
      const std::uint32_t left = forest.nodes_[node].left;
      const std::uint32_t hot = forest.Next(node, row);
      return {hot, hot == left ? left + 1 : left};
    }
  };

  // Categories that go right, as bits from 0 on; what lies beyond the bits goes left.
  struct CategorySet {
    std::uint32_t begin = 0;  // in set_bits_
    std::uint32_t words = 0;
  };

  std::uint32_t Walk(std::uint32_t node, const float* x) const {
    while ((nodes_[node].word & WideNode::kSplit) != 0) node = Next(node, x);
    return node;
  }

  std::uint32_t Next(std::uint32_t node, const float* x) const {
    const WideNode& split = nodes_[node];
    const float value = x[split.word & WideNode::kFeature];
    bool right = false;
    if (value != value) {
      right = (split.word & WideNode::kDefaultRight) != 0;
    } else if ((split.word & WideNode::kCategorical) != 0) {
      right = InSet(sets_[split.set], value);
    } else {
      right = value >= split.value;
    }
    return split.left + (right ? 1 : 0);
  }

  bool InSet(const CategorySet& set, float value) const {
    if (!(value >= 0) || value >= 16777216.0f) return false;
    const auto category = static_cast<std::uint32_t>(value);
    if (category / 32 >= set.words) return false;
    return (set_bits_[set.begin + category / 32] >> (category % 32) & 1) != 0;
  }

  void AddTree(const XgboostTree& tree, float weight) {
    const OrderedTree order = OrderBreadthFirst(tree);
    explained_.AddTree(tree, order, weight);
    const auto base = static_cast<std::uint32_t>(nodes_.size());
    for (std::size_t i = 0; i < order.node.size(); ++i) {
      const auto source = static_cast<std::size_t>(order.node[i]);
      WideNode node{tree.value[source], 0, 0, 0};
      if (order.left[i] < 0) {
        node.value *= weight;
        if (!tree.leaf_vectors.empty()) {
          node.left = static_cast<std::uint32_t>(leaf_vectors_.size());
          for (std::size_t k = 0; k < outputs_; ++k) {
            leaf_vectors_.push_back(tree.leaf_vectors[source * outputs_ + k] * weight);
          }
        }
      } else {
        node.word = static_cast<std::uint32_t>(tree.feature[source]) | WideNode::kSplit;
        if (tree.default_left[source] == 0) node.word |= WideNode::kDefaultRight;
        node.left = base + static_cast<std::uint32_t>(order.left[i]);
        if (!tree.categorical.empty() && tree.categorical[source] != 0) {
          node.word |= WideNode::kCategorical;
          node.set = static_cast<std::uint32_t>(sets_.size());
          AddSet(tree.categories[source]);
        }
      }
      nodes_.push_back(node);
      file_node_.push_back(order.node[i]);
    }
  }

  void AddSet(const std::vector<std::int32_t>& categories) {
    CategorySet set;
    set.begin = static_cast<std::uint32_t>(set_bits_.size());
    if (!categories.empty()) {
      set.words = static_cast<std::uint32_t>(*std::max_element(categories.begin(), categories.end())) / 32 + 1;
    }
    set_bits_.resize(set_bits_.size() + set.words);
    for (const std::int32_t category : categories) {
      set_bits_[set.begin + static_cast<std::uint32_t>(category) / 32] |= 1u << (category % 32);
    }
    sets_.push_back(set);
  }

  std::vector<WideNode> nodes_;
  std::vector<std::int32_t> file_node_;
  std::vector<float> leaf_vectors_;
  std::vector<std::uint32_t> set_bits_;
  std::vector<CategorySet> sets_;
  std::vector<std::uint32_t> roots_;
  std::vector<std::int32_t> tree_output_;
  ExplainedForest explained_;
};

// What the bits of all category sets would take: a file of a few bytes can name category 2^24 - 1 in every split.
std::size_t SetWords(const XgboostModel& model, std::size_t begin, std::size_t end) {
  std::size_t words = 0;
  for (std::size_t t = begin; t < end; ++t) {
    for (const auto& set : model.trees[t].categories) {
      if (!set.empty()) words += static_cast<std::size_t>(*std::max_element(set.begin(), set.end())) / 32 + 1;
    }
  }
  return words;
}

}  // namespace

OrderedTree OrderBreadthFirst(const XgboostTree& tree) {
  OrderedTree order;
  order.node.push_back(0);
  std::vector<int> depth = {0};
  for (std::size_t i = 0; i < order.node.size(); ++i) {
    const auto source = static_cast<std::size_t>(order.node[i]);
    order.depth = std::max(order.depth, depth[i]);
    if (tree.is_leaf(source)) {
      order.left.push_back(-1);
      continue;
    }
    order.left.push_back(static_cast<std::int32_t>(order.node.size()));
    order.node.push_back(tree.left[source]);
    order.node.push_back(tree.right[source]);
    depth.insert(depth.end(), 2, depth[i] + 1);
  }
  return order;
}

Result<std::unique_ptr<const TreeEngine>> BuildWideForest(const XgboostModel& model, std::size_t begin,
                                                          std::size_t end) {
  std::size_t nodes = 0;
  std::size_t vectors = 0;
  for (std::size_t t = begin; t < end; ++t) {
    nodes += model.trees[t].size();
    vectors += model.trees[t].leaf_vectors.size();
    if (model.trees[t].leaf_vectors.empty() != model.trees[begin].leaf_vectors.empty()) {
      return Fail(ErrorCode::kUnsupported, "trees with scalar leaves beside trees with vector leaves",
                  fmt::format("learner.gradient_booster.model.trees[{}]", t));
    }
  }
  constexpr std::size_t kLimit = std::numeric_limits<std::int32_t>::max();
  constexpr std::size_t kSetWordLimit = std::size_t{1} << 26;  // 256 MiB
  if (nodes > kLimit || vectors > kLimit) return Fail(ErrorCode::kUnsupported, "more than 2^31 nodes or leaf values");
  if (const auto words = SetWords(model, begin, end); words > kSetWordLimit) {
    return Fail(ErrorCode::kUnsupported, fmt::format("category sets of {} MiB; at most 256 are served", words >> 18));
  }
  return std::make_unique<const WideForest>(model, begin, end);
}

}  // namespace keelson::serving
