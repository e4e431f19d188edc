#include "serving/explained_forest.h"

namespace keelson::serving {

void ExplainedForest::AddTree(const XgboostTree& tree, const OrderedTree& order, float weight) {
  if (tree.cover.empty() || !tree.leaf_vectors.empty()) return;  // then nothing is explained
  for (const std::int32_t each : order.node) {
    const auto node = static_cast<std::size_t>(each);
    cover.push_back(tree.cover[node]);
    if (keep_leaves) leaves.push_back(tree.value[node]);
  }
  trees.push_back({static_cast<std::uint32_t>(order.depth), MeanLeaf(tree, order.node), weight});
}

}  // namespace keelson::serving
