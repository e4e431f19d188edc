#include "serving/xgboost_model.h"

#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

#include "base/random.h"

namespace keelson::serving {
namespace {

std::string ReadTestFile(const std::string& name) {
  std::ifstream in(KEELSON_SOURCE_DIR "/src/serving/testdata/" + name, std::ios::binary);
  std::stringstream content;
  content << in.rdbuf();
  return content.str();
}

std::string Replaced(std::string text, std::string_view what, std::string_view with) {
  const auto at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return at == std::string::npos ? text : text.replace(at, what.size(), with);
}

// The smallest whole model: one split, two leaves.
std::string Small() {
  return R"({"learner":{"attributes":{"best_iteration":"0"},"feature_names":["a","b"],"feature_types":["q","q"],
"gradient_booster":{"model":{"gbtree_model_param":{"num_parallel_tree":"1","num_trees":"1"},"iteration_indptr":[0,1],
"tree_info":[0],"trees":[{"base_weights":[0,1,2],"categories":[],"categories_nodes":[],"categories_segments":[],
"categories_sizes":[],"default_left":[1,0,0],"id":0,"left_children":[1,-1,-1],"right_children":[2,-1,-1],
"split_conditions":[0.5,-1.5,2.5],"split_indices":[1,0,0],"split_type":[0,0,0],
"tree_param":{"num_nodes":"3","size_leaf_vector":"1"}}]},"name":"gbtree"},
"learner_model_param":{"base_score":"[2.5E-1]","num_class":"0","num_feature":"2","num_target":"1"},
"objective":{"name":"reg:squarederror"}},"version":[3,2,0]})";
}

TEST(XgboostModel, ReadsEveryFieldThatIsServed) {
  const auto model = ReadXgboostModel(Small());
  ASSERT_TRUE(model.has_value()) << model.error().ToString();
  EXPECT_EQ(model->version, (std::array<int, 3>{3, 2, 0}));
  EXPECT_EQ(model->objective, "reg:squarederror");
  EXPECT_EQ(model->features, 2u);
  EXPECT_EQ(model->outputs, 1u);
  EXPECT_THAT(model->base_margin, testing::ElementsAre(0.25f));
  EXPECT_THAT(model->feature_names, testing::ElementsAre("a", "b"));
  EXPECT_EQ(model->attributes.at("best_iteration"), "0");
  EXPECT_EQ(model->rounds(), 1u);
  ASSERT_EQ(model->trees.size(), 1u);
  EXPECT_THAT(model->trees[0].value, testing::ElementsAre(0.5f, -1.5f, 2.5f));
  EXPECT_THAT(model->trees[0].default_left, testing::ElementsAre(1, 0, 0));
}

TEST(XgboostModel, ReadsBothFormsAlike) {
  for (const std::string name : {"logistic", "old_logistic"}) {
    const auto json = ReadXgboostModel(ReadTestFile(name + ".json"));
    const auto ubj = ReadXgboostModel(ReadTestFile(name + ".ubj"));
    ASSERT_TRUE(json.has_value() && ubj.has_value());
    ASSERT_EQ(json->trees.size(), ubj->trees.size());
    EXPECT_EQ(json->base_margin, ubj->base_margin);
    for (std::size_t i = 0; i < json->trees.size(); ++i) {
      EXPECT_EQ(json->trees[i].value, ubj->trees[i].value);
      EXPECT_EQ(json->trees[i].left, ubj->trees[i].left);
      EXPECT_EQ(json->trees[i].feature, ubj->trees[i].feature);
      EXPECT_EQ(json->trees[i].default_left, ubj->trees[i].default_left);
    }
  }
}

TEST(XgboostModel, ReadsBaseScoreInBothForms) {
  for (const std::string form : {"2.5E-1", "[2.5E-1]", " [ 2.5e-1 ] "}) {
    const auto model = ReadXgboostModel(Replaced(Small(), "[2.5E-1]", form));
    ASSERT_TRUE(model.has_value()) << form;
    EXPECT_EQ(model->base_margin, std::vector<float>{0.25f});
  }
}

struct BadCase {
  std::string what, with;
  ErrorCode code;
  std::string where;    // part of the error's where
  std::string message;  // part of its message
};

TEST(XgboostModel, RefusesUnsoundModelsWithThePath) {
  const std::string trees = "learner.gradient_booster.model.trees[0].";
  const std::vector<BadCase> cases = {
      {"[1,-1,-1]", "[1,0,-1]", ErrorCode::kInvalidArgument, trees + "left_children[1]", "cycle"},
      {"[1,-1,-1]", "[2,-1,-1]", ErrorCode::kInvalidArgument, trees + "right_children[0]", "second parent"},
      {"[1,-1,-1]", "[0,-1,-1]", ErrorCode::kInvalidArgument, trees + "left_children[0]", "cycle"},
      {"[1,-1,-1]", "[7,-1,-1]", ErrorCode::kInvalidArgument, trees + "left_children[0]", "child 7 of a tree with 3"},
      {"[2,-1,-1]", "[-2,-1,-1]", ErrorCode::kInvalidArgument, trees + "right_children[0]", "child -2"},
      {"[1,-1,-1]", "[1,-1]", ErrorCode::kInvalidArgument, trees + "right_children", "3 entries"},
      {"[1,-1,-1]", "[1,-1,3000000000]", ErrorCode::kDataLoss, trees + "left_children", "32 bits"},
      {"[1,-1,-1]", "[1,-1,\"x\"]", ErrorCode::kDataLoss, trees + "left_children", "a number"},
      {"[1,0,0],\"split_type\"", "[2,0,0],\"split_type\"", ErrorCode::kInvalidArgument, trees + "split_indices[0]",
       "feature 2 of a model with 2"},
      {"[0.5,", "[NaN,", ErrorCode::kInvalidArgument, trees + "split_conditions[0]", "not a number"},
      {"\"tree_info\":[0]", "\"tree_info\":[1]", ErrorCode::kInvalidArgument, "tree_info[0]", "output 1"},
      {"\"tree_info\":[0]", "\"tree_info\":[]", ErrorCode::kInvalidArgument, "tree_info", "0 entries for 1 trees"},
      {"\"iteration_indptr\":[0,1]", "\"iteration_indptr\":[0,2]", ErrorCode::kInvalidArgument, "iteration_indptr",
       "rising"},
      {"\"num_feature\":\"2\"", "\"num_feature\":\"-2\"", ErrorCode::kInvalidArgument, "num_feature", "-2"},
      {"\"num_feature\":\"2\"", "\"num_feature\":\"2x\"", ErrorCode::kDataLoss, "num_feature", "whole number"},
      {"\"num_class\":\"0\"", "\"num_class\":\"99999999\"", ErrorCode::kInvalidArgument, "num_class", "65536"},
      {"[2.5E-1]", "[a]", ErrorCode::kInvalidArgument, "base_score", "finite number"},
      {"[2.5E-1]", "[1,2]", ErrorCode::kInvalidArgument, "base_score", "2 values for 1 outputs"},
      {"reg:squarederror", "my:own", ErrorCode::kUnsupported, "learner.objective.name", "my:own"},
      {"\"name\":\"gbtree\"", "\"name\":\"gbforest\"", ErrorCode::kUnsupported, "gradient_booster.name", "gbforest"},
      {"\"name\":\"gbtree\"", "\"name\":\"gblinear\"", ErrorCode::kInvalidArgument, "weights", "0 weights"},
      {"\"size_leaf_vector\":\"1\"", "\"size_leaf_vector\":\"65000\"", ErrorCode::kInvalidArgument, "size_leaf_vector",
       "65000"},
      {"\"learner\"", "\"learned\"", ErrorCode::kInvalidArgument, "$", "learner"},
  };
  for (const auto& bad : cases) {
    const auto model = ReadXgboostModel(Replaced(Small(), bad.what, bad.with));
    ASSERT_FALSE(model.has_value()) << bad.what << " -> " << bad.with;
    EXPECT_EQ(model.error().code, bad.code) << model.error().ToString();
    EXPECT_THAT(model.error().where, testing::HasSubstr(bad.where));
    EXPECT_THAT(model.error().message, testing::HasSubstr(bad.message));
  }
}

TEST(XgboostModel, RefusesUnsoundCategories) {
  const std::string good =
      Replaced(Replaced(Replaced(Replaced(Replaced(Small(), "\"split_type\":[0", "\"split_type\":[1"),
                                          "\"categories\":[]", "\"categories\":[1,5]"),
                                 "\"categories_nodes\":[]", "\"categories_nodes\":[0]"),
                        "\"categories_segments\":[]", "\"categories_segments\":[0]"),
               "\"categories_sizes\":[]", "\"categories_sizes\":[2]");
  ASSERT_TRUE(ReadXgboostModel(good).has_value());
  EXPECT_THAT(ReadXgboostModel(good)->trees[0].categories[0], testing::ElementsAre(1, 5));
  for (const auto& [what, with] :
       std::vector<std::pair<std::string, std::string>>{{"\"categories_nodes\":[0]", "\"categories_nodes\":[3]"},
                                                        {"\"categories_nodes\":[0]", "\"categories_nodes\":[0,1]"},
                                                        {"\"categories_sizes\":[2]", "\"categories_sizes\":[3]"},
                                                        {"\"categories_sizes\":[2]", "\"categories_sizes\":[-1]"},
                                                        {"\"categories_segments\":[0]", "\"categories_segments\":[-1]"},
                                                        {"\"categories\":[1,5]", "\"categories\":[-1,5]"},
                                                        {"\"categories\":[1,5]", "\"categories\":[1,16777216]"}}) {
    const auto model = ReadXgboostModel(Replaced(good, what, with));
    ASSERT_FALSE(model.has_value()) << with;
    EXPECT_EQ(model.error().code, ErrorCode::kInvalidArgument);
  }
}

// Every prefix of a file, and files with bytes changed at random: an error or a sound model, never anything worse.
TEST(XgboostModel, SurvivesTruncationAndCorruption) {
  for (const std::string name : {"old_logistic.json", "old_logistic.ubj", "categorical.json", "dart.ubj"}) {
    const std::string content = ReadTestFile(name);
    ASSERT_TRUE(ReadXgboostModel(content).has_value());
    const std::size_t end = content.find_last_not_of(" \n") + 1;
    for (std::size_t length = 0; length < end; length += length < 200 || length + 200 > end ? 1 : 13) {
      const auto model = ReadXgboostModel(std::string_view(content).substr(0, length));
      ASSERT_FALSE(model.has_value()) << name << " cut at " << length;
      ASSERT_EQ(model.error().code, ErrorCode::kDataLoss) << model.error().ToString();
    }
    Random random(11);
    for (int i = 0; i < 2'000; ++i) {
      std::string changed = content;
      for (int k = 0; k < 3; ++k) changed[random.Below(changed.size())] = static_cast<char>(random.Below(256));
      const auto model = ReadXgboostModel(changed);
      EXPECT_TRUE(model.has_value() || !model.error().where.empty());
    }
  }
}

TEST(XgboostModel, RefusesLyingLengthsWithoutAllocating) {
  // {"learner": a typed array of 2^62 floats
  std::string lying = "{L";
  lying += std::string("\0\0\0\0\0\0\0\7learner", 15);
  lying += std::string("[$d#L\x40\0\0\0\0\0\0\0", 13);
  const auto model = ReadXgboostModel(lying);
  ASSERT_FALSE(model.has_value());
  EXPECT_EQ(model.error().code, ErrorCode::kDataLoss);
  EXPECT_THAT(model.error().where, testing::HasSubstr("learner"));

  const auto deep = ReadXgboostModel("{\"learner\":" + std::string(100'000, '['));
  ASSERT_FALSE(deep.has_value());
  const auto deep_ubj = ReadXgboostModel("{" + lying.substr(1, 16) + std::string(100'000, '['));
  ASSERT_FALSE(deep_ubj.has_value());
  EXPECT_FALSE(ReadXgboostModel("").has_value());
  EXPECT_FALSE(ReadXgboostModel("binf").has_value());
}

}  // namespace
}  // namespace keelson::serving
