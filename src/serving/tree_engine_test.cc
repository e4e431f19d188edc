#include "serving/tree_engine.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <bit>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>
#include <thread>

#include "serving/xgboost_model.h"

namespace keelson::serving {
namespace {

std::string ReadTestFile(const std::string& name) {
  std::ifstream in(KEELSON_SOURCE_DIR "/src/serving/testdata/" + name, std::ios::binary);
  std::stringstream content;
  content << in.rdbuf();
  return content.str();
}

std::vector<float> FromBits(const nlohmann::json& bits) {
  std::vector<float> values;
  for (const auto& word : bits) values.push_back(std::bit_cast<float>(word.get<std::uint32_t>()));
  return values;
}

std::vector<std::uint32_t> ToBits(const std::vector<float>& values) {
  std::vector<std::uint32_t> bits;
  for (const float value : values) bits.push_back(std::bit_cast<std::uint32_t>(value));
  return bits;
}

std::unique_ptr<const TreeEngine> Load(const std::string& file, RoundRange rounds = {}) {
  auto model = ReadXgboostModel(ReadTestFile(file));
  EXPECT_TRUE(model.has_value()) << file << ": " << model.error().ToString();
  if (!model) return nullptr;
  auto engine = TreeEngine::Build(*model, rounds);
  EXPECT_TRUE(engine.has_value()) << file;
  return engine ? std::move(*engine) : nullptr;
}

class Fixture : public testing::TestWithParam<std::string> {};

// Every fixture holds NaN, infinities, denormals, thresholds hit exactly and one float below, and strange categories;
// the expected values are the library's own bits.
TEST_P(Fixture, PredictsTheLibrarysBits) {
  const std::string& file = GetParam();
  const auto engine = Load(file);
  ASSERT_NE(engine, nullptr);
  const auto expected = nlohmann::json::parse(ReadTestFile(file.substr(0, file.rfind('.')) + ".expected"));
  const auto rows = FromBits(expected["rows"]);
  const auto count = expected["count"].get<std::size_t>();
  ASSERT_EQ(engine->features(), expected["features"].get<std::uint32_t>());
  for (const auto kind : {PredictKind::kValue, PredictKind::kMargin}) {
    const auto& wanted = expected[kind == PredictKind::kValue ? "value" : "margin"];
    const std::size_t width = engine->width(kind);
    ASSERT_EQ(wanted.size(), count * width);
    std::vector<float> batch(count * width);
    engine->Predict(rows, count, kind, batch);
    EXPECT_EQ(ToBits(batch), wanted.get<std::vector<std::uint32_t>>()) << "batch";
    std::vector<float> single(count * width);
    for (std::size_t i = 0; i < count; ++i) {
      engine->Predict(std::span(rows).subspan(i * engine->features(), engine->features()), 1, kind,
                      std::span(single).subspan(i * width, width));
    }
    EXPECT_EQ(ToBits(single), ToBits(batch)) << "row by row";
  }
  if (expected.contains("leaves")) {
    std::vector<std::int32_t> leaves(engine->trees());
    const auto wanted = expected["leaves"].get<std::vector<std::int32_t>>();
    for (std::size_t i = 0; i < expected["leaf_rows"].get<std::size_t>(); ++i) {
      std::vector<float> row(rows.begin() + static_cast<std::ptrdiff_t>(i * engine->features()),
                             rows.begin() + static_cast<std::ptrdiff_t>((i + 1) * engine->features()));
      for (float& value : row) {
        if (std::isinf(value)) value = std::nanf("");  // as the generating script does
      }
      engine->PredictLeaves(row.data(), leaves);
      EXPECT_TRUE(
          std::equal(leaves.begin(), leaves.end(), wanted.begin() + static_cast<std::ptrdiff_t>(i * engine->trees())))
          << "row " << i;
    }
  }
}

std::string TestName(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Models, Fixture,
                         testing::Values<std::string>("logistic.json", "logistic.ubj", "squared.ubj", "poisson.ubj",
                                                      "tweedie.ubj", "logitraw.ubj", "hinge.ubj", "quantile.ubj",
                                                      "softprob.ubj", "softmax.ubj", "dart.ubj", "categorical.json",
                                                      "onehot.ubj", "targets.ubj", "vector_leaf.json", "linear.json",
                                                      "old_logistic.json", "old_logistic.ubj", "old_softprob.json"),
                         TestName);

// Models written by the releases between, each with its own library's answers.
std::vector<std::string> ModelsOfVersions() {
  const std::filesystem::path folder = KEELSON_SOURCE_DIR "/src/serving/testdata";
  std::vector<std::string> files;
  for (const auto& each : std::filesystem::recursive_directory_iterator(folder / "versions")) {
    const auto extension = each.path().extension();
    if (extension == ".json" || extension == ".ubj") files.push_back(each.path().lexically_relative(folder));
  }
  std::sort(files.begin(), files.end());
  return files;
}

INSTANTIATE_TEST_SUITE_P(Versions, Fixture, testing::ValuesIn(ModelsOfVersions()), TestName);

TEST(TreeEngine, ReadsModelsOfEveryVersionBetween) {
  const auto files = ModelsOfVersions();
  for (const std::string version : {"1.7.6", "2.0.3", "2.1.4", "3.0.5", "3.1.2", "3.3.0", "3.4.1"}) {
    const auto count = std::count_if(files.begin(), files.end(), [&](const std::string& file) {
      return file.starts_with("versions/" + version + "/");
    });
    EXPECT_EQ(count, version == "1.7.6" ? 6 : version < "3.3" ? 8 : 10) << version;
  }
}

// Exactness against the library itself: tests/models/model_answers_test.py.
TEST(TreeEngine, ContributionsSumToTheMargin) {
  for (const std::string file : {"logistic.ubj", "softprob.ubj", "categorical.json", "dart.ubj", "linear.json"}) {
    const auto engine = Load(file);
    ASSERT_TRUE(engine->Supports(PredictKind::kContributions).has_value()) << file;
    const auto rows =
        FromBits(nlohmann::json::parse(ReadTestFile(file.substr(0, file.find('.')) + ".expected"))["rows"]);
    const std::size_t outputs = engine->width(PredictKind::kMargin);
    std::vector<float> margins(8 * outputs), contributions(8 * outputs * 6);
    ASSERT_EQ(engine->width(PredictKind::kContributions), outputs * 6);
    engine->Predict(rows, 8, PredictKind::kMargin, margins);
    engine->Predict(rows, 8, PredictKind::kContributions, contributions);
    for (std::size_t i = 0; i < margins.size(); ++i) {
      const auto begin = contributions.begin() + static_cast<std::ptrdiff_t>(i * 6);
      EXPECT_NEAR(std::accumulate(begin, begin + 6, 0.0f), margins[i], 1e-4) << file;
    }
  }
}

TEST(TreeEngine, SaysWhichKindsItCannotGive) {
  const auto vectors = Load("vector_leaf.json")->Supports(PredictKind::kContributions);
  ASSERT_FALSE(vectors.has_value());
  EXPECT_EQ(vectors.error().code, ErrorCode::kUnsupported);
  EXPECT_FALSE(Load("linear.json")->Supports(PredictKind::kLeaves).has_value());
  auto model = *ReadXgboostModel(ReadTestFile("logistic.ubj"));
  for (auto& tree : model.trees) tree.cover.clear();
  const auto bare = (*TreeEngine::Build(model))->Supports(PredictKind::kContributions);
  ASSERT_FALSE(bare.has_value());
  EXPECT_NE(bare.error().message.find("sum_hessian"), std::string::npos);
}

TEST(TreeEngine, UsesTheRoundsThatItIsTold) {
  const auto expected = nlohmann::json::parse(ReadTestFile("logistic.expected"));
  const auto rows = FromBits(expected["rows"]);
  const std::span row(rows.data(), 5);
  std::vector<float> all(1), first(1), rest(1);
  Load("logistic.ubj")->Predict(row, 1, PredictKind::kMargin, all);
  Load("logistic.ubj", {0, 2})->Predict(row, 1, PredictKind::kMargin, first);
  Load("logistic.ubj", {2, 6})->Predict(row, 1, PredictKind::kMargin, rest);
  EXPECT_NE(all, first);
  const auto model = ReadXgboostModel(ReadTestFile("logistic.ubj"));
  EXPECT_NEAR(first[0] + rest[0] - model->base_margin[0], all[0], 1e-5);
  EXPECT_EQ(Load("old_softprob.json", {0, 1})->trees(), 6u);  // 3 classes, 2 parallel trees
  const auto beyond = TreeEngine::Build(*model, {0, 7});
  ASSERT_FALSE(beyond.has_value());
  EXPECT_EQ(beyond.error().code, ErrorCode::kInvalidArgument);
}

TEST(TreeEngine, AnswersManyThreadsAtOnceAlike) {
  const auto engine = Load("softmax.ubj");
  const auto rows = FromBits(nlohmann::json::parse(ReadTestFile("softmax.expected"))["rows"]);
  const std::size_t count = rows.size() / 5;
  std::vector<float> wanted(count);
  engine->Predict(rows, count, PredictKind::kValue, wanted);
  std::vector<std::thread> threads;
  std::vector<int> wrong(4, 0);
  for (std::size_t k = 0; k < wrong.size(); ++k) {
    threads.emplace_back([&, k] {
      for (int i = 0; i < 200; ++i) {
        std::vector<float> out(count);
        engine->Predict(rows, count, PredictKind::kValue, out);
        wrong[k] += out != wanted ? 1 : 0;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_THAT(wrong, testing::Each(0));
}

TEST(TreeEngine, WalksATreeOfAThousandLevels) {
  XgboostModel model;
  model.booster = "gbtree";
  model.features = 1;
  model.base_margin = {0.5f};
  model.tree_output = {0};
  model.iteration_begin = {0, 1};
  XgboostTree tree;  // a chain: the left child is a leaf, the right one goes on
  for (int level = 0; level < 1000; ++level) {
    for (int half = 0; half < 2; ++half) {
      const bool split = half == 0;
      const int node = level * 2;
      tree.left.push_back(split ? node + 1 : -1);
      tree.right.push_back(split ? node + 2 : -1);
      tree.feature.push_back(0);
      tree.value.push_back(static_cast<float>(level));
      tree.default_left.push_back(0);
    }
  }
  tree.left.push_back(-1);
  tree.right.push_back(-1);
  tree.feature.push_back(0);
  tree.value.push_back(-7);
  tree.default_left.push_back(0);
  model.trees.push_back(tree);
  const auto engine = *TreeEngine::Build(model);
  const std::vector<float> rows = {-1, 0, 0.5, 998.5, 5000, std::nanf("")};
  std::vector<float> out(rows.size());
  engine->Predict(rows, rows.size(), PredictKind::kValue, out);
  EXPECT_THAT(out, testing::ElementsAre(0.5f, 1.5f, 1.5f, 999.5f, -6.5f, -6.5f));
}

}  // namespace
}  // namespace keelson::serving
