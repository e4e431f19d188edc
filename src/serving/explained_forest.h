#pragma once

#include <cstdint>
#include <vector>

#include "serving/flat_forest.h"
#include "serving/tree_shap.h"

namespace keelson::serving {

// What an XGBoost forest keeps for SHAP values beside its nodes, in their order. A value of its layout: built with the
// nodes, immutable afterwards.
struct ExplainedForest {
  struct Tree {
    std::uint32_t depth = 0;
    float mean = 0;    // of its leaves
    float weight = 1;  // DART's
  };

  std::vector<float> cover;
  std::vector<float> leaves;  // before DART's weights
  bool keep_leaves = false;   // set before the first tree when there are such weights
  std::vector<Tree> trees;

  void AddTree(const XgboostTree& tree, const OrderedTree& order, float weight);
  float Leaf(std::size_t node, float weighted) const { return keep_leaves ? leaves[node] : weighted; }
  std::size_t memory_bytes() const {
    return (cover.capacity() + leaves.capacity()) * sizeof(float) + trees.capacity() * sizeof(Tree);
  }

  // Adds tree `t`, which `nodes` shows to TreeShap, to the contributions of its output.
  template <typename Nodes>
  void Add(std::size_t t, std::size_t features, float* contributions, const Nodes& nodes) const {
    thread_local std::vector<float> phi;
    phi.assign(features + 1, 0.0f);
    TreeShap<float, Nodes>(nodes, trees[t].depth, /*zero_safe=*/true, phi.data());
    phi[features] = trees[t].mean;
    for (std::size_t i = 0; i <= features; ++i) contributions[i] += phi[i] * trees[t].weight;
  }
};

}  // namespace keelson::serving
