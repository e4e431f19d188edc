#include "sklearn/tree_nodes.h"

#include <algorithm>

namespace keelson::sklearn {
namespace {

using Kind = Value::Kind;

Result<const Array*> ArrayAt(const Attributes& attributes, std::string_view key) {
  KEELSON_ASSIGN_OR_RETURN(const auto* value, attributes.Get(key));
  if (value->kind != Kind::kArray) return attributes.Unlike(key);
  return &attributes.document().array(*value);
}

std::vector<std::uint8_t> Flags(const std::vector<std::int64_t>& values) {
  std::vector<std::uint8_t> flags;
  for (const std::int64_t value : values) flags.push_back(value != 0 ? 1 : 0);
  return flags;
}

}  // namespace

Result<TreeNodes> ReadTree(const Attributes& estimator, std::size_t width) {
  KEELSON_ASSIGN_OR_RETURN(const auto outputs, estimator.Int("n_outputs_"));
  if (outputs != 1) return estimator.Unlike("n_outputs_");
  KEELSON_ASSIGN_OR_RETURN(const auto* object, estimator.Get("tree_"));
  KEELSON_ASSIGN_OR_RETURN(const auto tree, Attributes::Of(estimator.document(), *object));
  if (tree.module() != "sklearn.tree._tree" || tree.name() != "Tree") return estimator.Unlike("tree_");
  KEELSON_ASSIGN_OR_RETURN(const auto* nodes, ArrayAt(tree, "nodes"));
  TreeNodes read;
  KEELSON_ASSIGN_OR_RETURN(read.left, FieldInts(*nodes, "left_child"));
  KEELSON_ASSIGN_OR_RETURN(read.right, FieldInts(*nodes, "right_child"));
  KEELSON_ASSIGN_OR_RETURN(read.feature, FieldInts(*nodes, "feature"));
  KEELSON_ASSIGN_OR_RETURN(read.threshold, FieldDoubles(*nodes, "threshold"));
  KEELSON_ASSIGN_OR_RETURN(const auto missing_left, FieldInts(*nodes, "missing_go_to_left"));
  read.missing_left = Flags(missing_left);
  KEELSON_ASSIGN_OR_RETURN(auto values, tree.DoubleMatrix("values"));
  const std::vector<std::int64_t> shape = {static_cast<std::int64_t>(read.left.size()), 1,
                                           static_cast<std::int64_t>(width)};
  if (values.shape != shape) return tree.Unlike("values");
  read.values = std::move(values.values);
  return read;
}

Result<TreeNodes> ReadHistTree(const Attributes& predictor) {
  KEELSON_ASSIGN_OR_RETURN(const auto* nodes, ArrayAt(predictor, "nodes"));
  TreeNodes read;
  KEELSON_ASSIGN_OR_RETURN(read.left, FieldInts(*nodes, "left"));
  KEELSON_ASSIGN_OR_RETURN(read.right, FieldInts(*nodes, "right"));
  KEELSON_ASSIGN_OR_RETURN(read.feature, FieldInts(*nodes, "feature_idx"));
  KEELSON_ASSIGN_OR_RETURN(read.threshold, FieldDoubles(*nodes, "num_threshold"));
  KEELSON_ASSIGN_OR_RETURN(read.values, FieldDoubles(*nodes, "value"));
  KEELSON_ASSIGN_OR_RETURN(const auto missing_left, FieldInts(*nodes, "missing_go_to_left"));
  KEELSON_ASSIGN_OR_RETURN(const auto leaf, FieldInts(*nodes, "is_leaf"));
  KEELSON_ASSIGN_OR_RETURN(const auto categorical, FieldInts(*nodes, "is_categorical"));
  read.missing_left = Flags(missing_left);
  for (std::size_t i = 0; i < leaf.size(); ++i) {
    if (leaf[i] != 0) {
      read.left[i] = -1;
      read.right[i] = -1;
    } else if (categorical[i] != 0) {
      return predictor.Unlike("nodes");
    }
  }
  return read;
}

}  // namespace keelson::sklearn
