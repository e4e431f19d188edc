#include "serving/lightgbm_layout.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <span>
#include <tuple>

namespace keelson::serving {
namespace {

constexpr float kZero = 1e-35f;  // what is no farther from zero is zero

// The least float that goes right where what is above `threshold` does.
float LeastAbove(double threshold) {
  constexpr float kLargest = std::numeric_limits<float>::max();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (threshold >= -static_cast<double>(kZero) && threshold < 0) return -kZero;
  if (threshold >= 0 && threshold <= static_cast<double>(kZero)) return std::nextafter(kZero, kInfinity);
  if (threshold >= static_cast<double>(kLargest)) return kInfinity;
  if (threshold < -static_cast<double>(kLargest)) return -kLargest;
  const auto rounded = static_cast<float>(threshold);
  return static_cast<double>(rounded) > threshold ? rounded : std::nextafter(rounded, kInfinity);
}

}  // namespace

struct LightgbmLayout::Builder {
  // The column that a split looks at, made when it is new.
  std::uint32_t ColumnOf(const LightgbmTree& tree, std::size_t split) {
    const auto feature = static_cast<std::uint32_t>(tree.feature[split]);
    Column column{Column::Kind::kValue, feature, 0, 0};
    std::span<const std::uint32_t> set;
    if ((tree.decision[split] & LightgbmTree::kCategorical) != 0) {
      column.kind = Column::Kind::kSet;
      const auto number = static_cast<std::size_t>(tree.threshold[split]);
      const auto begin = static_cast<std::size_t>(tree.set_begin[number]);
      set = std::span(tree.set_words).subspan(begin, static_cast<std::size_t>(tree.set_begin[number + 1]) - begin);
    } else if (static_cast<LightgbmTree::Missing>(tree.decision[split] >> 2) == LightgbmTree::Missing::kZero) {
      column.kind = Column::Kind::kZeroMissing;
    }
    const auto [found, is_new] = known.try_emplace(
        {feature, column.kind, std::vector<std::uint32_t>(set.begin(), set.end())}, layout.columns_.size());
    if (is_new) {
      column.set_begin = static_cast<std::uint32_t>(layout.set_words_.size());
      column.set_size = static_cast<std::uint32_t>(set.size());
      layout.set_words_.insert(layout.set_words_.end(), set.begin(), set.end());
      layout.columns_.push_back(column);
    }
    return static_cast<std::uint32_t>(found->second);
  }

  NarrowNode Split(const LightgbmTree& tree, std::size_t split, std::uint32_t delta) {
    const std::uint32_t column = ColumnOf(tree, split);
    const std::uint8_t decision = tree.decision[split];
    if ((decision & LightgbmTree::kCategorical) != 0) return {1.0f, NarrowNode::SplitWord(column, false, delta)};
    const float least = LeastAbove(tree.threshold[split]);
    const bool nothing_missing = static_cast<LightgbmTree::Missing>(decision >> 2) == LightgbmTree::Missing::kNone;
    const bool missing_right = nothing_missing ? 0.0f >= least : (decision & LightgbmTree::kDefaultLeft) == 0;
    return {least, NarrowNode::SplitWord(column, missing_right, delta)};
  }

  // Breadth-first, the children of a split side by side.
  bool AddTree(const LightgbmTree& tree, std::uint32_t output) {
    if (tree.linear() || 2 * tree.leaves() - 1 > NarrowNode::kMaxTreeNodes) return false;
    if (std::ranges::any_of(tree.threshold, [](double threshold) { return std::isinf(threshold); })) return false;
    const auto first_leaf = static_cast<std::uint32_t>(layout.leaves_.size());
    trees.push_back({static_cast<std::uint32_t>(nodes.size()), tree.depth, output});
    std::vector<std::int32_t> order = {tree.left.empty() ? -1 : 0};
    for (std::size_t i = 0; i < order.size(); ++i) {
      const std::int32_t child = order[i];
      if (child < 0) {
        nodes.push_back({std::bit_cast<float>(first_leaf + static_cast<std::uint32_t>(~child)), 0});
        continue;
      }
      const auto split = static_cast<std::size_t>(child);
      nodes.push_back(Split(tree, split, static_cast<std::uint32_t>(order.size() - i)));
      order.insert(order.end(), {tree.left[split], tree.right[split]});
      if (layout.columns_.size() > NarrowNode::kFeature) return false;
    }
    layout.leaves_.insert(layout.leaves_.end(), tree.leaf_value.begin(), tree.leaf_value.end());
    return nodes.size() <= NarrowNode::kMaxNodes;
  }

  // Where no column differs from its feature, none has to be made.
  void UseFeatures() {
    if (layout.features_ > NarrowNode::kFeature) return;
    const auto differs = [](const Column& column) { return column.kind != Column::Kind::kValue; };
    if (std::ranges::any_of(layout.columns_, differs)) return;
    for (NarrowNode& node : nodes) {
      if (!node.is_split()) continue;
      const std::uint32_t feature = layout.columns_[node.feature()].feature;
      node.word = NarrowNode::SplitWord(feature, node.default_right(), node.delta());
    }
    layout.columns_.clear();
  }

  LightgbmLayout& layout;
  std::map<std::tuple<std::uint32_t, Column::Kind, std::vector<std::uint32_t>>, std::size_t> known = {};
  std::vector<NarrowNode> nodes = {};
  std::vector<NarrowTree> trees = {};
};

std::unique_ptr<const LightgbmLayout> LightgbmLayout::Build(const LightgbmModel& model, std::size_t begin,
                                                            std::size_t end) {
  std::unique_ptr<LightgbmLayout> layout(new LightgbmLayout);
  layout->features_ = model.features;
  layout->outputs_ = model.outputs;
  Builder builder{*layout};
  std::size_t levels = 0;
  for (std::size_t t = begin * model.outputs; t < end * model.outputs; ++t) {
    if (!builder.AddTree(model.trees[t], static_cast<std::uint32_t>(t % model.outputs))) return nullptr;
    levels += model.trees[t].depth;
  }
  if (layout->columns_.size() > model.features + levels) return nullptr;
  builder.UseFeatures();
  const std::size_t width = layout->columns_.empty() ? layout->features_ : layout->columns_.size();
  layout->layouts_ =
      std::make_unique<const NarrowLayouts<DoubleLeaves>>(std::move(builder.nodes), std::move(builder.trees), width,
                                                          layout->outputs_, DoubleLeaves{layout->leaves_.data()});
  return layout;
}

void LightgbmLayout::Expand(const float* rows, std::size_t count, float* columns) const {
  constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();
  for (std::size_t row = 0; row < count; ++row, rows += features_) {
    for (const Column& column : columns_) {
      const float value = rows[column.feature];
      if (column.kind == Column::Kind::kValue) {
        *columns++ = value;
      } else if (column.kind == Column::Kind::kZeroMissing) {
        *columns++ = std::fabs(value) <= kZero ? kMissing : value;
      } else {
        float outside = 1;  // also what is missing, negative, or beyond an int
        if (value > -1 && value < 2147483648.0f) {
          const auto category = static_cast<std::uint32_t>(value);
          if (category / 32 < column.set_size &&
              (set_words_[column.set_begin + category / 32] >> (category % 32) & 1) != 0) {
            outside = 0;
          }
        }
        *columns++ = outside;
      }
    }
  }
}

void LightgbmLayout::Add(const float* rows, std::size_t count, double* sums) const {
  if (columns_.empty()) return layouts_->Add(rows, count, sums);
  constexpr std::size_t kBlock = 64;
  thread_local std::vector<float> scratch;
  if (scratch.size() < kBlock * columns_.size()) scratch.resize(kBlock * columns_.size());
  for (std::size_t first = 0; first < count; first += kBlock) {
    const std::size_t size = std::min(kBlock, count - first);
    Expand(rows + first * features_, size, scratch.data());
    layouts_->Add(scratch.data(), size, sums + first * outputs_);
  }
}

std::size_t LightgbmLayout::memory_bytes() const {
  return sizeof(*this) + columns_.capacity() * sizeof(Column) + set_words_.capacity() * 4 +
         leaves_.capacity() * sizeof(double) + layouts_->memory_bytes();
}

}  // namespace keelson::serving
