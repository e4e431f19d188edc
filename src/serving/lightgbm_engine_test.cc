#include "serving/lightgbm_engine.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

// Exactness against the library itself: tests/models/model_answers_test.py.
namespace keelson::serving {
namespace {

using testing::ElementsAre;

// One split on feature 0 at 0.5 with the given decision; leaves 1 (left) and 2 (right), 30 and 10 rows.
LightgbmModel Stump(std::uint8_t decision, double threshold = 0.5) {
  LightgbmModel model;
  model.features = 2;
  LightgbmTree tree;
  tree.left = {-1};
  tree.right = {-2};
  tree.feature = {0};
  tree.threshold = {threshold};
  tree.decision = {decision};
  tree.leaf_value = {1, 2};
  tree.leaf_count = {30, 10};
  tree.internal_count = {40};
  tree.depth = 1;
  model.trees = {tree};
  return model;
}

std::vector<float> Ask(const LightgbmModel& model, std::initializer_list<float> firsts,
                       PredictKind kind = PredictKind::kValue) {
  const auto engine = TreeEngine::Build(model);
  EXPECT_TRUE(engine.has_value());
  EXPECT_TRUE((*engine)->Supports(kind).has_value());
  std::vector<float> rows;
  for (const float first : firsts) rows.insert(rows.end(), {first, 7.0f});
  std::vector<float> out(firsts.size() * (*engine)->width(kind));
  (*engine)->Predict(rows, firsts.size(), kind, out);
  return out;
}

constexpr std::uint8_t kZeroMissing = 1 << 2;
constexpr std::uint8_t kNaNMissing = 2 << 2;
const float kMissing = std::nanf("");
constexpr float kInfinity = std::numeric_limits<float>::infinity();

TEST(LightgbmEngine, TakesAMissingValueAsTheSplitSays) {
  EXPECT_THAT(Ask(Stump(0), {0.5f, 0.50001f, kMissing, -kInfinity, kInfinity}), ElementsAre(1, 2, 1, 1, 2));
  EXPECT_THAT(Ask(Stump(0, -1), {kMissing, 0}), ElementsAre(2, 2));
  EXPECT_THAT(Ask(Stump(kNaNMissing), {kMissing, 0, 1}), ElementsAre(2, 1, 2));
  EXPECT_THAT(Ask(Stump(kNaNMissing | LightgbmTree::kDefaultLeft), {kMissing, 1}), ElementsAre(1, 2));
  EXPECT_THAT(Ask(Stump(kZeroMissing), {kMissing, 0, -0.0f, 1e-36f, 0.1f}), ElementsAre(2, 2, 2, 2, 1));
  EXPECT_THAT(Ask(Stump(kZeroMissing | LightgbmTree::kDefaultLeft, -1), {kMissing, 0, 0.1f}), ElementsAre(1, 1, 2));
}

TEST(LightgbmEngine, TakesTinyValuesAsZero) {
  EXPECT_THAT(Ask(Stump(0, -1e-37), {-1e-36f, -2e-35f, 1e-36f}), ElementsAre(2, 1, 2));
}

TEST(LightgbmEngine, ComparesInDoubles) {
  EXPECT_THAT(Ask(Stump(0, 0.1), {0.1f}), ElementsAre(2));  // 0.1f is above 0.1
}

TEST(LightgbmEngine, SendsTheCategoriesOfTheSetLeft) {
  LightgbmModel model = Stump(LightgbmTree::kCategorical, 0);
  model.trees[0].set_begin = {0, 2};
  model.trees[0].set_words = {1u << 3, 1u << 1};  // 3 and 33
  EXPECT_THAT(Ask(model, {3, 33, 3.9f, 2, 64, 1e10f, -1, -0.5f, kMissing, kInfinity}),
              ElementsAre(1, 1, 1, 2, 2, 2, 2, 2, 2, 2));
  model.trees[0].set_words[0] |= 1;
  EXPECT_THAT(Ask(model, {-0.5f, 0, -1}), ElementsAre(1, 1, 2));
}

TEST(LightgbmEngine, AddsLinearLeaves) {
  LightgbmModel model = Stump(0);
  model.trees[0].leaf_constant = {10, 20};
  model.trees[0].leaf_features = {{0, 1}, {}};
  model.trees[0].leaf_coefficients = {{2, 1}, {}};
  EXPECT_THAT(Ask(model, {0.25f, 3, kMissing}), ElementsAre(17.5f, 20, 1));
  const auto engine = TreeEngine::Build(model);
  EXPECT_EQ((*engine)->Supports(PredictKind::kContributions).error().code, ErrorCode::kUnsupported);
}

TEST(LightgbmEngine, GivesEveryKind) {
  LightgbmModel model = Stump(0);
  model.trees.push_back(model.trees[0]);
  model.transform = LightgbmTransform::kExponential;
  EXPECT_THAT(Ask(model, {0}, PredictKind::kMargin), ElementsAre(2));
  EXPECT_THAT(Ask(model, {0}), ElementsAre(static_cast<float>(std::exp(2.0))));
  EXPECT_THAT(Ask(model, {0, 1}, PredictKind::kLeaves), ElementsAre(0, 0, 1, 1));
  EXPECT_THAT(Ask(model, {0}, PredictKind::kContributions), ElementsAre(-0.5f, 0, 2.5f));
  model.average = true;
  EXPECT_THAT(Ask(model, {0}), ElementsAre(static_cast<float>(std::exp(1.0))));
  std::vector<std::int32_t> leaves(2);
  const float row[] = {1, 0};
  (*TreeEngine::Build(model))->PredictLeaves(row, leaves);
  EXPECT_THAT(leaves, ElementsAre(1, 1));
  EXPECT_GT((*TreeEngine::Build(model))->memory_bytes(), 100u);
}

TEST(LightgbmEngine, UsesTheRoundsThatItIsTold) {
  LightgbmModel model = Stump(0);
  model.trees.push_back(model.trees[0]);
  EXPECT_EQ((*TreeEngine::Build(model, {1, 2}))->trees(), 1u);
  EXPECT_EQ(TreeEngine::Build(model, {0, 3}).error().code, ErrorCode::kInvalidArgument);
}

TEST(LightgbmEngine, RefusesContributionsThatItCannotCompute) {
  LightgbmModel model = Stump(0);
  model.trees[0].leaf_count.clear();
  EXPECT_THAT((*TreeEngine::Build(model))->Supports(PredictKind::kContributions).error().message,
              testing::HasSubstr("leaf_count"));
  model = Stump(0);
  model.trees[0].depth = kMaxExplainedDepth + 1;
  EXPECT_THAT((*TreeEngine::Build(model))->Supports(PredictKind::kContributions).error().message,
              testing::HasSubstr("deeper than the 1000"));
}

}  // namespace
}  // namespace keelson::serving
