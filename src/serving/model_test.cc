#include "serving/model.h"

#include <gmock/gmock.h>

#include <cmath>
#include <filesystem>

#include "io/files.h"
#include "io/temp_folder.h"
#include "serving/model_directory.h"

namespace keelson::serving {
namespace {

const std::string kTestData = KEELSON_SOURCE_DIR "/src/serving/testdata/";

constexpr std::string_view kLightgbm =
    "tree\nversion=v4\nnum_class=1\nmax_feature_idx=1\nobjective=regression\nfeature_names=a "
    "b\n\nTree=0\nnum_leaves=2\n"
    "num_cat=0\nsplit_feature=0\nthreshold=0.5\ndecision_type=2\nleft_child=-1\nright_child=-2\nleaf_value=1 2\n\n"
    "end of trees\n";

class Model : public testing::Test {
 protected:
  // An MLflow directory around the categorical fixture, whose fifth feature is a code.
  std::string MakeDirectory() {
    const std::string folder = temp_.File("model");
    EXPECT_TRUE(io::MakeFolders(folder));
    std::filesystem::copy(kTestData + "categorical.json", folder + "/model.json");
    Write("MLmodel", "flavors:\n  xgboost:\n    data: model.json\n    model_class: xgboost.core.Booster\n");
    Write("keelson.json",
          R"({"inputs":[{"name":"a","type":"double"},{"name":"b","type":"double"},{"name":"c","type":"int64"},
              {"name":"d","type":"bool"},{"name":"e","type":"string","categories":["x","y","z"]}],"output":"probability"})");
    Write("input_example.json", R"({"columns":["a","b","c","d","e"],"data":[[1.5,2,3,true,"y"]]})");
    return folder;
  }
  void Write(const std::string& name, std::string_view content) {
    ASSERT_TRUE(io::WriteFileAtomically(temp_.File("model/" + name), content));
  }
  Error LoadError(const ModelSource& source) {
    auto model = LoadedModel::Load(source);
    EXPECT_FALSE(model.has_value());
    return model ? Error{} : model.error();
  }

  io::TempFolder temp_ = std::move(*io::TempFolder::Make());
};

TEST_F(Model, LoadsABareFile) {
  const auto model = LoadedModel::Load({.name = "m", .version = "2", .path = kTestData + "softprob.ubj"});
  ASSERT_TRUE(model.has_value()) << model.error().ToString();
  EXPECT_EQ((*model)->features(), 5u);
  EXPECT_EQ((*model)->outputs(), 3u);
  EXPECT_EQ((*model)->encoder(), nullptr);
  EXPECT_THAT((*model)->feature_names(), testing::ElementsAre("f0", "f1", "f2", "f3", "f4"));
  EXPECT_THAT((*model)->payload_schema().outputs, testing::ElementsAre("predict[0]", "predict[1]", "predict[2]"));
  EXPECT_EQ((*model)->Predict(std::vector<float>(10), 2).size(), 6u);
}

TEST_F(Model, LoadsAnMlflowDirectoryWithItsEncoder) {
  const auto folder = MakeDirectory();
  const auto model = LoadedModel::Load({.name = "m", .path = folder, .content_hash = *io::HashTree(folder)});
  ASSERT_TRUE(model.has_value()) << model.error().ToString();
  EXPECT_EQ((*model)->output_name(), "probability");
  const auto schema = (*model)->payload_schema();
  EXPECT_EQ(schema.inputs[3], (data::ColumnSchema{"d", data::ColumnType::kDouble}));
  EXPECT_EQ(schema.inputs[4], (data::ColumnSchema{"e", data::ColumnType::kString}));
  data::Table table(schema.inputs);
  ASSERT_TRUE(table.AppendRow({1.5, 2.0, 3.0, 1.0, std::string("z")}).has_value());
  ASSERT_TRUE(table.AppendRow({1.5, std::monostate{}, 3.0, 1.0, std::string("unseen")}).has_value());
  const auto numbers = (*model)->Encode(table);
  ASSERT_TRUE(numbers.has_value()) << numbers.error().ToString();
  EXPECT_EQ((*numbers)[4], 2.0f);
  EXPECT_TRUE(std::isnan((*numbers)[6]));
  EXPECT_TRUE(std::isnan((*numbers)[9]));
  EXPECT_EQ((*model)->Predict(*numbers, 2).size(), 2u);
}

TEST_F(Model, LoadsABareLightgbmFile) {
  const std::string path = temp_.File("model.txt");
  ASSERT_TRUE(io::WriteFileAtomically(path, kLightgbm));
  const auto model = LoadedModel::Load({.name = "m", .path = path});
  ASSERT_TRUE(model.has_value()) << model.error().ToString();
  EXPECT_EQ((*model)->platform(), "keelson_lightgbm");
  EXPECT_THAT((*model)->feature_names(), testing::ElementsAre("a", "b"));
  EXPECT_THAT((*model)->Predict(std::vector<float>{0, 0, 1, 0}, 2), testing::ElementsAre(1.0f, 2.0f));
  EXPECT_THAT((*model)->Predict(std::vector<float>{0, 0, 1, 0}, 2, PredictKind::kLeaves), testing::ElementsAre(0, 1));
}

TEST_F(Model, LoadsAnMlflowDirectoryOfLightgbm) {
  const auto folder = MakeDirectory();
  std::filesystem::remove(folder + "/keelson.json");
  Write("model.lgb", kLightgbm);
  Write("MLmodel", "flavors:\n  lightgbm:\n    data: model.lgb\n    lgb_version: 4.7.0\n");
  const auto model = LoadedModel::Load({.name = "m", .path = folder});
  ASSERT_TRUE(model.has_value()) << model.error().ToString();
  EXPECT_EQ((*model)->features(), 2u);
  Write("model.lgb", "tree\nnum_class=1\n");
  EXPECT_THAT(LoadError({.name = "m", .path = folder}).where, testing::HasSubstr("model.lgb: the head"));
}

TEST_F(Model, LeavesAnEstimatorInAFlavorToPython) {
  const auto folder = MakeDirectory();
  for (const std::string_view content : {std::string_view("\x80\x05\x95"), std::string_view("PK\x03\x04...")}) {
    Write("model.bin", content);
    Write("MLmodel", "flavors: {lightgbm: {data: model.bin}, python_function: {loader_module: mlflow.lightgbm}}");
    const auto directory = ReadModelDirectory(folder);
    ASSERT_TRUE(directory.has_value()) << directory.error().ToString();
    EXPECT_TRUE(directory->python);
    EXPECT_EQ(directory->model_path, folder);
    EXPECT_EQ(LoadError({.name = "m", .path = folder}).code, ErrorCode::kUnsupported);  // tensors were not asked for
  }
  Write("MLmodel", "flavors: {lightgbm: {data: model.bin}}");
  EXPECT_THAT(ReadModelDirectory(folder).error().message, testing::HasSubstr("only Python reads"));
}

TEST_F(Model, RefusesAChangedDirectory) {
  const auto folder = MakeDirectory();
  const auto hash = *io::HashTree(folder);
  Write("keelson.json", R"({"inputs":[]})");
  const auto error = LoadError({.name = "m", .path = folder, .content_hash = hash});
  EXPECT_EQ(error.code, ErrorCode::kDataLoss);
  EXPECT_THAT(error.message, testing::HasSubstr("content hash"));
}

TEST_F(Model, SaysWhatIsWrongWithADirectory) {
  const auto folder = MakeDirectory();
  const ModelSource source{.name = "m", .path = folder};
  Write("keelson.json", R"({"inputs":[{"name":"a","type":"double"}]})");
  EXPECT_THAT(LoadError(source).message, testing::HasSubstr("1 inputs, the model 5 features"));
  Write("keelson.json", "[");
  EXPECT_THAT(LoadError(source).where, testing::HasSubstr("keelson.json"));
  Write("keelson.json", R"({"inputs":)" + std::string(1'000'000, '[') + std::string(1'000'000, ']') + "}");
  EXPECT_THAT(LoadError(source).message, testing::HasSubstr("nested deeper"));
  Write("keelson.json", R"({"inputs":[],"surprise":1})");
  EXPECT_THAT(LoadError(source).where, testing::HasSubstr("keelson.json"));
  Write("MLmodel", "flavors:\n  sklearn:\n    data: x\n");
  EXPECT_EQ(LoadError(source).code, ErrorCode::kUnsupported);
  EXPECT_THAT(LoadError(source).message, testing::HasSubstr("sklearn"));
  Write("MLmodel", "flavors: {xgboost: {data: ''}, python_function: {}}");
  EXPECT_EQ(LoadError(source).code, ErrorCode::kInvalidArgument);
  Write("MLmodel", "flavors: {python_function: {loader_module: mlflow.sklearn}}");
  EXPECT_EQ(LoadError(source).code, ErrorCode::kUnsupported);  // a model of tensors was not asked for
  Write("MLmodel", "flavors: {xgboost: {data: ../../etc/passwd}}");
  EXPECT_EQ(LoadError(source).code, ErrorCode::kInvalidArgument);
  Write("MLmodel", "a: [");
  EXPECT_THAT(LoadError(source).where, testing::HasSubstr("MLmodel:"));
  Write("MLmodel", "just text");
  EXPECT_EQ(LoadError(source).code, ErrorCode::kInvalidArgument);
  std::filesystem::remove(folder + "/MLmodel");
  EXPECT_EQ(LoadError(source).code, ErrorCode::kNotFound);
}

TEST_F(Model, LoadsThoughTheExampleIsUseless) {
  const auto folder = MakeDirectory();
  for (const std::string example : {"", "[", "{}", R"({"columns":["a"],"data":[[{}]]})", R"({"columns":3,"data":[]})",
                                    R"({"columns":["e"],"data":[[7],["x"],[]]})"}) {
    Write("input_example.json", example);
    EXPECT_TRUE(LoadedModel::Load({.name = "m", .path = folder}).has_value()) << example;
  }
}

TEST_F(Model, NamesTheFileThatIsCorrupt) {
  const std::string path = temp_.File("bad.json");
  ASSERT_TRUE(io::WriteFileAtomically(path, "{\"learner\":{\"gradient_booster\":[]}}"));
  const auto error = LoadError({.name = "m", .path = path});
  EXPECT_THAT(error.where,
              testing::AllOf(testing::HasSubstr("bad.json"), testing::HasSubstr("learner.gradient_booster")));
  ASSERT_TRUE(io::WriteFileAtomically(path, "binf\x01"));
  EXPECT_EQ(LoadError({.name = "m", .path = path}).code, ErrorCode::kUnsupported);
  EXPECT_EQ(LoadError({.name = "m", .path = temp_.File("none.json")}).code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace keelson::serving
