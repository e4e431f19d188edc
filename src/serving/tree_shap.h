#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace keelson::serving {

// Exact SHAP values of one tree for one row, by the path algorithm of Lundberg, Erion and Lee (arXiv:1802.03888), with
// every operation in the type and the order in which the libraries do it: T is float for XGBoost, double for LightGBM.
//
// `Tree` has is_leaf(n), feature(n), T cover(n) (how much training data came by), T leaf(n), and branch(n), the
// children of a split with the one that the row goes to first. Node numbers are std::uint32_t, the root is tree.root().
//
// It recurses as deep as the tree is: callers refuse trees deeper than kMaxExplainedDepth.
inline constexpr std::uint32_t kMaxExplainedDepth = 1'000;

struct ShapBranch {
  std::uint32_t hot;
  std::uint32_t cold;
};

template <typename T, typename Tree>
class TreeShap {
 public:
  // Adds to phi[feature]. kZeroSafe: a path of weight zero adds nothing (XGBoost) instead of what 0 / 0 gives
  // (LightGBM).
  TreeShap(const Tree& tree, std::uint32_t depth, bool zero_safe, T* phi)
      : tree_(tree), zero_safe_(zero_safe), phi_(phi), path_(Scratch(depth)) {
    Visit(tree.root(), 0, path_, 1, 1, -1);
  }

 private:
  struct Element {
    std::int64_t feature;
    T zero;    // the fraction of paths that go on when the feature is not known
    T one;     // when it is
    T weight;  // of the permutations in which as many features as the element's place are known
  };

  static Element* Scratch(std::uint32_t depth) {
    thread_local std::vector<Element> scratch;
    const std::size_t length = std::size_t{depth} + 3;
    if (scratch.size() < length * (length + 1) / 2) scratch.resize(length * (length + 1) / 2);
    return scratch.data();
  }

  void Visit(std::uint32_t node, int depth, Element* parent, T zero, T one, std::int64_t feature) {
    Element* const path = parent + depth;
    if (depth > 0) std::copy(parent, parent + depth, path);
    Extend(path, depth, zero, one, feature);
    if (tree_.is_leaf(node)) {
      for (int i = 1; i <= depth; ++i) {
        const T sum = UnwoundSum(path, depth, i);
        phi_[path[i].feature] += sum * (path[i].one - path[i].zero) * tree_.leaf(node);
      }
      return;
    }
    const ShapBranch next = tree_.branch(node);
    const std::int64_t split = tree_.feature(node);
    const T cover = tree_.cover(node);
    const T hot = tree_.cover(next.hot) / cover;
    const T cold = tree_.cover(next.cold) / cover;
    T incoming_zero = 1;
    T incoming_one = 1;
    // A feature that the path has already is taken out first: its two splits act as one.
    int known = 0;
    while (known <= depth && path[known].feature != split) ++known;
    if (known <= depth) {
      incoming_zero = path[known].zero;
      incoming_one = path[known].one;
      Unwind(path, depth, known);
      --depth;
    }
    Visit(next.hot, depth + 1, path, hot * incoming_zero, incoming_one, split);
    Visit(next.cold, depth + 1, path, cold * incoming_zero, 0, split);
  }

  static void Extend(Element* path, int depth, T zero, T one, std::int64_t feature) {
    path[depth] = {feature, zero, one, depth == 0 ? T{1} : T{0}};
    const T all = static_cast<T>(depth + 1);
    for (int i = depth - 1; i >= 0; --i) {
      path[i + 1].weight += one * path[i].weight * static_cast<T>(i + 1) / all;
      path[i].weight = zero * path[i].weight * static_cast<T>(depth - i) / all;
    }
  }

  static void Unwind(Element* path, int depth, int at) {
    const T one = path[at].one;
    const T zero = path[at].zero;
    const T all = static_cast<T>(depth + 1);
    T next = path[depth].weight;
    for (int i = depth - 1; i >= 0; --i) {
      if (one != 0) {
        const T before = path[i].weight;
        path[i].weight = next * all / (static_cast<T>(i + 1) * one);
        next = before - path[i].weight * zero * static_cast<T>(depth - i) / all;
      } else {
        path[i].weight = (path[i].weight * all) / (zero * static_cast<T>(depth - i));
      }
    }
    for (int i = at; i < depth; ++i) {
      path[i].feature = path[i + 1].feature;
      path[i].zero = path[i + 1].zero;
      path[i].one = path[i + 1].one;
    }
  }

  T UnwoundSum(const Element* path, int depth, int at) const {
    const T one = path[at].one;
    const T zero = path[at].zero;
    const T all = static_cast<T>(depth + 1);
    T next = path[depth].weight;
    T total = 0;
    for (int i = depth - 1; i >= 0; --i) {
      const T share = static_cast<T>(depth - i) / all;
      if (one != 0) {
        const T part = next * all / (static_cast<T>(i + 1) * one);
        total += part;
        next = path[i].weight - part * zero * share;
      } else if (zero != 0 || !zero_safe_) {
        total += (path[i].weight / zero) / share;
      }
    }
    return total;
  }

  const Tree& tree_;
  const bool zero_safe_;
  T* const phi_;
  Element* const path_;
};

}  // namespace keelson::serving
