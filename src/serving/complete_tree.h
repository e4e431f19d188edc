#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "serving/narrow_node.h"

namespace keelson::serving {

// The upper `depth` levels of a tree as a complete one, by levels: position i, from 1 on, holds the number of the node
// that stands there, or of the leaf that its branch has ended with; its children are at 2i and 2i + 1. The last half of
// the positions is where the levels end.
inline std::vector<std::uint32_t> CompleteTree(std::span<const NarrowNode> nodes, const NarrowTree& tree,
                                               std::uint32_t depth) {
  std::vector<std::uint32_t> at(std::size_t{2} << depth, tree.root);
  for (std::size_t i = 1; i < std::size_t{1} << depth; ++i) {
    const std::uint32_t node = at[i];
    at[2 * i] = node + nodes[node].delta();
    at[2 * i + 1] = at[2 * i] + (nodes[node].is_split() ? 1 : 0);
  }
  return at;
}

}  // namespace keelson::serving
