#include "serving/onnx_model.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "io/files.h"
#include "io/temp_folder.h"
#include "serving/model.h"

namespace keelson::serving {
namespace {

using testing::ElementsAre;
using testing::FloatEq;
using testing::HasSubstr;
using testing::Pointwise;

const std::string kModels = KEELSON_SOURCE_DIR "/src/serving/testdata/onnx/";

Tensor Make(const std::string& name, Datatype datatype, std::vector<std::int64_t> shape) {
  Tensor tensor;
  tensor.name = name;
  tensor.datatype = datatype;
  tensor.shape = std::move(shape);
  return tensor;
}

nlohmann::json Expected() {
  return nlohmann::json::parse(*io::ReadFile(kModels + "expected.json"));
}

Tensor Rows(const std::string& name) {
  Tensor rows = Make(name, Datatype::kFp32, {4, 3});
  rows.floats = Expected()["rows"].get<std::vector<float>>();
  return rows;
}

std::unique_ptr<const OnnxModel> Load(const std::string& name) {
  auto model = OnnxModel::Load(kModels + name);
  EXPECT_TRUE(model.has_value()) << model.error().ToString();
  return model ? std::move(*model) : nullptr;
}

TEST(OnnxModel, AnswersANetworkAsTheLibraryDoes) {
  const auto model = Load("network.onnx");
  ASSERT_EQ(model->inputs().size(), 1u);
  EXPECT_EQ(model->inputs()[0].name, "x");
  EXPECT_EQ(model->inputs()[0].datatype, Datatype::kFp32);
  EXPECT_THAT(model->inputs()[0].shape, ElementsAre(-1, 3));
  ASSERT_EQ(model->outputs().size(), 1u);
  EXPECT_THAT(model->outputs()[0].shape, ElementsAre(-1, 2));
  EXPECT_GT(model->memory_bytes(), 0u);
  const std::vector<Tensor> inputs = {Rows("x")};
  const auto answer = model->Infer(inputs, {});
  ASSERT_TRUE(answer.has_value()) << answer.error().ToString();
  EXPECT_EQ((*answer)[0].name, "y");
  EXPECT_THAT((*answer)[0].shape, ElementsAre(4, 2));
  EXPECT_THAT((*answer)[0].floats, Pointwise(FloatEq(), Expected()["network"].get<std::vector<float>>()));
}

TEST(OnnxModel, AnswersAClassifiersMapsAsAMatrix) {
  const auto model = Load("classifier.onnx");
  ASSERT_EQ(model->outputs().size(), 2u);
  EXPECT_EQ(model->outputs()[0].datatype, Datatype::kBytes);
  EXPECT_EQ(model->outputs()[1].datatype, Datatype::kFp32);
  EXPECT_THAT(model->outputs()[1].shape, ElementsAre(-1, -1));
  const std::vector<Tensor> inputs = {Rows(model->inputs()[0].name)};
  const auto answer = model->Infer(inputs, {});
  ASSERT_TRUE(answer.has_value()) << answer.error().ToString();
  EXPECT_EQ((*answer)[0].texts, Expected()["labels"].get<std::vector<std::string>>());
  EXPECT_THAT((*answer)[1].shape, ElementsAre(4, 3));
  EXPECT_THAT((*answer)[1].floats, Pointwise(FloatEq(), Expected()["probabilities"].get<std::vector<float>>()));
  const std::vector<std::string> wanted = {model->outputs()[1].name};
  const auto one = model->Infer(inputs, wanted);
  ASSERT_TRUE(one.has_value()) << one.error().ToString();
  ASSERT_EQ(one->size(), 1u);
  EXPECT_EQ((*one)[0].floats, (*answer)[1].floats);
}

// Two of everything, extremes included, through the library and back.
std::vector<Tensor> OneOfEachType(const OnnxModel& model) {
  std::vector<Tensor> inputs;
  for (const auto& info : model.inputs()) {
    Tensor& tensor = inputs.emplace_back(Make(info.name, info.datatype, {2}));
    if (info.datatype == Datatype::kBytes) {
      tensor.texts = {"", "gr\xc3\xbc\xc3\x9f"};
    } else if (info.datatype == Datatype::kFp64) {
      tensor.doubles = {0.1, -std::numeric_limits<double>::infinity()};
    } else if (IsFloat(info.datatype)) {
      tensor.floats = {-0.0F, 1.5F};
    } else if (info.datatype == Datatype::kUint64) {
      tensor.ints = {-1, 5};  // 2^64 - 1, by its bits
    } else if (info.datatype == Datatype::kInt64) {
      tensor.ints = {std::numeric_limits<std::int64_t>::min(), 5};
    } else {
      tensor.ints = {info.datatype >= Datatype::kInt8 ? -1 : 0, 1};
    }
  }
  return inputs;
}

TEST(OnnxModel, CarriesEveryDatatype) {
  const auto model = Load("types.onnx");
  ASSERT_EQ(model->inputs().size(), 14u);
  const auto inputs = OneOfEachType(*model);
  const auto answer = model->Infer(inputs, {});
  ASSERT_TRUE(answer.has_value()) << answer.error().ToString();
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Tensor& got = (*answer)[i];
    EXPECT_EQ(got.datatype, inputs[i].datatype);
    EXPECT_EQ(got.shape, inputs[i].shape) << got.name;
    EXPECT_EQ(got.floats, inputs[i].floats) << got.name;
    EXPECT_EQ(got.doubles, inputs[i].doubles) << got.name;
    EXPECT_EQ(got.ints, inputs[i].ints) << got.name;
    EXPECT_EQ(got.texts, inputs[i].texts) << got.name;
  }
}

TEST(OnnxModel, AnswersNoRowsAtAll) {
  const auto model = Load("types.onnx");
  auto inputs = OneOfEachType(*model);
  for (Tensor& tensor : inputs) tensor = Make(tensor.name, tensor.datatype, {0});
  const auto answer = model->Infer(inputs, {});
  ASSERT_TRUE(answer.has_value()) << answer.error().ToString();
  for (const Tensor& tensor : *answer) EXPECT_EQ(tensor.elements(), 0u) << tensor.name;
}

TEST(OnnxModel, RefusesInputsThatItCannotTake) {
  const auto model = Load("types.onnx");
  auto inputs = OneOfEachType(*model);
  inputs.back().texts[1] = std::string("a\0b", 3);
  const auto answer = model->Infer(inputs, {});
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(answer.error().message, HasSubstr("in_STRING"));
}

TEST(OnnxModel, RefusesModelsWithTheReason) {
  EXPECT_EQ(OnnxModel::Load(kModels + "none.onnx").error().code, ErrorCode::kNotFound);
  const auto sequence = OnnxModel::Load(kModels + "sequence.onnx");
  ASSERT_FALSE(sequence.has_value());
  EXPECT_EQ(sequence.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(sequence.error().message, HasSubstr("output \"y\""));
}

TEST(OnnxModel, SurvivesTruncationAndCorruption) {
  const auto temp = io::TempFolder::Make();
  const std::string path = temp->File("m.onnx");
  const std::string whole = *io::ReadFile(kModels + "network.onnx");
  std::mt19937 random(5);
  for (int round = 0; round < 120; ++round) {
    std::string bytes = whole;
    if (round % 2 == 0) {
      bytes.resize(random() % whole.size());
    } else {
      for (int i = 0; i < 3; ++i) bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    ASSERT_TRUE(io::WriteFileAtomically(path, bytes).has_value());
    const auto model = OnnxModel::Load(path);
    if (!model) {
      EXPECT_FALSE(model.error().message.empty());
      EXPECT_EQ(model.error().where, path);
    }
  }
}

TEST(OnnxModel, ThreadsShareASession) {
  const auto model = Load("network.onnx");
  const std::vector<Tensor> inputs = {Rows("x")};
  const auto wanted = model->Infer(inputs, {})->front().floats;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 100; ++round) EXPECT_EQ(model->Infer(inputs, {})->front().floats, wanted);
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST(OnnxLoadedModel, LoadsAnOnnxFileWhateverItsName) {
  const auto temp = io::TempFolder::Make();
  ASSERT_TRUE(io::WriteFileAtomically(temp->File("model"), *io::ReadFile(kModels + "network.onnx")).has_value());
  for (const auto& path : {kModels + "network.onnx", temp->File("model")}) {
    ModelSource source;
    source.name = "net";
    source.path = path;
    EXPECT_EQ(LoadedModel::Load(source).error().code, ErrorCode::kUnsupported);
    source.tensors = true;
    const auto model = LoadedModel::Load(source);
    ASSERT_TRUE(model.has_value()) << model.error().ToString();
    EXPECT_TRUE((*model)->takes_tensors());
    EXPECT_FALSE((*model)->waits());
    EXPECT_EQ((*model)->platform(), "onnxruntime_onnx");
    const std::vector<Tensor> inputs = {Rows("x")};
    EXPECT_EQ((*model)->Infer(inputs)->size(), 1u);
  }
}

TEST(OnnxLoadedModel, LoadsAnMlflowDirectoryOfOnnxAndWarmsItUp) {
  const auto temp = io::TempFolder::Make();
  ASSERT_TRUE(io::WriteFileAtomically(temp->File("model.onnx"), *io::ReadFile(kModels + "network.onnx")).has_value());
  ASSERT_TRUE(io::WriteFileAtomically(temp->File("MLmodel"), "flavors:\n  onnx:\n    data: model.onnx\n").has_value());
  ASSERT_TRUE(
      io::WriteFileAtomically(temp->File("input_example.json"), R"({"inputs": {"x": [[1, 2, 3]]}})").has_value());
  ModelSource source;
  source.name = "net";
  source.path = temp->path();
  source.tensors = true;
  const auto model = LoadedModel::Load(source);
  ASSERT_TRUE(model.has_value()) << model.error().ToString();
  EXPECT_EQ((*model)->tensor_outputs()[0].name, "y");
}

}  // namespace
}  // namespace keelson::serving
