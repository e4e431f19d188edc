#include "sklearn/forest.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace keelson::sklearn {
namespace {

constexpr std::size_t kTogether = 8;  // trees walked in step
constexpr std::uint32_t kCheckEvery = 4;

// The greatest T that is not above `threshold`: a T is up to either or to neither.
template <typename T>
T RoundDown(double threshold) {
  const T rounded = static_cast<T>(threshold);
  if (static_cast<double>(rounded) <= threshold) return rounded;
  return std::nextafter(rounded, -std::numeric_limits<T>::infinity());
}

std::unexpected<Error> Bad(std::string message) {
  return Fail(ErrorCode::kInvalidArgument, std::move(message));
}

// The nodes level by level, siblings side by side; kInvalidArgument when they are no tree.
struct Order {
  std::vector<std::size_t> nodes;
  std::vector<std::uint32_t> left;  // of each place in `nodes`: where its children begin; 0: a leaf
  std::uint32_t depth = 0;
};

Result<Order> OrderOf(const TreeNodes& tree, std::uint32_t features) {
  const std::size_t count = tree.left.size();
  Order order;
  order.nodes.reserve(count);
  order.nodes.push_back(0);
  std::size_t level_end = 1;
  for (std::size_t at = 0; at < order.nodes.size(); ++at) {
    if (at == level_end) {
      ++order.depth;
      level_end = order.nodes.size();
    }
    const std::size_t node = order.nodes[at];
    const std::int64_t left = tree.left[node];
    const std::int64_t right = tree.right[node];
    if (left == -1 && right == -1) {
      order.left.push_back(0);
      continue;
    }
    // scikit-learn's builders number children after their parent, so that no walk goes round.
    const auto is_child = [&](std::int64_t child) {
      return child > static_cast<std::int64_t>(node) && child < static_cast<std::int64_t>(count);
    };
    if (!is_child(left) || !is_child(right) || left == right || order.nodes.size() + 2 > count) {
      return Bad(fmt::format("node {} has children {} and {} of {} nodes", node, left, right, count));
    }
    if (tree.feature[node] < 0 || tree.feature[node] >= static_cast<std::int64_t>(features)) {
      return Bad(fmt::format("node {} asks for feature {} of {}", node, tree.feature[node], features));
    }
    if (std::isnan(tree.threshold[node])) return Bad(fmt::format("node {} has no threshold", node));
    order.left.push_back(static_cast<std::uint32_t>(order.nodes.size()));
    order.nodes.push_back(static_cast<std::size_t>(left));
    order.nodes.push_back(static_cast<std::size_t>(right));
  }
  if (order.nodes.size() != count) return Bad("nodes that no way leads to");
  return order;
}

}  // namespace

template <typename T>
Status Forest<T>::Add(const TreeNodes& tree, std::uint32_t width, std::uint32_t column, double scale) {
  const std::size_t count = tree.left.size();
  const bool whole = count > 0 && features_ > 0 && tree.right.size() == count && tree.feature.size() == count &&
                     tree.threshold.size() == count && tree.missing_left.size() == count &&
                     tree.values.size() == count * width;
  if (!whole) return Bad("a tree whose parts are not equally long");
  constexpr std::size_t kMost = std::numeric_limits<std::uint32_t>::max();
  if (nodes_.size() + count > kMost || values_.size() + tree.values.size() > kMost || features_ > kMost / 2) {
    return Fail(ErrorCode::kUnsupported, "a forest of more than 2^32 nodes or values");
  }
  KEELSON_ASSIGN_OR_RETURN(const auto order, OrderOf(tree, features_));
  const auto root = static_cast<std::uint32_t>(nodes_.size());
  for (std::size_t at = 0; at < count; ++at) {
    const std::size_t node = order.nodes[at];
    if (order.left[at] == 0) {
      nodes_.push_back({std::numeric_limits<T>::infinity(), 0, root + static_cast<std::uint32_t>(at)});
      leaf_.push_back(static_cast<std::uint32_t>(values_.size()));
      for (std::size_t i = 0; i < width; ++i) values_.push_back(scale * tree.values[node * width + i]);
      continue;
    }
    const auto feature = static_cast<std::uint32_t>(tree.feature[node]);
    nodes_.push_back({RoundDown<T>(tree.threshold[node]), feature * 2 + (tree.missing_left[node] != 0 ? 0u : 1u),
                      root + order.left[at]});
    leaf_.push_back(0);
  }
  trees_.push_back({root, order.depth, width, column});
  return {};
}

template <typename T>
template <std::size_t kTrees>
void Forest<T>::Walk(const Tree* trees, const T* row, double* out) const {
  std::array<std::uint32_t, kTrees> at;
  std::uint32_t depth = 0;
  for (std::size_t i = 0; i < kTrees; ++i) {
    at[i] = trees[i].root;
    depth = std::max(depth, trees[i].depth);
  }
  for (std::uint32_t level = 0; level < depth;) {
    std::uint32_t moved = 0;
    const std::uint32_t until = std::min(depth, level + kCheckEvery);
    for (; level < until; ++level) {
      moved = 0;
      for (std::size_t i = 0; i < kTrees; ++i) {
        const Node& node = nodes_[at[i]];
        const T value = row[node.feature >> 1];
        const bool missing_right = std::isnan(value) && (node.feature & 1) != 0;
        const std::uint32_t next = node.left + static_cast<std::uint32_t>(value > node.threshold || missing_right);
        moved |= next ^ at[i];
        at[i] = next;
      }
    }
    if (moved == 0) break;  // all are in their leaves
  }
  for (std::size_t i = 0; i < kTrees; ++i) {
    const double* values = values_.data() + leaf_[at[i]];
    double* const to = out + trees[i].column;
    for (std::uint32_t j = 0; j < trees[i].width; ++j) to[j] += values[j];
  }
}

template <typename T>
void Forest<T>::Predict(std::span<const T> rows, std::span<double> out, std::size_t width) const {
  const std::size_t count = rows.size() / features_;
  // Some trees for all rows, then the next ones: they stay in the cache.
  std::size_t first = 0;
  for (; first + kTogether <= trees_.size(); first += kTogether) {
    for (std::size_t row = 0; row < count; ++row) {
      Walk<kTogether>(&trees_[first], rows.data() + row * features_, out.data() + row * width);
    }
  }
  for (; first < trees_.size(); ++first) {
    for (std::size_t row = 0; row < count; ++row) {
      Walk<1>(&trees_[first], rows.data() + row * features_, out.data() + row * width);
    }
  }
}

template <typename T>
std::size_t Forest<T>::memory_bytes() const {
  return nodes_.capacity() * sizeof(Node) + leaf_.capacity() * sizeof(std::uint32_t) +
         values_.capacity() * sizeof(double) + trees_.capacity() * sizeof(Tree);
}

template class Forest<float>;
template class Forest<double>;

}  // namespace keelson::sklearn
