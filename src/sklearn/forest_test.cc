#include "sklearn/forest.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "base/random.h"

namespace keelson::sklearn {
namespace {

using testing::HasSubstr;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// A tree of random splits, numbered as scikit-learn does: depth first.
TreeNodes RandomTree(Random& random, std::size_t features, std::size_t width, int depth) {
  TreeNodes tree;
  const auto add = [&](auto&& self, int left_depth) -> std::int64_t {
    const auto place = static_cast<std::int64_t>(tree.left.size());
    const bool leaf = left_depth == 0 || random.Below(4) == 0;
    tree.left.push_back(-1);
    tree.right.push_back(-1);
    tree.feature.push_back(leaf ? -2 : static_cast<std::int64_t>(random.Below(features)));
    tree.threshold.push_back(leaf ? -2 : random.Uniform() * 2 - 1);
    tree.missing_left.push_back(static_cast<std::uint8_t>(random.Below(2)));
    for (std::size_t i = 0; i < width; ++i) tree.values.push_back(random.Uniform());
    if (leaf) return place;
    const auto left = self(self, left_depth - 1);
    const auto right = self(self, left_depth - 1);
    tree.left[static_cast<std::size_t>(place)] = left;
    tree.right[static_cast<std::size_t>(place)] = right;
    return place;
  };
  add(add, depth);
  return tree;
}

// As the library walks it: float features against the threshold as it is.
std::size_t LeafOf(const TreeNodes& tree, const float* row) {
  std::size_t at = 0;
  while (tree.left[at] != -1) {
    const double value = row[tree.feature[at]];
    const bool left = std::isnan(value) ? tree.missing_left[at] != 0 : value <= tree.threshold[at];
    at = static_cast<std::size_t>(left ? tree.left[at] : tree.right[at]);
  }
  return at;
}

TEST(Forest, AddsWhatEachTreeSaysInTheirOrder) {
  Random random(5);
  constexpr std::size_t kFeatures = 4;
  constexpr std::size_t kWidth = 3;
  for (int trial = 0; trial < 30; ++trial) {
    Forest<float> forest(kFeatures);
    std::vector<TreeNodes> trees;
    const std::size_t count = random.Below(21);
    for (std::size_t i = 0; i < count; ++i) {
      trees.push_back(RandomTree(random, kFeatures, kWidth, static_cast<int>(random.Below(9))));
      ASSERT_TRUE(forest.Add(trees.back(), kWidth, 0).has_value());
    }
    std::vector<float> rows(std::size_t{25} * kFeatures);
    for (float& value : rows) {
      value =
          random.Below(6) == 0 ? std::numeric_limits<float>::quiet_NaN() : static_cast<float>(random.Uniform() * 2 - 1);
      // On a threshold, and one float beside it.
      if (!trees.empty() && random.Below(3) == 0) {
        const TreeNodes& tree = trees[random.Below(trees.size())];
        value = static_cast<float>(tree.threshold[random.Below(tree.threshold.size())]);
      }
    }
    std::vector<double> wanted(std::size_t{25} * kWidth, 0.25);
    std::vector<double> got = wanted;
    for (const TreeNodes& tree : trees) {
      for (std::size_t row = 0; row < 25; ++row) {
        const std::size_t leaf = LeafOf(tree, &rows[row * kFeatures]);
        for (std::size_t i = 0; i < kWidth; ++i) wanted[row * kWidth + i] += tree.values[leaf * kWidth + i];
      }
    }
    forest.Predict(rows, got, kWidth);
    EXPECT_EQ(got, wanted);
    EXPECT_EQ(forest.trees(), count);
  }
}

TEST(Forest, ScalesLeavesIntoTheirColumn) {
  TreeNodes stump{{1, -1, -1}, {2, -1, -1}, {0, -2, -2}, {0.5, -2, -2}, {1, 0, 0}, {0, 3, 7}};
  Forest<double> forest(1);
  ASSERT_TRUE(forest.Add(stump, 1, 1, 0.1).has_value());
  std::vector<double> out(8, 1.0);
  const std::vector<double> rows = {0.5, std::nextafter(0.5, 1.0), kNan, std::numeric_limits<double>::infinity()};
  forest.Predict(rows, out, 2);
  EXPECT_THAT(out, testing::ElementsAre(1, 1 + 0.1 * 3, 1, 1 + 0.1 * 7, 1, 1 + 0.1 * 3, 1, 1 + 0.1 * 7));
}

TEST(Forest, TakesThresholdsThatNoFloatIs) {
  for (const double threshold : {0.1, -0.1, 1e300, -1e300, 1e-300, std::numeric_limits<double>::infinity()}) {
    TreeNodes stump{{1, -1, -1}, {2, -1, -1}, {0, -2, -2}, {threshold, -2, -2}, {1, 0, 0}, {0, 3, 7}};
    Forest<float> forest(1);
    ASSERT_TRUE(forest.Add(stump, 1, 0).has_value());
    const auto near = static_cast<float>(threshold);
    for (const float value : {near, std::nextafter(near, 1.0f), std::nextafter(near, -1.0f), 0.0f, -0.0f,
                              std::numeric_limits<float>::max(), std::numeric_limits<float>::lowest()}) {
      double out = 0;
      forest.Predict({&value, 1}, {&out, 1}, 1);
      EXPECT_EQ(out, static_cast<double>(value) <= threshold ? 3 : 7) << value << " of " << threshold;
    }
  }
}

TEST(Forest, RefusesWhatIsNoTree) {
  const TreeNodes good{{1, -1, -1}, {2, -1, -1}, {0, -2, -2}, {0.5, -2, -2}, {1, 0, 0}, {0, 3, 7}};
  const auto refusal = [&](auto&& change) {
    TreeNodes tree = good;
    change(tree);
    const auto added = Forest<float>(1).Add(tree, 1, 0);
    return added ? std::string("added") : added.error().message;
  };
  EXPECT_EQ(refusal([](TreeNodes&) {}), "added");
  EXPECT_THAT(refusal([](TreeNodes& tree) { tree.left[0] = 0; }), HasSubstr("children 0 and 2"));
  EXPECT_THAT(refusal([](TreeNodes& tree) { tree.right[0] = 3; }), HasSubstr("children 1 and 3"));
  EXPECT_THAT(refusal([](TreeNodes& tree) { tree.right[0] = 1; }), HasSubstr("children 1 and 1"));
  EXPECT_THAT(refusal([](TreeNodes& tree) { tree.right[0] = -1; }), HasSubstr("children 1 and -1"));
  EXPECT_THAT(refusal([](TreeNodes& tree) { tree.left[0] = tree.right[0] = -1; }), HasSubstr("no way leads to"));
  EXPECT_THAT(refusal([](TreeNodes& tree) { tree.feature[0] = 1; }), HasSubstr("feature 1 of 1"));
  EXPECT_THAT(refusal([](TreeNodes& tree) { tree.feature[0] = -1; }), HasSubstr("feature -1 of 1"));
  EXPECT_THAT(refusal([](TreeNodes& tree) { tree.threshold[0] = kNan; }), HasSubstr("no threshold"));
  EXPECT_THAT(refusal([](TreeNodes& tree) { tree.values.pop_back(); }), HasSubstr("equally long"));
  EXPECT_THAT(refusal([](TreeNodes& tree) { tree = {}; }), HasSubstr("equally long"));
}

}  // namespace
}  // namespace keelson::sklearn
