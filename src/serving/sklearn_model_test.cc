#include "serving/sklearn_model.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "io/files.h"
#include "io/temp_folder.h"
#include "serving/model.h"

namespace keelson::serving {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kColumns =
    R"([{"type": "double", "name": "a"}, {"type": "long", "name": "b"}, {"type": "boolean", "name": "c"}])";
constexpr std::string_view kMatrix = R"([{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 3]}}])";

Tensor Doubles(std::string name, std::vector<std::int64_t> shape, std::vector<double> values) {
  Tensor tensor;
  tensor.name = std::move(name);
  tensor.datatype = Datatype::kFp64;
  tensor.shape = std::move(shape);
  tensor.doubles = std::move(values);
  return tensor;
}

Tensor Ints(std::string name, Datatype datatype, std::vector<std::int64_t> values) {
  Tensor tensor;
  tensor.name = std::move(name);
  tensor.datatype = datatype;
  tensor.shape = {static_cast<std::int64_t>(values.size())};
  tensor.ints = std::move(values);
  return tensor;
}

class SklearnModelTest : public testing::Test {
 protected:
  // An MLflow directory of one of the estimators that lie in src/sklearn/testdata.
  void Save(const std::string& file, std::string_view inputs, const std::string& more = "",
            const std::string& python = "loader_module: mlflow.sklearn", const std::string& outputs = "") {
    const auto content =
        io::ReadFile(std::string(KEELSON_SOURCE_DIR) + "/src/sklearn/testdata/1.9.1/" + file, std::size_t{1} << 24);
    ASSERT_TRUE(content.has_value());
    ASSERT_TRUE(io::WriteFileAtomically(folder_.File("model.pkl"), *content).has_value());
    std::string described = fmt::format(
        "flavors:\n  python_function: {{{}}}\n  sklearn: {{code: null, pickled_model: model.pkl{}}}\n", python, more);
    if (!inputs.empty()) described += fmt::format("signature:\n  inputs: '{}'\n", inputs);
    if (!outputs.empty()) described += fmt::format("  outputs: '{}'\n", outputs);
    ASSERT_TRUE(io::WriteFileAtomically(folder_.File("MLmodel"), described).has_value());
  }
  std::unique_ptr<const SklearnModel> Native(sklearn::Method method = sklearn::Method::kPredict) {
    auto model = SklearnModel::Load(folder_.path(), folder_.File("model.pkl"), method);
    EXPECT_TRUE(model.has_value()) << model.error().ToString();
    return model ? std::move(*model) : nullptr;
  }
  std::string Why() {
    const auto model = SklearnModel::Load(folder_.path(), folder_.File("model.pkl"), sklearn::Method::kPredict);
    return model ? "native" : model.error().message;
  }
  // By whatever answers; Python is none here.
  Result<std::shared_ptr<const LoadedModel>> Load() {
    ModelSource source;
    source.name = "m";
    source.path = folder_.path();
    source.tensors = true;
    source.python = "/bin/false";
    return LoadedModel::Load(source);
  }

  io::TempFolder folder_ = std::move(*io::TempFolder::Make());
};

TEST_F(SklearnModelTest, TakesAMatrixOrColumns) {
  Save("forest.pkl", kMatrix);
  auto model = Native();
  const std::vector<Tensor> matrix = {Doubles("input-0", {2, 3}, {0.5, 2, 1, -1, 0, 0})};
  const auto of_matrix = model->Infer(matrix, {});
  ASSERT_TRUE(of_matrix.has_value()) << of_matrix.error().ToString();
  EXPECT_EQ(of_matrix->front().name, "predict");
  EXPECT_EQ(of_matrix->front().datatype, Datatype::kBytes);
  EXPECT_THAT(of_matrix->front().shape, ElementsAre(2));
  EXPECT_TRUE(model->is_pyfunc());
  EXPECT_FALSE(model->waits());
  EXPECT_GT(model->memory_bytes(), 1'000u);

  Save("forest.pkl", kColumns);
  model = Native();
  const std::vector<Tensor> columns = {Ints("c", Datatype::kBool, {1, 0}), Doubles("a", {2}, {0.5, -1}),
                                       Ints("b", Datatype::kInt64, {2, 0})};
  const auto of_columns = model->Infer(columns, {});
  ASSERT_TRUE(of_columns.has_value()) << of_columns.error().ToString();
  EXPECT_EQ(of_columns->front().texts, of_matrix->front().texts);
  const auto uneven = model->Infer(std::vector<Tensor>{Ints("c", Datatype::kBool, {1}), Doubles("a", {2}, {0.5, -1}),
                                                       Ints("b", Datatype::kInt64, {2, 0})},
                                   {});
  EXPECT_EQ(uneven.error().message, "ValueError: All arrays must be of the same length");

  Save("forest.pkl", "");
  model = Native();
  EXPECT_THAT(model->inputs()[0].shape, ElementsAre(-1, -1));
  EXPECT_EQ(model->Infer(matrix, {})->front().texts, of_matrix->front().texts);
}

TEST_F(SklearnModelTest, AnswersWithTheEstimatorsOwnTypes) {
  const std::vector<Tensor> rows = {Doubles("input-0", {1, 3}, {0.5, 2, 1})};
  Save("tree.pkl", kMatrix);
  EXPECT_EQ(Native()->Infer(rows, {})->front().datatype, Datatype::kBool);
  Save("boosted.pkl", kMatrix);
  EXPECT_EQ(Native()->Infer(rows, {})->front().datatype, Datatype::kInt64);
  Save("support.pkl", kMatrix);
  EXPECT_EQ(Native()->Infer(rows, {})->front().datatype, Datatype::kFp32);
  Save("ridge.pkl", kMatrix);
  EXPECT_EQ(Native()->Infer(rows, {})->front().doubles.size(), 1u);
  Save("forest_shares.pkl", kMatrix);
  const auto shares = Native(sklearn::Method::kPredictProba)->Infer(rows, {});
  EXPECT_THAT(shares->front().shape, ElementsAre(1, 3));
}

TEST_F(SklearnModelTest, RefusesAsTheWorkersDo) {
  Save("ridge.pkl", kMatrix, "", "loader_module: mlflow.sklearn", R"([{"type": "double", "name": "price"}])");
  const auto model = Native();
  const std::vector<Tensor> rows = {Doubles("input-0", {1, 3}, {0.5, 2, 1})};
  EXPECT_EQ(model->outputs()[0].name, "price");
  const std::vector<std::string> known = {"price", "price"}, unknown = {"cost"};
  EXPECT_EQ(model->Infer(rows, known)->size(), 2u);
  EXPECT_EQ(model->Infer(rows, unknown).error().message, "the model gave no output \"cost\"");
  EXPECT_THAT(model->Infer(std::vector<Tensor>{Doubles("input-0", {0, 3}, {})}, {}).error().message,
              HasSubstr("ValueError: Found array with 0 sample(s)"));
  EXPECT_THAT(model->Infer(std::vector<Tensor>{Doubles("input-0", {1, 2}, {1, 2})}, {}).error().message,
              HasSubstr("expected FP64 [-1,3]"));
}

TEST_F(SklearnModelTest, LeavesSignaturesToPythonThatItDoesNotKnow) {
  const auto why = [&](const std::string& file, std::string_view inputs, const std::string& outputs = "") {
    Save(file, inputs, "", "loader_module: mlflow.sklearn", outputs);
    return Why();
  };
  EXPECT_EQ(why("forest.pkl", kColumns), "native");
  EXPECT_THAT(why("forest.pkl", R"([{"type": "double", "name": "a"}])"), HasSubstr("not the estimator's features"));
  EXPECT_THAT(why("forest.pkl", R"([{"type": "string", "name": "a"}])"), HasSubstr("of type string"));
  EXPECT_THAT(why("forest.pkl", R"([{"type": "double"}])"), HasSubstr("have no names"));
  EXPECT_THAT(why("forest.pkl", R"([{"type": "double", "name": "a", "required": false}])"), HasSubstr("optional"));
  EXPECT_THAT(why("forest.pkl", R"([{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 4]}}])"),
              HasSubstr("no matrix of the estimator's features"));
  EXPECT_THAT(why("forest.pkl", R"([{"type": "tensor", "tensor-spec": {"dtype": "float64"}}])"),
              HasSubstr("no matrix"));
  EXPECT_THAT(why("forest.pkl", kMatrix, R"([{"type": "double", "name": "x"}, {"type": "double", "name": "y"}])"),
              HasSubstr("several outputs"));
  const std::string floats = R"([{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 3]}}])";
  EXPECT_EQ(why("forest.pkl", floats), "native");
  EXPECT_THAT(why("pipeline.pkl", floats), HasSubstr("a pipeline over float32"));
}

TEST_F(SklearnModelTest, IsLoadedWithoutPythonOrLeftToIt) {
  Save("forest.pkl", kMatrix);
  const auto native = Load();
  ASSERT_TRUE(native.has_value()) << native.error().ToString();
  EXPECT_EQ((*native)->platform(), "keelson_sklearn");
  EXPECT_TRUE((*native)->is_pyfunc());
  EXPECT_FALSE((*native)->waits());
  const auto left = [&](const std::string& more, const std::string& python) {
    Save("forest.pkl", kMatrix, more, python);
    const auto loaded = Load();
    return loaded ? std::string("native") : loaded.error().message;
  };
  EXPECT_EQ(left("", "loader_module: mlflow.sklearn, predict_fn: predict_proba"), "native");
  EXPECT_THAT(left("", "loader_module: mlflow.sklearn, predict_fn: predict_log_proba"), HasSubstr("did not start"));
  EXPECT_THAT(left("", "loader_module: mlflow.sklearn, code: code"), HasSubstr("did not start"));
  EXPECT_THAT(left("", "loader_module: my.own"), HasSubstr("did not start"));
  ASSERT_TRUE(io::WriteFileAtomically(folder_.File("model.pkl"), "broken").has_value());
  EXPECT_THAT(Load().error().message, HasSubstr("did not start"));
}

}  // namespace
}  // namespace keelson::serving
