#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"

namespace keelson::sklearn {

// A tree as it is written: nodes by their places, the root first.
struct TreeNodes {
  std::vector<std::int64_t> left, right;  // places of children; a leaf's are -1
  std::vector<std::int64_t> feature;
  std::vector<double> threshold;           // a value up to it goes left
  std::vector<std::uint8_t> missing_left;  // whether NaN goes left
  std::vector<double> values;              // of each node, `width` of them: what a leaf says
};

// Trees whose leaves are doubles, summed in the order of the trees: the same bits as adding one tree's answers after
// the other. T is what features are compared as: float for trees that scikit-learn casts its input for, else double.
// Built tree by tree; then immutable and safe from any thread.
//
// A node is 12 bytes (16 of doubles), siblings side by side, each tree level by level; a leaf points to itself, so that
// several trees are walked in step without asking which one has arrived.
template <typename T>
class Forest {
 public:
  explicit Forest(std::uint32_t features) : features_(features) {}

  // Adds the tree's `width` values a leaf, each times `scale`, to the outputs from `column` on. kInvalidArgument for
  // what is no tree over these features.
  Status Add(const TreeNodes& tree, std::uint32_t width, std::uint32_t column, double scale = 1);
  // `rows` are row-major; `out` has `width` places for each row, which are added to.
  void Predict(std::span<const T> rows, std::span<double> out, std::size_t width) const;

  std::size_t trees() const { return trees_.size(); }
  std::size_t memory_bytes() const;

 private:
  struct Node {
    T threshold;            // infinity in a leaf
    std::uint32_t feature;  // times 2, plus 1 where NaN goes right
    std::uint32_t left;     // the right child is the next one; a leaf's is itself
  };
  struct Tree {
    std::uint32_t root;
    std::uint32_t depth;
    std::uint32_t width;
    std::uint32_t column;
  };
  template <std::size_t kTrees>
  void Walk(const Tree* trees, const T* row, double* out) const;

  std::uint32_t features_;
  std::vector<Node> nodes_;
  std::vector<std::uint32_t> leaf_;  // of each node: where its values begin
  std::vector<double> values_;
  std::vector<Tree> trees_;
};

extern template class Forest<float>;
extern template class Forest<double>;

}  // namespace keelson::sklearn
