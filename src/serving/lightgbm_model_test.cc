#include "serving/lightgbm_model.h"

#include <gmock/gmock.h>

#include "base/random.h"

namespace keelson::serving {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string Replaced(std::string text, std::string_view what, std::string_view with) {
  const auto at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return at == std::string::npos ? text : text.replace(at, what.size(), with);
}

// A numeric split, whose left child is a categorical one; and a tree of one leaf.
std::string Small() {
  return "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\nmax_feature_idx=1\n"
         "objective=binary sigmoid:2.5\nfeature_names=a b\nfeature_infos=[0:1] 0:1:2\ntree_sizes=400 100\n\n"
         "Tree=0\nnum_leaves=3\nnum_cat=1\nsplit_feature=0 1\nsplit_gain=1 2\nthreshold=0.5 0\ndecision_type=10 1\n"
         "left_child=1 -1\nright_child=-2 -3\nleaf_value=1 -2.5e0 3\nleaf_weight=1 1 1\nleaf_count=5 6 7\n"
         "internal_value=0 0\ninternal_weight=0 0\ninternal_count=18 12\ncat_boundaries=0 1\ncat_threshold=6\n"
         "is_linear=0\nshrinkage=1\n\n\n"
         "Tree=1\nnum_leaves=1\nnum_cat=0\nleaf_value=0.25\nshrinkage=1\n\n\n"
         "end of trees\n\nfeature_importances:\na=1\n\nparameters:\n[boosting: gbdt]\nend of parameters\n";
}

std::string Linear() {
  return Replaced(Small(), "is_linear=0",
                  "is_linear=1\nleaf_const=1 2 3\nnum_features=0 2 1\nleaf_features= 0 1  1 \nleaf_coeff= 0.5 -1  2 ");
}

TEST(LightgbmModel, ReadsEveryFieldThatIsServed) {
  const auto model = ReadLightgbmModel(Small());
  ASSERT_TRUE(model.has_value()) << model.error().ToString();
  EXPECT_EQ(model->objective, "binary");
  EXPECT_EQ(model->transform, LightgbmTransform::kSigmoid);
  EXPECT_EQ(model->sigmoid, 2.5);
  EXPECT_EQ(model->features, 2u);
  EXPECT_EQ(model->outputs, 1u);
  EXPECT_FALSE(model->average);
  EXPECT_THAT(model->feature_names, ElementsAre("a", "b"));
  ASSERT_EQ(model->trees.size(), 2u);
  EXPECT_EQ(model->rounds(), 2u);
  const LightgbmTree& tree = model->trees[0];
  EXPECT_THAT(tree.left, ElementsAre(1, -1));
  EXPECT_THAT(tree.right, ElementsAre(-2, -3));
  EXPECT_THAT(tree.feature, ElementsAre(0, 1));
  EXPECT_THAT(tree.threshold, ElementsAre(0.5, 0.0));
  EXPECT_THAT(tree.decision, ElementsAre(10, 1));
  EXPECT_THAT(tree.leaf_value, ElementsAre(1.0, -2.5, 3.0));
  EXPECT_THAT(tree.leaf_count, ElementsAre(5, 6, 7));
  EXPECT_THAT(tree.internal_count, ElementsAre(18, 12));
  EXPECT_THAT(tree.set_words, ElementsAre(6u));
  EXPECT_EQ(tree.depth, 2u);
  EXPECT_FALSE(tree.linear());
  EXPECT_EQ(model->trees[1].leaves(), 1u);
}

TEST(LightgbmModel, ReadsLinearLeavesAndForests) {
  const auto model = ReadLightgbmModel(Linear());
  ASSERT_TRUE(model.has_value()) << model.error().ToString();
  const LightgbmTree& tree = model->trees[0];
  EXPECT_TRUE(tree.linear());
  EXPECT_THAT(tree.leaf_features, ElementsAre(ElementsAre(), ElementsAre(0, 1), ElementsAre(1)));
  EXPECT_THAT(tree.leaf_coefficients[1], ElementsAre(0.5, -1.0));
  EXPECT_TRUE(ReadLightgbmModel(Replaced(Small(), "feature_names", "average_output\nfeature_names"))->average);
}

TEST(LightgbmModel, KnowsWhatTheObjectivesDo) {
  const std::pair<std::string, LightgbmTransform> cases[] = {{"regression", LightgbmTransform::kIdentity},
                                                             {"regression sqrt", LightgbmTransform::kSignedSquare},
                                                             {"huber sqrt", LightgbmTransform::kIdentity},
                                                             {"poisson sqrt", LightgbmTransform::kExponential},
                                                             {"cross_entropy_lambda", LightgbmTransform::kLog1pExp},
                                                             {"lambdarank", LightgbmTransform::kIdentity},
                                                             {"custom", LightgbmTransform::kIdentity}};
  for (const auto& [objective, transform] : cases) {
    const auto model = ReadLightgbmModel(Replaced(Small(), "binary sigmoid:2.5", objective));
    ASSERT_TRUE(model.has_value()) << objective;
    EXPECT_EQ(model->transform, transform) << objective;
  }
  EXPECT_TRUE(ReadLightgbmModel(Replaced(Small(), "objective=binary sigmoid:2.5\n", "")).has_value());
}

TEST(LightgbmModel, IsToldByItsFirstLine) {
  EXPECT_TRUE(IsLightgbmText(Small()));
  EXPECT_TRUE(IsLightgbmText("tree\r\n"));
  EXPECT_FALSE(IsLightgbmText("{\"learner\":{}}"));
  EXPECT_FALSE(IsLightgbmText("trees\n"));
  EXPECT_EQ(ReadLightgbmModel("{}").error().code, ErrorCode::kDataLoss);
}

struct BadCase {
  std::string what, with;
  ErrorCode code;
  std::string where;    // part of the error's where
  std::string message;  // part of its message
};

TEST(LightgbmModel, RefusesUnsoundModelsWithThePlace) {
  const std::vector<BadCase> cases = {
      {"left_child=1 -1", "left_child=0 -1", ErrorCode::kInvalidArgument, "tree 0: left_child", "cycle"},
      {"left_child=1 -1", "left_child=1 -2", ErrorCode::kInvalidArgument, "tree 0: left_child", "second parent"},
      {"left_child=1 -1", "left_child=1 -4", ErrorCode::kInvalidArgument, "tree 0: left_child", "child -4"},
      {"left_child=1 -1", "left_child=7 -1", ErrorCode::kInvalidArgument, "tree 0: left_child", "child 7 of a tree"},
      {"left_child=1 -1", "left_child=1", ErrorCode::kInvalidArgument, "tree 0: left_child", "1 entries, expected 2"},
      {"left_child=1 -1\n", "", ErrorCode::kInvalidArgument, "tree 0", "no line left_child="},
      {"left_child=1 -1", "left_child=1 x", ErrorCode::kDataLoss, "tree 0: left_child", "entry 1 is not a number"},
      {"left_child=1 -1", "left_child=1 3000000000", ErrorCode::kDataLoss, "tree 0: left_child", "in range"},
      {"threshold=0.5 0", "threshold=0.5 1", ErrorCode::kInvalidArgument, "tree 0: threshold", "set 1 of 1"},
      {"threshold=0.5 0", "threshold=0.5 -1", ErrorCode::kInvalidArgument, "tree 0: threshold", "set -1 of 1"},
      {"threshold=0.5 0", "threshold=nan 0", ErrorCode::kInvalidArgument, "tree 0: threshold", "not a number"},
      {"threshold=0.5 0", "threshold=0.5x 0", ErrorCode::kDataLoss, "tree 0: threshold", "0.5x"},
      {"decision_type=10", "decision_type=12", ErrorCode::kInvalidArgument, "tree 0: decision_type", "decision 12"},
      {"split_feature=0 1", "split_feature=0 2", ErrorCode::kInvalidArgument, "tree 0: split_feature",
       "feature 2 of 2"},
      {"num_leaves=3", "num_leaves=4", ErrorCode::kInvalidArgument, "tree 0: leaf_value", "3 entries, expected 4"},
      {"num_leaves=3", "num_leaves=0", ErrorCode::kInvalidArgument, "tree 0: num_leaves", "0 leaves"},
      {"num_leaves=3", "num_leaves=99999999999", ErrorCode::kInvalidArgument, "tree 0: num_leaves", "leaves"},
      {"leaf_count=5 6 7", "leaf_count=5 6", ErrorCode::kInvalidArgument, "tree 0: leaf_count", "2 entries"},
      {"cat_boundaries=0 1", "cat_boundaries=0 2", ErrorCode::kInvalidArgument, "tree 0: cat_threshold", "1 entries"},
      {"cat_boundaries=0 1", "cat_boundaries=1 1", ErrorCode::kInvalidArgument, "tree 0: cat_boundaries", "rising"},
      {"cat_boundaries=0 1", "cat_boundaries=0 -1", ErrorCode::kInvalidArgument, "tree 0: cat_boundaries", "rising"},
      {"num_cat=1", "num_cat=-1", ErrorCode::kInvalidArgument, "tree 0: num_cat", "-1 sets"},
      {"num_class=1", "num_class=0", ErrorCode::kInvalidArgument, "num_class", "0 classes"},
      {"num_class=1", "num_class=3", ErrorCode::kInvalidArgument, "num_tree_per_iteration", "1 trees a round"},
      {"max_feature_idx=1", "max_feature_idx=16777216", ErrorCode::kInvalidArgument, "max_feature_idx", "2^24"},
      {"max_feature_idx=1", "max_feature_idx=1x", ErrorCode::kDataLoss, "max_feature_idx", "whole number"},
      {"max_feature_idx=1", "max_feature_idx=2", ErrorCode::kInvalidArgument, "feature_names", "2 names for 3"},
      {"binary sigmoid:2.5", "binary sigmoid:-1", ErrorCode::kInvalidArgument, "objective", "positive"},
      {"binary sigmoid:2.5", "my_own", ErrorCode::kUnsupported, "objective", "my_own"},
      {"end of trees", "end of", ErrorCode::kDataLoss, "tree 1", "key=value"},
  };
  for (const auto& bad : cases) {
    const auto model = ReadLightgbmModel(Replaced(Small(), bad.what, bad.with));
    ASSERT_FALSE(model.has_value()) << bad.what << " -> " << bad.with;
    EXPECT_EQ(model.error().code, bad.code) << model.error().ToString();
    EXPECT_THAT(model.error().where, HasSubstr(bad.where));
    EXPECT_THAT(model.error().message, HasSubstr(bad.message));
  }
  for (const auto& [what, with] :
       {std::pair<std::string, std::string>{"leaf_features= 0 1  1", "leaf_features= 0 2  1"},
        {"num_features=0 2 1", "num_features=0 2 2"},
        {"num_features=0 2 1", "num_features=4 -2 1"},
        {"leaf_coeff= 0.5 -1  2 ", ""}}) {
    EXPECT_EQ(ReadLightgbmModel(Replaced(Linear(), what, with)).error().code, ErrorCode::kInvalidArgument) << with;
  }
}

// Every prefix of a file, and files with bytes changed at random: an error or a sound model, never anything worse.
TEST(LightgbmModel, SurvivesTruncationAndCorruption) {
  for (const std::string& content : {Small(), Linear()}) {
    const std::size_t end = content.find("end of trees") + 12;
    for (std::size_t length = 0; length < end; ++length) {
      EXPECT_FALSE(ReadLightgbmModel(content.substr(0, length)).has_value()) << length;
    }
    Random random(11);
    for (int i = 0; i < 20'000; ++i) {
      std::string changed = content;
      for (int k = 0; k < 3; ++k) changed[random.Below(end)] = static_cast<char>(random.Below(128));
      const auto model = ReadLightgbmModel(changed);
      EXPECT_TRUE(model.has_value() || !model.error().where.empty());
    }
  }
}

}  // namespace
}  // namespace keelson::serving
