#pragma once

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "base/random.h"
#include "serving/narrow_node.h"

// For tests: what the layouts of a narrow forest are compared with.
namespace keelson::serving {

struct ForestShape {
  std::uint32_t depth = 6;
  std::size_t trees = 20;
  std::size_t features = 5;
  std::size_t outputs = 1;
  std::size_t distinct = 50;  // thresholds a feature
  std::size_t percent_split = 90;
};

// A forest of random trees in narrow nodes, and rows that hit its thresholds exactly, miss them by one float, and are
// missing, infinite and denormal.
class ForestWorld {
 public:
  ForestWorld(const ForestShape& shape, std::uint64_t seed) : shape_(shape), random_(seed) {
    for (std::size_t t = 0; t < shape.trees; ++t) AddTree(t);
  }

  const std::vector<NarrowNode>& nodes() const { return nodes_; }
  const std::vector<NarrowTree>& trees() const { return trees_; }

  std::vector<float> Rows(std::size_t count) {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    const float special[] = {std::nanf(""), kInfinity, -kInfinity, 0.0f, -0.0f, 1e-45f, -1e-45f, 3.4e38f};
    std::vector<float> rows(count * shape_.features);
    for (float& value : rows) {
      const std::uint64_t kind = random_.Below(10);
      value = kind == 0 ? special[random_.Below(std::size(special))] : Threshold();
      if (kind == 1) value = std::nextafter(value, -kInfinity);
      if (kind == 2) value = std::nextafter(value, kInfinity);
    }
    return rows;
  }

  // The same forest with doubles, no floats, in the places that its leaves name from now on.
  DoubleLeaves UseDoubles() {
    for (NarrowNode& node : nodes_) {
      if (node.is_split()) continue;
      doubles_.push_back(static_cast<double>(node.value) / 3);
      node.value = std::bit_cast<float>(static_cast<std::uint32_t>(doubles_.size() - 1));
    }
    return {doubles_.data()};
  }

  template <typename Leaves>
  std::vector<typename Leaves::Value> Walk(const std::vector<float>& rows, std::vector<typename Leaves::Value> margins,
                                           const Leaves& leaves) const {
    for (std::size_t row = 0; row < margins.size() / shape_.outputs; ++row) {
      for (const NarrowTree& tree : trees_) {
        const NarrowNode* node = nodes_.data() + tree.root;
        while (node->is_split()) node = Step<true>(node, rows.data() + row * shape_.features);
        margins[row * shape_.outputs + tree.output] += leaves(*node);
      }
    }
    return margins;
  }
  std::vector<float> Walk(const std::vector<float>& rows, std::vector<float> margins) const {
    return Walk(rows, std::move(margins), FloatLeaves{});
  }

 private:
  float Threshold() {
    const auto place = static_cast<float>(random_.Below(shape_.distinct));
    return place == 0 ? -0.0f : (place - 3) / 7;
  }

  void AddTree(std::size_t number) {
    NarrowTree tree{static_cast<std::uint32_t>(nodes_.size()), 0, static_cast<std::uint32_t>(number % shape_.outputs)};
    std::vector<std::uint32_t> depth = {0};
    for (std::size_t i = 0; i < depth.size(); ++i) {
      const bool split = depth[i] < shape_.depth && (i == 0 || random_.Below(100) < shape_.percent_split);
      NarrowNode node{0, 0};
      if (split) {
        node.value = Threshold();
        node.word = static_cast<std::uint32_t>(random_.Below(shape_.features)) | 1u << NarrowNode::kSplitShift |
                    static_cast<std::uint32_t>(random_.Below(2)) << NarrowNode::kDefaultRightShift |
                    static_cast<std::uint32_t>(depth.size() - i) << NarrowNode::kDeltaShift;
        depth.insert(depth.end(), 2, depth[i] + 1);
        tree.depth = std::max(tree.depth, depth[i] + 1);
      } else {
        node.value = (static_cast<float>(random_.Below(20'000)) - 10'000) / 3'333;
      }
      nodes_.push_back(node);
    }
    trees_.push_back(tree);
  }

  ForestShape shape_;
  Random random_;
  std::vector<NarrowNode> nodes_;
  std::vector<NarrowTree> trees_;
  std::vector<double> doubles_;
};

inline std::vector<std::uint32_t> Bits(const std::vector<float>& values) {
  std::vector<std::uint32_t> bits;
  for (const float value : values) bits.push_back(std::bit_cast<std::uint32_t>(value));
  return bits;
}
inline std::vector<std::uint64_t> Bits(const std::vector<double>& values) {
  std::vector<std::uint64_t> bits;
  for (const double value : values) bits.push_back(std::bit_cast<std::uint64_t>(value));
  return bits;
}

}  // namespace keelson::serving
