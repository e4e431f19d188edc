#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "serving/xgboost_engine.h"

namespace keelson::serving {

// The layouts behind TreeEngine: NarrowNode where it can be, else WideNode. Nodes of all trees lie in one array, tree
// by tree and breadth-first inside a tree, the two children of a split side by side, so that one step is `left + (goes
// right)`.

// Sixteen bytes: everything else.
struct WideNode {
  static constexpr std::uint32_t kFeature = (1u << 24) - 1;
  static constexpr std::uint32_t kSplit = 1u << 24;
  static constexpr std::uint32_t kDefaultRight = 1u << 25;
  static constexpr std::uint32_t kCategorical = 1u << 26;

  float value;
  std::uint32_t word;  // flags and feature
  std::uint32_t left;  // index of the left child; of a leaf with a vector: where the vector begins
  std::uint32_t set;   // of a categorical split: its number among the sets
};
static_assert(sizeof(WideNode) == 16);

// A tree in breadth-first order, which both layouts are made from.
struct OrderedTree {
  std::vector<std::int32_t> node;  // the file's number of each node that is reached
  std::vector<std::int32_t> left;  // position of the left child in this order, -1 for a leaf
  int depth = 0;                   // edges from the root to the deepest leaf
};
OrderedTree OrderBreadthFirst(const XgboostTree& tree);

Result<std::unique_ptr<const TreeEngine>> BuildNarrowForest(const XgboostModel& model, std::size_t begin,
                                                            std::size_t end);
Result<std::unique_ptr<const TreeEngine>> BuildWideForest(const XgboostModel& model, std::size_t begin,
                                                          std::size_t end);
Result<std::unique_ptr<const TreeEngine>> BuildLinear(const XgboostModel& model);
bool FitsNarrow(const XgboostModel& model, std::size_t begin, std::size_t end);

}  // namespace keelson::serving
