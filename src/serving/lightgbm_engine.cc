#include "serving/lightgbm_engine.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

namespace keelson::serving {
namespace {

constexpr double kZero = static_cast<double>(1e-35f);
constexpr std::uint64_t kMaxContributions = std::uint64_t{1} << 26;  // a row

double Sigmoid(double factor, double margin) {
  return 1.0 / (1.0 + std::exp(-factor * margin));
}

void Softmax(double* values, std::size_t count) {
  const double largest = *std::max_element(values, values + count);
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    values[i] = std::exp(values[i] - largest);
    sum += values[i];
  }
  for (std::size_t i = 0; i < count; ++i) values[i] /= sum;
}

}  // namespace

LightgbmEngine::LightgbmEngine(const LightgbmModel& model, std::size_t begin, std::size_t end)
    : TreeEngine(model.features),
      outputs_(model.outputs),
      transform_(model.transform),
      sigmoid_(model.sigmoid),
      divisor_(model.average ? static_cast<double>(end - begin) : 1.0),
      explains_(FindObstacle(model, begin, end)) {
  for (std::size_t t = begin * outputs_; t < end * outputs_; ++t) AddTree(model.trees[t]);
  layout_ = LightgbmLayout::Build(model, begin, end);
}

Status LightgbmEngine::FindObstacle(const LightgbmModel& model, std::size_t begin, std::size_t end) const {
  if (std::uint64_t{outputs_} * (std::uint64_t{features_} + 1) > kMaxContributions) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("{} outputs of {} features each: at most 2^26 contributions a row", outputs_, features_));
  }
  for (std::size_t t = begin * outputs_; t < end * outputs_; ++t) {
    const LightgbmTree& tree = model.trees[t];
    if (tree.linear()) {
      return Fail(ErrorCode::kUnsupported, "contributions are not defined for trees with linear leaves");
    }
    if (tree.leaves() > 1 && (tree.leaf_count.empty() || tree.internal_count.empty())) {
      return Fail(ErrorCode::kUnsupported,
                  "the model's file has no leaf_count and internal_count, which contributions need");
    }
    if (tree.depth > kMaxExplainedDepth) {
      return Fail(ErrorCode::kUnsupported,
                  fmt::format("tree {} is deeper than the {} levels that contributions are computed for", t,
                              kMaxExplainedDepth));
    }
  }
  return {};
}

void LightgbmEngine::AddTree(const LightgbmTree& source) {
  Tree tree;
  tree.depth = source.depth;
  tree.linear = source.linear();
  tree.first_leaf = static_cast<std::uint32_t>(leaves_.size());
  const auto first_node = static_cast<std::int32_t>(nodes_.size());
  const auto first_set = static_cast<double>(sets_.size());
  auto child = [&](std::int32_t number) {
    return number < 0 ? ~(static_cast<std::int32_t>(tree.first_leaf) + ~number) : first_node + number;
  };
  tree.root = source.left.empty() ? child(-1) : first_node;
  for (std::size_t i = 0; i < source.left.size(); ++i) {
    Node node{source.threshold[i], child(source.left[i]), child(source.right[i]),
              static_cast<std::uint32_t>(source.feature[i]), source.decision[i]};
    if ((node.decision & LightgbmTree::kCategorical) != 0) node.threshold = first_set + std::floor(node.threshold);
    nodes_.push_back(node);
  }
  for (std::size_t i = 0; i + 1 < source.set_begin.size(); ++i) {
    const auto begin = static_cast<std::size_t>(source.set_begin[i]);
    const auto end = static_cast<std::size_t>(source.set_begin[i + 1]);
    sets_.push_back({static_cast<std::uint32_t>(set_words_.size() + begin), static_cast<std::uint32_t>(end - begin)});
  }
  set_words_.insert(set_words_.end(), source.set_words.begin(), source.set_words.end());
  leaves_.insert(leaves_.end(), source.leaf_value.begin(), source.leaf_value.end());
  if (tree.linear) {
    linear_.resize(tree.first_leaf);
    for (std::size_t leaf = 0; leaf < source.leaves(); ++leaf) {
      Linear linear{source.leaf_constant[leaf], static_cast<std::uint32_t>(linear_terms_.size()), 0};
      for (std::size_t i = 0; i < source.leaf_features[leaf].size(); ++i) {
        linear_terms_.push_back(
            {static_cast<std::uint32_t>(source.leaf_features[leaf][i]), source.leaf_coefficients[leaf][i]});
      }
      linear.end = static_cast<std::uint32_t>(linear_terms_.size());
      linear_.push_back(linear);
    }
  }
  if (explains_) {
    tree.mean = source.leaf_value[0];
    if (source.leaves() > 1) {
      tree.mean = 0;
      const auto all = static_cast<double>(source.internal_count[0]);
      for (std::size_t i = 0; i < source.leaves(); ++i) {
        tree.mean += (static_cast<double>(source.leaf_count[i]) / all) * source.leaf_value[i];
      }
    }
    node_cover_.insert(node_cover_.end(), source.internal_count.begin(), source.internal_count.end());
    leaf_cover_.insert(leaf_cover_.end(), source.leaf_count.begin(), source.leaf_count.end());
    leaf_cover_.resize(leaves_.size());
  }
  trees_.push_back(tree);
}

std::int32_t LightgbmEngine::Next(const Node& node, double value) const {
  if ((node.decision & LightgbmTree::kCategorical) != 0) {
    if (!(value > -1 && value < 2147483648.0)) return node.right;  // missing, negative, beyond an int
    const auto category = static_cast<std::uint32_t>(value);
    const Set& set = sets_[static_cast<std::size_t>(node.threshold)];
    if (category / 32 >= set.words) return node.right;
    return (set_words_[set.begin + category / 32] >> (category % 32) & 1) != 0 ? node.left : node.right;
  }
  const auto missing = static_cast<LightgbmTree::Missing>(node.decision >> 2);
  if (value != value && missing != LightgbmTree::Missing::kNaN) value = 0;
  if ((missing == LightgbmTree::Missing::kNaN && value != value) ||
      (missing == LightgbmTree::Missing::kZero && value >= -kZero && value <= kZero)) {
    return (node.decision & LightgbmTree::kDefaultLeft) != 0 ? node.left : node.right;
  }
  return value <= node.threshold ? node.left : node.right;
}

std::int32_t LightgbmEngine::Walk(const Tree& tree, const double* row) const {
  std::int32_t node = tree.root;
  while (node >= 0) {
    const Node& split = nodes_[static_cast<std::size_t>(node)];
    node = Next(split, row[split.feature]);
  }
  return ~node;
}

double LightgbmEngine::Value(const Tree& tree, const double* row) const {
  const auto leaf = static_cast<std::size_t>(Walk(tree, row));
  if (!tree.linear) return leaves_[leaf];
  const Linear& linear = linear_[leaf];
  double value = linear.constant;
  for (std::uint32_t i = linear.begin; i < linear.end; ++i) {
    const double x = row[linear_terms_[i].feature];
    if (x != x) return leaves_[leaf];
    value += linear_terms_[i].coefficient * x;
  }
  return value;
}

void LightgbmEngine::Sum(const double* row, double* sums) const {
  std::fill_n(sums, outputs_, 0.0);
  std::size_t t = 0;
  while (t < trees_.size()) {
    for (std::size_t k = 0; k < outputs_; ++k) sums[k] += Value(trees_[t++], row);
  }
}

void LightgbmEngine::Transform(double* sums) const {
  for (std::size_t k = 0; k < outputs_; ++k) sums[k] /= divisor_;
  if (transform_ == LightgbmTransform::kSoftmax) return Softmax(sums, outputs_);
  for (std::size_t k = 0; k < outputs_; ++k) {
    const double sum = sums[k];
    switch (transform_) {
      case LightgbmTransform::kSigmoid:
        sums[k] = Sigmoid(sigmoid_, sum);
        break;
      case LightgbmTransform::kExponential:
        sums[k] = std::exp(sum);
        break;
      case LightgbmTransform::kLog1pExp:
        sums[k] = std::log1p(std::exp(sum));
        break;
      case LightgbmTransform::kSignedSquare:
        sums[k] = (sum > 0 ? 1.0 : sum < 0 ? -1.0 : 0.0) * sum * sum;
        break;
      case LightgbmTransform::kIdentity:
      case LightgbmTransform::kSoftmax:
        break;
    }
  }
}

// What TreeShap asks of a tree: splits are their places, leaves have the top bit set.
struct LightgbmEngine::Explained {
  static constexpr std::uint32_t kLeaf = 1u << 31;
  const LightgbmEngine& engine;
  const double* row;
  std::int32_t first;

  static std::uint32_t Number(std::int32_t child) {
    return child < 0 ? static_cast<std::uint32_t>(~child) | kLeaf : static_cast<std::uint32_t>(child);
  }
  std::uint32_t root() const { return Number(first); }
  bool is_leaf(std::uint32_t node) const { return (node & kLeaf) != 0; }
  std::uint32_t feature(std::uint32_t node) const { return engine.nodes_[node].feature; }
  double cover(std::uint32_t node) const {
    return is_leaf(node) ? engine.leaf_cover_[node & ~kLeaf] : engine.node_cover_[node];
  }
  double leaf(std::uint32_t node) const { return engine.leaves_[node & ~kLeaf]; }
  ShapBranch branch(std::uint32_t node) const {
    const Node& split = engine.nodes_[node];
    const std::int32_t hot = engine.Next(split, row[split.feature]);
    return {Number(hot), Number(hot == split.left ? split.right : split.left)};
  }
};

void LightgbmEngine::Contributions(const double* row, double* phi) const {
  std::fill_n(phi, std::size_t{outputs_} * (features_ + 1), 0.0);
  for (std::size_t t = 0; t < trees_.size(); ++t) {
    const Tree& tree = trees_[t];
    double* const output = phi + (t % outputs_) * (features_ + 1);
    output[features_] += tree.mean;
    if (tree.root < 0) continue;
    TreeShap<double, Explained>(Explained{*this, row, tree.root}, tree.depth, /*zero_safe=*/false, output);
  }
}

std::uint32_t LightgbmEngine::width(PredictKind kind) const {
  if (kind == PredictKind::kLeaves) return static_cast<std::uint32_t>(trees_.size());
  return kind == PredictKind::kContributions ? outputs_ * (features_ + 1) : outputs_;
}

Status LightgbmEngine::Supports(PredictKind kind) const {
  if (kind == PredictKind::kContributions) return explains_;
  return {};
}

void LightgbmEngine::PredictSums(const float* rows, std::size_t count, PredictKind kind, float* out) const {
  constexpr std::size_t kBlock = 256;
  thread_local std::vector<double> sums;
  if (sums.size() < kBlock * outputs_) sums.resize(kBlock * outputs_);
  for (std::size_t first = 0; first < count; first += kBlock) {
    const std::size_t size = std::min(kBlock, count - first);
    std::fill_n(sums.begin(), size * outputs_, 0.0);
    layout_->Add(rows + first * features_, size, sums.data());
    for (std::size_t i = 0; kind == PredictKind::kValue && i < size; ++i) Transform(sums.data() + i * outputs_);
    std::transform(sums.begin(), sums.begin() + static_cast<std::ptrdiff_t>(size * outputs_), out + first * outputs_,
                   [](double value) { return static_cast<float>(value); });
  }
}

void LightgbmEngine::Predict(std::span<const float> rows, std::size_t count, PredictKind kind,
                             std::span<float> out) const {
  if (layout_ && (kind == PredictKind::kValue || kind == PredictKind::kMargin)) {
    return PredictSums(rows.data(), count, kind, out.data());
  }
  thread_local std::vector<double> row;
  thread_local std::vector<double> values;
  const std::size_t size = width(kind);
  row.resize(features_);
  values.resize(size);
  for (std::size_t i = 0; i < count; ++i) {
    const float* const source = rows.data() + i * features_;
    for (std::size_t f = 0; f < features_; ++f) {
      const auto value = static_cast<double>(source[f]);
      row[f] = std::fabs(value) <= kZero ? 0.0 : value;
    }
    switch (kind) {
      case PredictKind::kLeaves:
        for (std::size_t t = 0; t < size; ++t) {
          values[t] = static_cast<double>(Walk(trees_[t], row.data())) - trees_[t].first_leaf;
        }
        break;
      case PredictKind::kContributions:
        Contributions(row.data(), values.data());
        break;
      case PredictKind::kValue:
      case PredictKind::kMargin:
        Sum(row.data(), values.data());
        if (kind == PredictKind::kValue) Transform(values.data());
        break;
    }
    for (std::size_t k = 0; k < size; ++k) out[i * size + k] = static_cast<float>(values[k]);
  }
}

void LightgbmEngine::PredictLeaves(const float* row, std::span<std::int32_t> out) const {
  thread_local std::vector<float> leaves;
  leaves.resize(trees_.size());
  Predict({row, features_}, 1, PredictKind::kLeaves, leaves);
  std::transform(leaves.begin(), leaves.end(), out.begin(), [](float leaf) { return static_cast<std::int32_t>(leaf); });
}

std::size_t LightgbmEngine::memory_bytes() const {
  return sizeof(*this) + nodes_.capacity() * sizeof(Node) + set_words_.capacity() * 4 + sets_.capacity() * sizeof(Set) +
         (leaves_.capacity() + node_cover_.capacity() + leaf_cover_.capacity()) * sizeof(double) +
         linear_.capacity() * sizeof(Linear) + linear_terms_.capacity() * sizeof(Term) +
         trees_.capacity() * sizeof(Tree) + (layout_ ? layout_->memory_bytes() : 0);
}

}  // namespace keelson::serving
