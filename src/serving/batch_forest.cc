#include "serving/batch_forest.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <tuple>

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

// The upper levels of a tree as a complete one: position i holds the number of the node that stands there, or of the
// leaf that its branch has ended with.
std::vector<std::uint32_t> Complete(std::span<const NarrowNode> nodes, const NarrowTree& tree, std::uint32_t depth) {
  std::vector<std::uint32_t> at(std::size_t{2} << depth, tree.root);
  for (std::size_t i = 1; i < std::size_t{1} << depth; ++i) {
    const std::uint32_t node = at[i];
    at[2 * i] = node + nodes[node].delta();
    at[2 * i + 1] = at[2 * i] + (nodes[node].is_split() ? 1 : 0);
  }
  return at;
}

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

struct BatchForest::Builder {
  using PlaneKey =
      std::tuple<std::uint32_t, std::uint32_t, bool>;  // feature, 255s of thresholds below it, missing right

  Builder(BatchForest& to, std::span<const NarrowTree> from) : forest(to), trees(from), thresholds(to.features_) {}

  bool Run() {
    for (const NarrowTree& tree : trees) {
      upper.push_back(Complete(forest.nodes_, tree, std::min(tree.depth, kMaxBatchDepth)));
    }
    return CollectThresholds() && NumberPlanes() && (LayOut(), true);
  }

  template <typename Visit>
  void EachUpperSplit(const Visit& visit) {
    for (std::size_t t = 0; t < trees.size(); ++t) {
      for (std::size_t i = 1; i < upper[t].size() / 2; ++i) {
        const NarrowNode& node = forest.nodes_[upper[t][i]];
        if (node.is_split()) visit(node);
      }
    }
  }

  bool CollectThresholds() {
    EachUpperSplit([this](const NarrowNode& node) { thresholds[node.feature()].push_back(node.value); });
    for (auto& each : thresholds) {
      std::sort(each.begin(), each.end());
      each.erase(std::unique(each.begin(), each.end()), each.end());
      if (each.size() > kMaxThresholds) return false;
    }
    return true;
  }

  std::pair<PlaneKey, std::uint32_t> Locate(const NarrowNode& node) const {
    const auto& known = thresholds[node.feature()];
    const auto rank =
        static_cast<std::uint32_t>(std::lower_bound(known.begin(), known.end(), node.value) - known.begin());
    return {{node.feature(), rank / 255, node.default_right()}, rank % 255};
  }

  bool NumberPlanes() {
    EachUpperSplit([this](const NarrowNode& node) { planes.emplace(Locate(node).first, 0u); });
    if (planes.size() > kMaxPlanes) return false;
    std::uint32_t next = 0;
    for (auto& [key, offset] : planes) {
      offset = next;
      next += static_cast<std::uint32_t>(forest.kernel_.lanes);
    }
    forest.plane_bytes_ = next;
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
    std::vector<std::size_t> level_lines;
    LayOutCodes(&level_lines);
    for (std::size_t t = 0; t < trees.size(); ++t) {
      forest.trees_[t].nodes = At<BatchNode>(tree_lines[t].first);
      forest.trees_[t].leaves = At<float>(tree_lines[t].second);
    }
    for (const std::size_t line : level_lines) forest.levels_.push_back(At<float>(line));
    std::size_t level = 0;
    std::size_t plane = 0;
    for (BatchFeature& feature : forest.coded_) {
      feature.level = forest.levels_.data() + level;
      feature.planes = forest.planes_.data() + plane;
      level += feature.levels;
      plane += feature.plane_count;
    }
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
        const auto [key, rank] = Locate(source);
        node = {rank, planes.at(key)};
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
      leaf_line = Take(std::max<std::size_t>(leaves, 16) * sizeof(float));
      for (std::size_t i = 0; i < leaves; ++i) {
        At<float>(leaf_line)[i] = forest.nodes_[upper[t][leaves + i]].value;
      }
    }
    forest.levels_below_.push_back(tree.depth - depth);
    forest.trees_.push_back({nullptr, nullptr, depth, tree.output});
    if (forest.runs_.empty() || forest.runs_.back().deep != deep) forest.runs_.push_back({t, t, deep});
    forest.runs_.back().end = t + 1;
    return {node_line, leaf_line};
  }

  void LayOutCodes(std::vector<std::size_t>* level_lines) {
    for (auto plane = planes.begin(); plane != planes.end();) {
      const std::uint32_t feature = std::get<0>(plane->first);
      BatchFeature coded{feature, 0, nullptr, nullptr, 0};
      for (; plane != planes.end() && std::get<0>(plane->first) == feature; ++plane) {
        const auto base = static_cast<std::uint16_t>(std::get<1>(plane->first) * 255);
        forest.planes_.push_back({plane->second, base, std::get<2>(plane->first)});
        ++coded.plane_count;
      }
      for (const auto& level : SearchLevels(thresholds[feature], forest.kernel_.keys)) {
        const std::size_t line = Take(level.size() * sizeof(float));
        std::memcpy(At<float>(line), level.data(), level.size() * sizeof(float));
        level_lines->push_back(line);
        ++coded.levels;
      }
      forest.coded_.push_back(coded);
    }
  }

  BatchForest& forest;
  std::span<const NarrowTree> trees;
  std::vector<std::vector<std::uint32_t>> upper;
  std::vector<std::vector<float>> thresholds;
  std::map<PlaneKey, std::uint32_t> planes;
};

std::unique_ptr<const BatchForest> BatchForest::Build(std::span<const NarrowNode> nodes,
                                                      std::span<const NarrowTree> trees, std::size_t features,
                                                      std::size_t outputs, const BatchKernel& kernel) {
  std::unique_ptr<BatchForest> forest(new BatchForest(kernel, nodes, features, outputs));
  if (!Builder(*forest, trees).Run()) return nullptr;
  double walking = 0;
  double each_row = static_cast<double>(forest->coded_.size()) * kPerCode;
  double block = 0;
  for (std::size_t t = 0; t < trees.size(); ++t) {
    walking += trees[t].depth * kPerStep;
    block += kPerTree + kPerNode * static_cast<double>(std::size_t{1} << forest->trees_[t].depth);
    if (forest->levels_below_[t] > 0) each_row += kPerStep * (forest->levels_below_[t] + 1);
  }
  // A forest for which blocks never pay has no use for them.
  if (walking * static_cast<double>(kernel.lanes) <= block + each_row * static_cast<double>(kernel.lanes))
    return nullptr;
  forest->min_rows_ = std::max<std::size_t>(2, static_cast<std::size_t>(block / (walking - each_row)) + 1);
  return forest;
}

std::size_t BatchForest::memory_bytes() const {
  return sizeof(*this) + lines_.capacity() * sizeof(Line) + trees_.capacity() * sizeof(BatchTree) +
         levels_.capacity() * sizeof(void*) + planes_.capacity() * sizeof(BatchPlane) +
         coded_.capacity() * sizeof(BatchFeature) + entries_.capacity() * 4 + trees_.capacity() * 8;
}

void BatchForest::AddBlock(const float* rows, std::size_t count, float* margins) const {
  thread_local std::vector<Line> scratch;  // the planes, then the sums by output
  const std::size_t lanes = kernel_.lanes;
  const std::size_t needed = plane_bytes_ + outputs_ * lanes * sizeof(float);
  if (scratch.size() < needed / sizeof(Line) + 2) scratch.resize(needed / sizeof(Line) + 2);
  auto* const planes = reinterpret_cast<std::uint8_t*>(scratch.data());
  auto* const sums = reinterpret_cast<float*>(planes + (plane_bytes_ + sizeof(Line) - 1) / sizeof(Line) * sizeof(Line));
  kernel_.encode(coded_.data(), coded_.size(), rows, count, features_, planes);
  for (std::size_t k = 0; k < outputs_; ++k) {
    for (std::size_t i = 0; i < count; ++i) sums[k * lanes + i] = margins[i * outputs_ + k];
  }
  for (const Run& run : runs_) {
    if (run.deep) {
      AddDeep(run, rows, count, planes, sums);
    } else {
      kernel_.add(trees_.data() + run.begin, run.end - run.begin, planes, sums);
    }
  }
  for (std::size_t k = 0; k < outputs_; ++k) {
    for (std::size_t i = 0; i < count; ++i) margins[i * outputs_ + k] = sums[k * lanes + i];
  }
}

void BatchForest::AddDeep(const Run& run, const float* rows, std::size_t count, const std::uint8_t* planes,
                          float* sums) const {
  constexpr std::size_t kWalks = 8;  // side by side: one walk waits for memory at each step
  alignas(64) std::array<std::uint8_t, kFull> leaf;
  for (std::size_t t = run.begin; t < run.end; ++t) {
    kernel_.index(trees_[t], planes, leaf.data());
    const std::uint32_t* const entries = entries_.data() + entry_begin_[t];
    float* const place = sums + trees_[t].output * kernel_.lanes;
    const std::uint32_t levels = levels_below_[t];
    std::array<const NarrowNode*, kWalks> at;
    std::size_t row = 0;
    for (; row + kWalks <= count; row += kWalks) {
      for (std::size_t i = 0; i < kWalks; ++i) at[i] = nodes_.data() + entries[leaf[row + i]];
      for (std::uint32_t level = 0; level < levels; ++level) {
#pragma GCC unroll 8
        for (std::size_t i = 0; i < kWalks; ++i) at[i] = Step<true>(at[i], rows + (row + i) * features_);
      }
      for (std::size_t i = 0; i < kWalks; ++i) place[row + i] += at[i]->value;
    }
    for (; row < count; ++row) {
      const NarrowNode* node = nodes_.data() + entries[leaf[row]];
      for (std::uint32_t level = 0; level < levels; ++level) node = Step<true>(node, rows + row * features_);
      place[row] += node->value;
    }
  }
}

}  // namespace keelson::serving
