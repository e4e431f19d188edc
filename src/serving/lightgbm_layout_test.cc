#include "serving/lightgbm_layout.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/random.h"
#include "serving/lightgbm_engine.h"
#include "serving/narrow_forest_testing.h"

// Exactness against the library itself: tests/models/model_answers_test.py. Here against a walk of the model as the
// file has it.
namespace keelson::serving {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kTiny = 1e-35f;
const double kThresholds[] = {0.0,
                              -0.0,
                              1e-36,
                              -1e-36,
                              static_cast<double>(kTiny),
                              -static_cast<double>(kTiny),
                              1e-35,
                              -1e-35,
                              1.1e-35,
                              0.1,
                              static_cast<double>(0.1f),
                              -0.1,
                              2.5,
                              3.0,
                              1e300,
                              -1e300,
                              3.4028234663852886e38,
                              -3.4028234663852886e38,
                              1e-45,
                              -1e-45,
                              1e-320,
                              0.1000000014901161193847656250001,
                              16777217.0};

struct Shape {
  std::size_t trees = 20;
  std::size_t leaves = 31;
  std::uint32_t features = 6;
  std::uint32_t outputs = 1;
  bool zero_missing = true;
  bool sets = true;
};

class World {
 public:
  World(const Shape& shape, std::uint64_t seed) : random_(seed) {
    model_.features = shape.features;
    model_.outputs = shape.outputs;
    for (std::size_t t = 0; t < shape.trees; ++t) model_.trees.push_back(MakeTree(shape));
  }
  const LightgbmModel& model() const { return model_; }

  std::vector<float> Rows(std::size_t count) {
    const float special[] = {std::nanf(""), kInfinity, -kInfinity, 0.0f,  -0.0f, kTiny, -kTiny, 2e-35f,
                             3e-36f,        1e10f,     -0.5f,      -1.0f, 63.0f, 64.0f, 3.9f};
    std::vector<float> rows(count * model_.features);
    for (float& value : rows) {
      switch (random_.Below(5)) {
        case 0:
          value = special[random_.Below(std::size(special))];
          break;
        case 1:
          value = static_cast<float>(random_.Below(70));
          break;
        default: {
          const double threshold = kThresholds[random_.Below(std::size(kThresholds))];
          value = std::abs(threshold) > 3.5e38 ? std::copysign(kInfinity, static_cast<float>(threshold < 0 ? -1 : 1))
                                               : static_cast<float>(threshold);
          if (random_.Below(3) == 0) value = std::nextafter(value, random_.Below(2) == 0 ? kInfinity : -kInfinity);
        }
      }
    }
    return rows;
  }

  // As the library walks: doubles, tiny values are zero.
  std::vector<double> Walk(const std::vector<float>& rows, std::size_t count) const {
    std::vector<double> sums(count * model_.outputs);
    for (std::size_t row = 0; row < count; ++row) {
      for (std::size_t t = 0; t < model_.trees.size(); ++t) {
        const LightgbmTree& tree = model_.trees[t];
        std::int32_t node = tree.left.empty() ? -1 : 0;
        while (node >= 0) node = Next(tree, static_cast<std::size_t>(node), rows.data() + row * model_.features);
        const std::int32_t leaf = ~node;
        sums[row * model_.outputs + t % model_.outputs] += tree.leaf_value[static_cast<std::size_t>(leaf)];
      }
    }
    return sums;
  }

 private:
  static std::int32_t Next(const LightgbmTree& tree, std::size_t split, const float* row) {
    auto value = static_cast<double>(row[tree.feature[split]]);
    if (std::abs(value) <= static_cast<double>(kTiny)) value = 0;
    const auto missing = tree.decision[split] >> 2;
    bool left = false;
    if ((tree.decision[split] & LightgbmTree::kCategorical) != 0) {
      const auto set = static_cast<std::size_t>(tree.threshold[split]);
      const auto begin = static_cast<std::size_t>(tree.set_begin[set]);
      const auto words = static_cast<std::size_t>(tree.set_begin[set + 1]) - begin;
      if (value > -1 && value < 2147483648.0) {
        const auto category = static_cast<std::size_t>(value);
        left = category / 32 < words && (tree.set_words[begin + category / 32] >> (category % 32) & 1) != 0;
      }
    } else if ((missing == 2 && std::isnan(value)) || (missing == 1 && (std::isnan(value) || value == 0))) {
      left = (tree.decision[split] & LightgbmTree::kDefaultLeft) != 0;
    } else {
      left = (std::isnan(value) ? 0 : value) <= tree.threshold[split];
    }
    return left ? tree.left[split] : tree.right[split];
  }

  // Leaf by leaf, as the library grows them: some branches are far deeper than others.
  LightgbmTree MakeTree(const Shape& shape) {
    LightgbmTree tree;
    tree.leaf_value.push_back(Leaf());
    std::vector<std::uint32_t> depth = {0};
    std::vector<std::pair<std::int32_t, bool>> parent = {
        {-1, false}};  // of each leaf: the split, and whether its right
    const std::size_t leaves = 1 + random_.Below(shape.leaves);
    tree.set_begin = {0};
    while (tree.leaf_value.size() < leaves) {
      const std::size_t leaf =
          random_.Below(4) == 0 ? random_.Below(tree.leaf_value.size()) : tree.leaf_value.size() - 1;
      const auto split = static_cast<std::int32_t>(tree.left.size());
      if (parent[leaf].first >= 0) {
        (parent[leaf].second ? tree.right : tree.left)[static_cast<std::size_t>(parent[leaf].first)] = split;
      }
      AddSplit(shape, &tree);
      tree.left.push_back(~static_cast<std::int32_t>(leaf));
      tree.right.push_back(~static_cast<std::int32_t>(tree.leaf_value.size()));
      parent[leaf] = {split, false};
      parent.emplace_back(split, true);
      depth.push_back(++depth[leaf]);
      tree.leaf_value.push_back(Leaf());
    }
    tree.depth = *std::max_element(depth.begin(), depth.end());
    tree.leaf_count.assign(tree.leaf_value.size(), 1);
    tree.internal_count.assign(tree.left.size(), 2);
    return tree;
  }

  void AddSplit(const Shape& shape, LightgbmTree* tree) {
    const auto feature = static_cast<std::int32_t>(random_.Below(shape.features));
    tree->feature.push_back(feature);
    if (shape.sets && feature % 3 == 2) {
      tree->decision.push_back(LightgbmTree::kCategorical);
      tree->threshold.push_back(static_cast<double>(tree->set_begin.size() - 1));
      const std::size_t words = random_.Below(3);
      for (std::size_t i = 0; i < words; ++i)
        tree->set_words.push_back(static_cast<std::uint32_t>(random_.Below(4)) << (9 * i) | 9u);
      tree->set_begin.push_back(static_cast<std::int32_t>(tree->set_words.size()));
      return;
    }
    std::size_t missing = random_.Below(3);
    if (missing == 1 && !shape.zero_missing) missing = 0;
    tree->decision.push_back(static_cast<std::uint8_t>(missing << 2 | random_.Below(2) << 1));
    tree->threshold.push_back(kThresholds[random_.Below(std::size(kThresholds))]);
  }

  double Leaf() { return (static_cast<double>(random_.Below(20'000)) - 10'000) / 3'333; }

  Random random_;
  LightgbmModel model_;
};

void ExpectTheSameBits(const Shape& shape, std::uint64_t seed) {
  World world(shape, seed);
  const auto layout = LightgbmLayout::Build(world.model(), 0, world.model().rounds());
  ASSERT_NE(layout, nullptr);
  EXPECT_GT(layout->memory_bytes(), shape.trees * sizeof(NarrowTree));
  for (const std::size_t count : {std::size_t{1}, std::size_t{7}, std::size_t{64}, std::size_t{300}}) {
    const auto rows = world.Rows(count);
    std::vector<double> sums(count * shape.outputs);
    layout->Add(rows.data(), count, sums.data());
    ASSERT_EQ(Bits(sums), Bits(world.Walk(rows, count))) << "seed " << seed << ", " << count << " rows";
  }
}

TEST(LightgbmLayout, GivesTheBitsOfWalkingWhateverIsMissing) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    ExpectTheSameBits({}, seed);
    ExpectTheSameBits({.leaves = 7}, 100 + seed);
    ExpectTheSameBits({.trees = 60, .leaves = 127, .features = 11}, 200 + seed);
  }
}

TEST(LightgbmLayout, GivesTheBitsOfWalkingOfFeaturesAsTheyAre) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    ExpectTheSameBits({.zero_missing = false, .sets = false}, seed);
    ExpectTheSameBits({.trees = 90, .features = 40, .outputs = 3, .zero_missing = false, .sets = false}, 100 + seed);
  }
}

TEST(LightgbmLayout, GivesTheBitsOfWalkingOfSeveralOutputs) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) ExpectTheSameBits({.trees = 21, .outputs = 3}, seed);
}

TEST(LightgbmLayout, TheEngineAnswersByItAsItsOwnWalkDoes) {
  World world({.trees = 12, .outputs = 3}, 7);
  const auto engine = TreeEngine::Build(world.model());
  ASSERT_TRUE(engine.has_value());
  const auto rows = world.Rows(300);
  std::vector<float> margins(900);
  (*engine)->Predict(rows, 300, PredictKind::kMargin, margins);
  for (std::size_t row = 0; row < 300; ++row) {
    std::vector<std::int32_t> leaves(12);
    (*engine)->PredictLeaves(rows.data() + row * 6, leaves);
    std::vector<double> sums(3);
    for (std::size_t t = 0; t < 12; ++t) {
      sums[t % 3] += world.model().trees[t].leaf_value[static_cast<std::size_t>(leaves[t])];
    }
    for (std::size_t k = 0; k < 3; ++k) ASSERT_EQ(margins[row * 3 + k], static_cast<float>(sums[k]));
  }
}

TEST(LightgbmLayout, LeavesToTheWalkWhatItCannotSay) {
  World world({.trees = 3}, 3);
  LightgbmModel model = world.model();
  ASSERT_FALSE(model.trees[2].threshold.empty());
  for (std::size_t i = 0; i < model.trees[2].threshold.size(); ++i) {
    if ((model.trees[2].decision[i] & LightgbmTree::kCategorical) != 0) continue;
    model.trees[2].threshold[i] = std::numeric_limits<double>::infinity();
    break;
  }
  EXPECT_EQ(LightgbmLayout::Build(model, 0, 3), nullptr);
  EXPECT_NE(LightgbmLayout::Build(model, 0, 2), nullptr);
  model = world.model();
  model.trees[0].leaf_constant.assign(model.trees[0].leaves(), 0.0);
  EXPECT_EQ(LightgbmLayout::Build(model, 0, 3), nullptr);
}

}  // namespace
}  // namespace keelson::serving
