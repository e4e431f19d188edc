#include "serving/row_forest.h"

#include <algorithm>
#include <array>

#include "serving/complete_tree.h"

namespace keelson::serving {
namespace {

constexpr std::size_t kNodes = std::size_t{1} << kMaxRowDepth;
constexpr std::uint8_t kNeverRight = 0xFF;

// What takes how long, in nanoseconds, measured by bench/serving with AVX2 and AVX-512.
constexpr double kPerTree = 3;
constexpr double kPerStep = 1.8;
constexpr double kPerCode = 4;

}  // namespace

std::span<const RowKernel* const> RowKernels() {
#if defined(__x86_64__)
  static const auto kernels = [] {
    std::vector<const RowKernel*> found;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("bmi2")) {
      found.push_back(&kAvx512RowKernel);
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2")) found.push_back(&kAvx2RowKernel);
    return found;
  }();
  return kernels;
#else
  return {};
#endif
}

template <typename Leaves>
std::unique_ptr<const BasicRowForest<Leaves>> BasicRowForest<Leaves>::Build(std::span<const NarrowNode> nodes,
                                                                            std::span<const NarrowTree> trees,
                                                                            std::size_t features,
                                                                            const RowKernel& kernel, Leaves leaves) {
  ThresholdPlanes planes(features, /*by_missing=*/false);
  std::vector<std::vector<std::uint32_t>> upper;
  std::size_t levels = 0;
  for (const NarrowTree& tree : trees) {
    levels += tree.depth;
    upper.push_back(CompleteTree(nodes, tree, std::min(tree.depth, kMaxRowDepth)));
    for (std::size_t i = 1; i < upper.back().size() / 2; ++i) {
      const NarrowNode& node = nodes[upper.back()[i]];
      if (node.is_split()) planes.Add(node);
    }
  }
  if (levels < 2 * trees.size() || !planes.Finish() || planes.planes() > kernel.planes) return nullptr;
  std::unique_ptr<BasicRowForest> forest(new BasicRowForest(kernel, nodes, leaves));
  forest->LayOut(trees, upper, planes);
  return forest;
}

template <typename Leaves>
void BasicRowForest<Leaves>::LayOut(std::span<const NarrowTree> trees,
                                    const std::vector<std::vector<std::uint32_t>>& upper,
                                    const ThresholdPlanes& planes) {
  constexpr std::size_t kNodeLines = 2 * kNodes / sizeof(Line);
  std::vector<std::size_t> tree_line;
  std::size_t next_split = 0;  // as they were added
  for (std::size_t t = 0; t < trees.size(); ++t) {
    const NarrowTree& tree = trees[t];
    const std::size_t leaves = upper[t].size() / 2;
    tree_line.push_back(lines_.size());
    lines_.resize(lines_.size() + kNodeLines + (leaves * sizeof(Value) + sizeof(Line) - 1) / sizeof(Line));
    auto* const node_planes = reinterpret_cast<std::uint8_t*>(lines_.data() + tree_line.back());
    auto* const thresholds = node_planes + kNodes;
    std::fill_n(thresholds, kNodes, static_cast<std::uint8_t>(kNeverRight ^ kernel_.flip));
    RowTree<Value> laid{nullptr, nullptr, 0, tree.output};
    for (std::size_t i = 1; i < leaves; ++i) {
      const NarrowNode& node = nodes_[upper[t][i]];
      if (!node.is_split()) continue;
      const auto place = planes.Locate(next_split++);
      node_planes[i] = static_cast<std::uint8_t>(place.plane);
      thresholds[i] = static_cast<std::uint8_t>(place.threshold ^ kernel_.flip);
      if (node.default_right()) laid.missing_right |= std::uint64_t{1} << i;
    }
    entry_begin_.push_back(static_cast<std::uint32_t>(entries_.size()));
    if (tree.depth > kMaxRowDepth) {
      entries_.insert(entries_.end(), upper[t].end() - static_cast<std::ptrdiff_t>(leaves), upper[t].end());
    } else {
      auto* const values = reinterpret_cast<Value*>(lines_.data() + tree_line.back() + kNodeLines);
      for (std::size_t i = 0; i < leaves; ++i) values[i] = leaf_(nodes_[upper[t][leaves + i]]);
    }
    trees_.push_back(laid);
    levels_below_.push_back(std::max(tree.depth, kMaxRowDepth) - kMaxRowDepth);
    const std::uint32_t depth = std::min(tree.depth, kMaxRowDepth + 1);
    if (runs_.empty() || runs_.back().depth != depth) runs_.push_back({t, t, depth});
    runs_.back().end = t + 1;
    nanoseconds_ += kPerTree + kPerStep * levels_below_.back();
  }
  for (std::size_t t = 0; t < trees.size(); ++t) {
    trees_[t].nodes = reinterpret_cast<const std::uint8_t*>(lines_.data() + tree_line[t]);
    trees_[t].leaves = reinterpret_cast<const Value*>(lines_.data() + tree_line[t] + kNodeLines);
  }
  planes_ = planes.planes();
  codes_ = planes.LayOut(kernel_.keys, 1);
  nanoseconds_ += kPerCode * static_cast<double>(codes_.features().size());
}

template <typename Leaves>
std::size_t BasicRowForest<Leaves>::memory_bytes() const {
  return sizeof(*this) + lines_.capacity() * sizeof(Line) + trees_.capacity() * (sizeof(RowTree<Value>) + 4) +
         runs_.capacity() * sizeof(Run) + codes_.memory_bytes() + entries_.capacity() * 4 + entry_begin_.capacity() * 4;
}

template <typename Leaves>
void BasicRowForest<Leaves>::AddRow(const float* row, Value* margins) const {
  RowCodes codes;
  kernel_.encode(codes_.features().data(), codes_.features().size(), row, &codes);
  for (const Run& run : runs_) {
    if (run.depth > kMaxRowDepth) {
      AddDeep(run, row, codes, margins);
    } else {
      kernel_.Of(Value{}).add(trees_.data() + run.begin, run.end - run.begin, run.depth, planes_, codes, margins);
    }
  }
}

template <typename Leaves>
void BasicRowForest<Leaves>::AddDeep(const Run& run, const float* row, const RowCodes& codes, Value* margins) const {
  constexpr std::size_t kWalks = 8;  // side by side: one walk waits for memory at each step
  std::array<std::uint8_t, kWalks> leaf;
  std::array<const NarrowNode*, kWalks> at;
  for (std::size_t t = run.begin; t < run.end; t += kWalks) {
    const std::size_t count = std::min(kWalks, run.end - t);
    kernel_.Of(Value{}).index(trees_.data() + t, count, planes_, codes, leaf.data());
    at.fill(nodes_.data() + entries_[entry_begin_[t] + leaf[0]]);  // walks too few go along with the first
    for (std::size_t i = 1; i < count; ++i) at[i] = nodes_.data() + entries_[entry_begin_[t + i] + leaf[i]];
    const auto levels = levels_below_.begin() + static_cast<std::ptrdiff_t>(t);
    const std::uint32_t deepest = *std::max_element(levels, levels + static_cast<std::ptrdiff_t>(count));
    for (std::uint32_t level = 0; level < deepest; ++level) {
#pragma GCC unroll 8
      for (std::size_t i = 0; i < kWalks; ++i) at[i] = Step<true>(at[i], row);
    }
    for (std::size_t i = 0; i < count; ++i) margins[trees_[t + i].output] += leaf_(*at[i]);
  }
}

template class BasicRowForest<FloatLeaves>;
template class BasicRowForest<DoubleLeaves>;

}  // namespace keelson::serving
