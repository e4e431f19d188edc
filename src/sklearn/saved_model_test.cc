#include "sklearn/saved_model.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "io/files.h"

namespace keelson::sklearn {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kFolder = std::string(KEELSON_SOURCE_DIR) + "/src/sklearn/testdata/";
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::string Content(const std::string& file) {
  auto content = io::ReadFile(kFolder + file, std::size_t{1} << 24);
  EXPECT_TRUE(content.has_value()) << file;
  return content.value_or("");
}

std::unique_ptr<const FittedModel> Read(const std::string& file, Method method = Method::kPredict) {
  auto model = ReadSavedModel(Content(file), method);
  EXPECT_TRUE(model.has_value()) << file << ": " << model.error().ToString();
  return model ? std::move(*model) : nullptr;
}

std::vector<double> Numbers(const nlohmann::json& arrays) {
  std::vector<double> numbers;
  for (const auto& each : arrays) {
    if (each.is_array()) {
      for (const double number : Numbers(each)) numbers.push_back(number);
    } else {
      numbers.push_back(each.is_null() ? kNan : each.is_boolean() ? (each.get<bool>() ? 1 : 0) : each.get<double>());
    }
  }
  return numbers;
}

// The labels of an answer as JSON has them.
nlohmann::json LabelsOf(const FittedModel& model, const FittedModel::Answer& answer) {
  const Labels& labels = *model.labels();
  auto json = nlohmann::json::array();
  for (const auto place : answer.classes) {
    if (!labels.texts.empty()) {
      json.push_back(labels.texts[place]);
    } else if (!labels.doubles.empty()) {
      json.push_back(labels.doubles[place]);
    } else if (labels.kind == 'b') {
      json.push_back(labels.ints[place] != 0);
    } else {
      json.push_back(labels.ints[place]);
    }
  }
  return json;
}

// Whether the model adds only what its trees say: then the bits are scikit-learn's.
bool IsExact(const std::string& file) {
  return file.starts_with("forest") || file.starts_with("extra") || file.starts_with("pipeline") ||
         file.starts_with("boosted_number");
}

void Compare(const std::string& file, const nlohmann::json& wanted) {
  SCOPED_TRACE(file);
  const auto model = Read(file, wanted["method"] == "predict_proba" ? Method::kPredictProba : Method::kPredict);
  ASSERT_NE(model, nullptr);
  const auto rows = Numbers(wanted["rows"]);
  const std::size_t count = wanted["rows"].size();
  const auto together = model->Predict({rows, count, rows.size() / count});
  ASSERT_TRUE(together.has_value()) << together.error().ToString();
  if (model->labels() != nullptr) {
    EXPECT_EQ(LabelsOf(*model, *together), wanted["answer"]);
    return;
  }
  const auto expected = Numbers(wanted["answer"]);
  ASSERT_EQ(together->numbers.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double allowed = IsExact(file.substr(file.find('/') + 1)) ? 0 : 1e-15 + std::abs(expected[i]) * 1e-14;
    EXPECT_NEAR(together->numbers[i], expected[i], allowed) << i;
  }
  const std::size_t width = rows.size() / count;
  for (std::size_t row = 0; row < count; ++row) {  // alone as together
    const auto alone = model->Predict({std::span(rows).subspan(row * width, width), 1, width});
    ASSERT_TRUE(alone.has_value());
    for (std::size_t i = 0; i < alone->numbers.size(); ++i) {
      EXPECT_EQ(alone->numbers[i], together->numbers[row * alone->numbers.size() + i]);
    }
  }
}

class OfVersion : public testing::TestWithParam<const char*> {};

TEST_P(OfVersion, AnswersAsScikitLearnDoes) {
  const std::string version = GetParam();
  const auto answers = nlohmann::json::parse(Content(version + "/answers.json"));
  ASSERT_GE(answers.size(), 4u);
  for (const auto& [file, wanted] : answers.items()) Compare(version + "/" + file, wanted);
}

INSTANTIATE_TEST_SUITE_P(SavedModel, OfVersion, testing::Values("1.5.2", "1.6.1", "1.7.2", "1.8.0", "1.9.1"));

TEST(SavedModel, KnowsItsFeaturesAndLabels) {
  const auto forest = Read("1.9.1/forest.pkl");
  EXPECT_EQ(forest->features(), 3u);
  EXPECT_TRUE(forest->feature_names().empty());
  EXPECT_THAT(forest->labels()->texts, ElementsAre("high", "low", "mid"));
  EXPECT_EQ(forest->width(), 0u);
  EXPECT_GT(forest->memory_bytes(), 1'000u);
  EXPECT_FALSE(forest->transforms());
  EXPECT_TRUE(Read("1.9.1/pipeline_zip.skops")->transforms());
  EXPECT_EQ(Read("1.9.1/forest.pkl", Method::kPredictProba)->width(), 3u);
  EXPECT_EQ(Read("1.9.1/tree.pkl")->labels()->kind, 'b');
  EXPECT_EQ(Read("1.9.1/support.pkl")->labels()->size, 4u);
}

std::string Refusal(const FittedModel& model, std::vector<double> rows, std::size_t count, std::size_t width,
                    bool single = false) {
  const auto answer = model.Predict({rows, count, width, single});
  if (answer) return "";
  EXPECT_EQ(answer.error().code, ErrorCode::kInvalidArgument);
  return answer.error().message;
}

TEST(SavedModel, RefusesInScikitLearnsWords) {
  const auto boosted = Read("1.9.1/boosted.pkl");
  const auto forest = Read("1.9.1/forest.pkl");
  const auto hist = Read("1.9.1/hist.pkl");
  const auto ridge = Read("1.9.1/ridge.pkl");
  constexpr double kInf = std::numeric_limits<double>::infinity();
  EXPECT_THAT(Refusal(*boosted, {0, kNan, 0}, 1, 3),
              HasSubstr("Input X contains NaN.\nGradientBoostingClassifier does not accept missing values"));
  EXPECT_EQ(Refusal(*forest, {0, kNan, 0}, 1, 3), "");
  EXPECT_EQ(Refusal(*forest, {0, kInf, 0}, 1, 3),
            "Input X contains infinity or a value too large for dtype('float32').");
  EXPECT_THAT(Refusal(*forest, {0, 1e39, 0}, 1, 3), HasSubstr("too large for dtype('float32')"));
  EXPECT_EQ(Refusal(*hist, {0, kInf, kNan}, 1, 3), "");
  EXPECT_EQ(Refusal(*ridge, {0, 1e39, 0}, 1, 3), "");
  EXPECT_THAT(Refusal(*ridge, {0, kInf, 0}, 1, 3), HasSubstr("dtype('float64')"));
  EXPECT_THAT(Refusal(*ridge, {0, kInf, 0}, 1, 3, /*single=*/true), HasSubstr("dtype('float32')"));
  EXPECT_EQ(Refusal(*ridge, {}, 0, 3),
            "Found array with 0 sample(s) (shape=(0, 3)) while a minimum of 1 is required by Ridge.");
  EXPECT_EQ(Refusal(*ridge, {}, 2, 0),
            "Found array with 0 feature(s) (shape=(2, 0)) while a minimum of 1 is required by Ridge.");
  EXPECT_EQ(Refusal(*ridge, {1, 2}, 1, 2), "X has 2 features, but Ridge is expecting 3 features as input.");
}

std::string Why(std::string content, Method method = Method::kPredict) {
  const auto model = ReadSavedModel(content, method);
  return model ? "read" : model.error().ToString();
}

std::string Changed(const std::string& file, std::string_view what, std::string_view with) {
  std::string content = Content(file);
  const auto at = content.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return at == std::string::npos ? content : content.replace(at, what.size(), with);
}

TEST(SavedModel, LeavesToPythonWhatItDoesNotKnow) {
  EXPECT_THAT(Why(Changed("1.9.1/ridge.pkl", "1.9.1", "1.4.1")),
              HasSubstr("of scikit-learn 1.4.1; those of 1.5 to 1.9"));
  EXPECT_THAT(Why(Changed("1.9.1/ridge.pkl", "1.9.1", "2.0.0")), HasSubstr("of scikit-learn 2.0.0"));
  EXPECT_THAT(Why(Changed("1.9.1/ridge.pkl", "1.9.1", "1.9.x")), HasSubstr("of scikit-learn 1.9.x"));
  EXPECT_THAT(Why(Changed("1.9.1/ridge.pkl", "_sklearn_version", "_sklearn_vorsion")), HasSubstr("_sklearn_version"));
  EXPECT_THAT(Why(Changed("1.9.1/ridge.pkl", "Ridge", "Rigde")), HasSubstr("_ridge.Rigde is none of those"));
  EXPECT_THAT(Why(Changed("1.9.1/ridge.pkl", "sklearn.linear_model", "sklaern.linear_model")),
              HasSubstr("none of those"));
  EXPECT_THAT(Why(Changed("1.9.1/ridge.pkl", "coef_", "coeff")), HasSubstr("Ridge's coef_ is not as expected"));
  EXPECT_THAT(Why(Content("1.9.1/ridge.pkl"), Method::kPredictProba), HasSubstr("no classifier"));
  EXPECT_THAT(Why(Content("1.9.1/support.pkl"), Method::kPredictProba), HasSubstr("none of those"));
  EXPECT_THAT(Why(Changed("1.9.1/boosted.pkl", "log_loss", "log_lass")), HasSubstr("loss is not as expected"));
  EXPECT_THAT(Why(Changed("1.9.1/hist_number.pkl", "poisson", "poissen")), HasSubstr("loss is not as expected"));
  EXPECT_THAT(Why(Changed("1.9.1/pipeline.pkl", "median", "medium")), HasSubstr("SimpleImputer's strategy"));
  EXPECT_THAT(Why(Changed("1.9.1/pipeline.pkl", "StandardScaler", "StandardSealer")),
              HasSubstr("StandardSealer is none"));
  EXPECT_THAT(Why(Changed("1.9.1/pipeline.pkl", "passthrough", "passthruogh")), HasSubstr("no object of a class"));
  EXPECT_THAT(Why(Changed("1.9.1/forest.pkl", "missing_go_to_left", "missing_go_to_lift")),
              HasSubstr("a field \"missing_go_to_left\""));
  EXPECT_THAT(Why(Changed("1.9.1/tree.pkl", "n_outputs_", "n_uotputs_")), HasSubstr("n_outputs_"));
  EXPECT_THAT(Why("no pickle"), HasSubstr("no pickle of protocol 2"));
  EXPECT_THAT(Why(""), HasSubstr("ends early"));
}

// Every prefix, and every byte changed, is read or refused; a tree that was read stays within its nodes.
TEST(SavedModel, LivesThroughEveryBrokenByte) {
  for (const char* file : {"1.9.1/tree.pkl", "1.9.1/logistic_zip.skops"}) {
    const std::string whole = Content(file);
    const std::vector<double> row = {0.1, -0.2, 0.3};
    int read = 0;
    for (std::size_t i = 0; i < whole.size(); ++i) {
      std::string broken = whole;
      broken[i] = static_cast<char>(broken[i] ^ (1 << (i % 8)));
      const auto model = ReadSavedModel(broken, Method::kPredict);
      if (model && (*model)->Predict({row, 1, 3})) ++read;
      EXPECT_FALSE(ReadSavedModel(std::string_view(whole).substr(0, i), Method::kPredict).has_value()) << i;
    }
    EXPECT_GT(read, 0) << file;
  }
}

}  // namespace
}  // namespace keelson::sklearn
