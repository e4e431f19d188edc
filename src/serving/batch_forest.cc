#include "serving/batch_forest.h"

#include <algorithm>
#include <array>

#include "serving/complete_tree.h"
#include "serving/threshold_codes.h"

namespace keelson::serving {
namespace {

constexpr std::size_t kFull = std::size_t{1} << kMaxBatchDepth;
constexpr std::size_t kMaxPlanes = 8192;
constexpr std::uint32_t kNeverRight = 0xFF;

// What takes how long, in nanoseconds, measured by bench/serving with AVX2 and AVX-512: only min_rows() rests on it.
constexpr double kPerStep = 1.8;
constexpr double kPerNode = 0.5;
constexpr double kPerTree = 8;
constexpr double kPerCode = 4;

}  // namespace

std::span<const BatchKernel* const> BatchKernels() {
#if defined(__x86_64__)
  static const auto kernels = [] {
    std::vector<const BatchKernel*> found;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq")) {
      found.push_back(&kAvx512Kernel);
    }
    if (__builtin_cpu_supports("avx2")) found.push_back(&kAvx2Kernel);
    return found;
  }();
  return kernels;
#else
  return {};
#endif
}

double WalkingNanoseconds(std::span<const NarrowTree> trees) {
  double nanoseconds = 0;
  for (const NarrowTree& tree : trees) nanoseconds += tree.depth * kPerStep;
  return nanoseconds;
}

template <typename Leaves>
struct BasicBatchForest<Leaves>::Builder {
  Builder(BasicBatchForest& to, std::span<const NarrowTree> from)
      : forest(to), trees(from), planes(to.features_, /*by_missing=*/true) {}

  bool Run() {
    for (const NarrowTree& tree : trees) {
      upper.push_back(CompleteTree(forest.nodes_, tree, std::min(tree.depth, kMaxBatchDepth)));
      for (std::size_t i = 1; i < upper.back().size() / 2; ++i) {
        const NarrowNode& node = forest.nodes_[upper.back()[i]];
        if (node.is_split()) planes.Add(node);
      }
    }
    if (!planes.Finish() || planes.planes() > kMaxPlanes) return false;
    forest.plane_bytes_ = planes.planes() * forest.kernel_.lanes;
    LayOut();
    return true;
  }

  // Space for `size` bytes on lines of their own.
  std::size_t Take(std::size_t size) {
    const std::size_t begin = forest.lines_.size();
    forest.lines_.resize(begin + (size + sizeof(Line) - 1) / sizeof(Line));
    return begin;
  }
  template <typename T>
  T* At(std::size_t line) {
    return reinterpret_cast<T*>(forest.lines_.data() + line);
  }

  void LayOut() {
    std::vector<std::pair<std::size_t, std::size_t>> tree_lines;
    for (std::size_t t = 0; t < trees.size(); ++t) tree_lines.push_back(AddTree(t));
    for (std::size_t t = 0; t < trees.size(); ++t) {
      forest.trees_[t].nodes = At<BatchNode>(tree_lines[t].first);
      forest.trees_[t].leaves = At<Value>(tree_lines[t].second);
    }
    forest.codes_ = planes.LayOut(forest.kernel_.keys, forest.kernel_.lanes);
  }

  std::pair<std::size_t, std::size_t> AddTree(std::size_t t) {
    const NarrowTree& tree = trees[t];
    const std::uint32_t depth = std::min(tree.depth, kMaxBatchDepth);
    const std::size_t leaves = std::size_t{1} << depth;
    const bool deep = tree.depth > kMaxBatchDepth;
    const std::size_t node_line = Take(leaves * sizeof(BatchNode));
    for (std::size_t i = 1; i < leaves; ++i) {
      const NarrowNode& source = forest.nodes_[upper[t][i]];
      BatchNode node{kNeverRight, 0};
      if (source.is_split()) {
        const auto place = planes.Locate(next_split++);
        node = {place.threshold, static_cast<std::uint32_t>(place.plane * forest.kernel_.lanes)};
      }
      node.threshold = (node.threshold ^ forest.kernel_.flip) * 0x01010101u;
      At<BatchNode>(node_line)[i] = node;
    }
    std::size_t leaf_line = 0;
    forest.entry_begin_.push_back(static_cast<std::uint32_t>(forest.entries_.size()));
    if (deep) {
      forest.entries_.insert(forest.entries_.end(), upper[t].end() - static_cast<std::ptrdiff_t>(kFull),
                             upper[t].end());
    } else {
      leaf_line = Take(std::max<std::size_t>(leaves, 16) * sizeof(Value));
      for (std::size_t i = 0; i < leaves; ++i) {
        At<Value>(leaf_line)[i] = forest.leaf_(forest.nodes_[upper[t][leaves + i]]);
      }
    }
    forest.levels_below_.push_back(tree.depth - depth);
    forest.trees_.push_back({nullptr, nullptr, depth, tree.output});
    if (forest.runs_.empty() || forest.runs_.back().deep != deep) forest.runs_.push_back({t, t, deep});
    forest.runs_.back().end = t + 1;
    return {node_line, leaf_line};
  }

  BasicBatchForest& forest;
  std::span<const NarrowTree> trees;
  std::vector<std::vector<std::uint32_t>> upper;
  ThresholdPlanes planes;
  std::size_t next_split = 0;  // as they were added
};

template <typename Leaves>
std::unique_ptr<const BasicBatchForest<Leaves>> BasicBatchForest<Leaves>::Build(
    std::span<const NarrowNode> nodes, std::span<const NarrowTree> trees, std::size_t features, std::size_t outputs,
    const BatchKernel& kernel, double row_nanoseconds, Leaves leaves) {
  std::unique_ptr<BasicBatchForest> forest(new BasicBatchForest(kernel, nodes, features, outputs, leaves));
  if (!Builder(*forest, trees).Run()) return nullptr;
  double each_row = static_cast<double>(forest->codes_.features().size()) * kPerCode;
  double block = 0;
  for (std::size_t t = 0; t < trees.size(); ++t) {
    block += kPerTree + kPerNode * static_cast<double>(std::size_t{1} << forest->trees_[t].depth);
    if (forest->levels_below_[t] > 0) each_row += kPerStep * (forest->levels_below_[t] + 1);
  }
  // A forest for which blocks never pay has no use for them.
  if (row_nanoseconds * static_cast<double>(kernel.lanes) <= block + each_row * static_cast<double>(kernel.lanes))
    return nullptr;
  forest->min_rows_ = std::max<std::size_t>(2, static_cast<std::size_t>(block / (row_nanoseconds - each_row)) + 1);
  return forest;
}

template <typename Leaves>
std::size_t BasicBatchForest<Leaves>::memory_bytes() const {
  return sizeof(*this) + lines_.capacity() * sizeof(Line) + trees_.capacity() * sizeof(BatchTree<Value>) +
         codes_.memory_bytes() + entries_.capacity() * 4 + trees_.capacity() * 8;
}

template <typename Leaves>
void BasicBatchForest<Leaves>::AddBlock(const float* rows, std::size_t count, Value* margins) const {
  thread_local std::vector<Line> scratch;  // the planes, then the sums by output
  const std::size_t lanes = kernel_.lanes;
  const std::size_t needed = plane_bytes_ + outputs_ * lanes * sizeof(Value);
  if (scratch.size() < needed / sizeof(Line) + 2) scratch.resize(needed / sizeof(Line) + 2);
  auto* const planes = reinterpret_cast<std::uint8_t*>(scratch.data());
  auto* const sums = reinterpret_cast<Value*>(planes + (plane_bytes_ + sizeof(Line) - 1) / sizeof(Line) * sizeof(Line));
  kernel_.encode(codes_.features().data(), codes_.features().size(), rows, count, features_, planes);
  for (std::size_t k = 0; k < outputs_; ++k) {
    for (std::size_t i = 0; i < count; ++i) sums[k * lanes + i] = margins[i * outputs_ + k];
  }
  for (const Run& run : runs_) {
    if (run.deep) {
      AddDeep(run, rows, count, planes, sums);
    } else {
      kernel_.Of(Value{}).add(trees_.data() + run.begin, run.end - run.begin, planes, sums);
    }
  }
  for (std::size_t k = 0; k < outputs_; ++k) {
    for (std::size_t i = 0; i < count; ++i) margins[i * outputs_ + k] = sums[k * lanes + i];
  }
}

template <typename Leaves>
void BasicBatchForest<Leaves>::AddDeep(const Run& run, const float* rows, std::size_t count, const std::uint8_t* planes,
                                       Value* sums) const {
  constexpr std::size_t kWalks = 8;  // side by side: one walk waits for memory at each step
  alignas(64) std::array<std::uint8_t, kFull> leaf;
  for (std::size_t t = run.begin; t < run.end; ++t) {
    kernel_.Of(Value{}).index(trees_[t], planes, leaf.data());
    const std::uint32_t* const entries = entries_.data() + entry_begin_[t];
    Value* const place = sums + trees_[t].output * kernel_.lanes;
    const std::uint32_t levels = levels_below_[t];
    std::array<const NarrowNode*, kWalks> at;
    std::size_t row = 0;
    for (; row + kWalks <= count; row += kWalks) {
      for (std::size_t i = 0; i < kWalks; ++i) at[i] = nodes_.data() + entries[leaf[row + i]];
      for (std::uint32_t level = 0; level < levels; ++level) {
#pragma GCC unroll 8
        for (std::size_t i = 0; i < kWalks; ++i) at[i] = Step<true>(at[i], rows + (row + i) * features_);
      }
      for (std::size_t i = 0; i < kWalks; ++i) place[row + i] += leaf_(*at[i]);
    }
    for (; row < count; ++row) {
      const NarrowNode* node = nodes_.data() + entries[leaf[row]];
      for (std::uint32_t level = 0; level < levels; ++level) node = Step<true>(node, rows + row * features_);
      place[row] += leaf_(*node);
    }
  }
}

template class BasicBatchForest<FloatLeaves>;
template class BasicBatchForest<DoubleLeaves>;

}  // namespace keelson::serving
