#include "serving/repository.h"

#include <gmock/gmock.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "io/files.h"
#include "io/temp_folder.h"

namespace keelson::serving {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kTestData = KEELSON_SOURCE_DIR "/src/serving/testdata/";

class RepositoryTest : public testing::Test {
 protected:
  // A model's file at `path` in the repository.
  void Put(const std::string& path, const std::string& from) {
    const std::filesystem::path target = temp_.File(path);
    std::filesystem::create_directories(target.parent_path());
    std::filesystem::copy_file(kTestData + from, target, std::filesystem::copy_options::overwrite_existing);
  }
  void Write(const std::string& path, std::string_view content) {
    std::filesystem::create_directories(std::filesystem::path(temp_.File(path)).parent_path());
    ASSERT_TRUE(io::WriteFileAtomically(temp_.File(path), content).has_value());
  }
  std::unique_ptr<Repository> Open(std::shared_ptr<MemoryBudget> budget = nullptr) {
    return std::move(*Repository::Open({temp_.path(), std::move(budget)}));
  }
  static std::vector<std::string> VersionsOf(const Result<Repository::Loaded>& loaded) {
    std::vector<std::string> versions;
    if (!loaded) return {loaded.error().ToString()};
    for (const auto& version : loaded->versions) versions.push_back(version.model->version());
    return versions;
  }

  io::TempFolder temp_ = std::move(*io::TempFolder::Make());
};

TEST_F(RepositoryTest, FindsVersionsAndBareModels) {
  Put("many/1/model.json", "logistic.json");
  Put("many/2/model.ubj", "softprob.ubj");
  Put("many/10/model.onnx", "onnx/network.onnx");
  Put("many/notes/model.json", "logistic.json");  // no version
  Put("many/01/model.json", "logistic.json");     // neither
  Put("bare/model.ubj", "softprob.ubj");
  Put("folder/model.json", "logistic.json");
  Write("folder/MLmodel", "flavors:\n  xgboost:\n    data: model.json\n");
  Put("deep/3/model.mlflow/model.json", "logistic.json");
  Write("deep/3/model.mlflow/MLmodel", "flavors:\n  xgboost:\n    data: model.json\n");
  Write("file", "passed over");
  Write("empty/readme.txt", "");
  auto repository = Open();
  EXPECT_THAT(repository->Names(), ElementsAre("bare", "deep", "empty", "folder", "many"));
  const auto many = repository->Load("many");
  EXPECT_THAT(VersionsOf(many), ElementsAre("1", "2", "10"));
  EXPECT_TRUE(many->versions[2].model->takes_tensors());
  EXPECT_EQ(many->versions[1].model->name(), "many");
  EXPECT_THAT(VersionsOf(repository->Load("bare")), ElementsAre("1"));
  EXPECT_THAT(VersionsOf(repository->Load("folder")), ElementsAre("1"));
  EXPECT_THAT(VersionsOf(repository->Load("deep")), ElementsAre("3"));
  EXPECT_EQ(repository->Load("empty").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(repository->Load("none").error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(repository->Load("../" + temp_.path().substr(temp_.path().rfind('/') + 1) + "/bare").has_value());
  EXPECT_FALSE(repository->Load("many/1").has_value());
  EXPECT_EQ(Repository::Open({temp_.File("none"), nullptr}).error().code, ErrorCode::kNotFound);
}

TEST_F(RepositoryTest, ACorruptVersionIsRefusedWithItsReasonAndTheOthersStay) {
  Put("m/1/model.json", "logistic.json");
  Write("m/2/model.json", R"({"learner": {"trees": )");
  Write("m/3/other.txt", "no model");
  auto repository = Open();
  const auto loaded = repository->Load("m");
  EXPECT_THAT(VersionsOf(loaded), ElementsAre("1"));
  ASSERT_EQ(loaded->refused.size(), 2u);
  EXPECT_THAT(loaded->refused[0].ToString(), HasSubstr("version 2"));
  EXPECT_THAT(loaded->refused[0].ToString(), HasSubstr("m/2/model.json"));
  EXPECT_THAT(loaded->refused[1].message, HasSubstr("version 3: there is no file model.*"));
}

TEST_F(RepositoryTest, OpensOnlyWhatIsNewOrChanged) {
  Put("m/1/model.json", "logistic.json");
  auto repository = Open();
  const auto first = repository->Load("m");
  Put("m/2/model.ubj", "softprob.ubj");
  const auto second = repository->Load("m");
  ASSERT_THAT(VersionsOf(second), ElementsAre("1", "2"));
  EXPECT_EQ(second->versions[0].model, first->versions[0].model);
  Write("m/1/model.json", *io::ReadFile(kTestData + "old_logistic.json"));
  const auto third = repository->Load("m");
  EXPECT_NE(third->versions[0].model, first->versions[0].model);
  EXPECT_EQ(third->versions[1].model, second->versions[1].model);
  repository->Unload("m");
  EXPECT_NE(repository->Load("m")->versions[1].model, second->versions[1].model);
}

TEST_F(RepositoryTest, AConfigurationChoosesVersions) {
  for (const std::string version : {"1", "2", "3"}) Put("m/" + version + "/model.json", "logistic.json");
  auto repository = Open();
  Write("m/config.pbtxt",
        "name: \"m\"\nbackend: \"fil\"\nmax_batch_size: 64\nversion_policy { latest { num_versions: 2 } }");
  EXPECT_THAT(VersionsOf(repository->Load("m")), ElementsAre("2", "3"));
  Write("m/config.pbtxt", "version_policy: { specific: { versions: [1, 3, 9] } }");
  EXPECT_THAT(VersionsOf(repository->Load("m")), ElementsAre("1", "3"));
}

TEST_F(RepositoryTest, AConfigurationOfAnotherModelIsRefused) {
  Put("net/1/model.onnx", "onnx/network.onnx");
  auto repository = Open();
  const auto refusal = [&](const std::string& config) {
    Write("net/config.pbtxt", config);
    const auto loaded = repository->Load("net");
    if (!loaded) return loaded.error().ToString();
    return loaded->refused.empty() ? std::string() : loaded->refused[0].ToString();
  };
  EXPECT_EQ(refusal("platform: \"onnxruntime_onnx\" input { name: \"x\" data_type: TYPE_FP32 dims: [ 3 ] }"), "");
  EXPECT_THAT(refusal("name: \"other\""), HasSubstr("the name is \"other\""));
  EXPECT_THAT(refusal("backend: \"python\""), HasSubstr("\"python\""));
  EXPECT_THAT(refusal("input { name: \"z\" data_type: TYPE_FP32 }"), HasSubstr("input \"z\" is not the model's"));
  EXPECT_THAT(refusal("output { name: \"y\" data_type: TYPE_INT64 }"), HasSubstr("INT64, the model has FP32"));
  EXPECT_THAT(refusal("input {"), HasSubstr("config.pbtxt: line 1"));
}

TEST_F(RepositoryTest, WarmsUpFromTheExampleBesideTheModel) {
  Put("net/1/model.onnx", "onnx/network.onnx");
  auto repository = Open();
  Write("net/1/input_example.json", R"({"inputs": {"x": [[1, 2, 3]]}})");
  EXPECT_THAT(repository->Load("net")->refused, IsEmpty());
}

std::vector<float> Answer(const LoadedModel& model) {
  const auto held = model.Hold();
  EXPECT_TRUE(held.has_value()) << held.error().ToString();
  return model.Predict(std::vector<float>(std::size_t{7} * model.features(), 0.25F), 7);
}

TEST_F(RepositoryTest, ModelsUnderABudgetComeBackByThemselves) {
  Put("a/1/model.json", "logistic.json");
  Put("b/1/model.ubj", "softprob.ubj");
  Put("net/1/model.onnx", "onnx/network.onnx");
  const auto budget = std::make_shared<MemoryBudget>(1);  // room for one at a time
  auto plain = Open();
  auto tight = Open(budget);
  const auto model = [](Repository& repository, const std::string& name) {
    return repository.Load(name)->versions[0].model;
  };
  const auto a = model(*tight, "a");
  const auto b = model(*tight, "b");
  const auto net = model(*tight, "net");
  EXPECT_EQ(b->outputs(), 3u);  // what describes it stays
  EXPECT_EQ(budget->used(), net->memory_bytes());
  Tensor input;
  input.name = "x";
  input.shape = {1, 3};
  input.floats = {1, 2, 3};
  const std::vector<Tensor> inputs = {input};
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(Answer(*a), Answer(*model(*plain, "a")));
    EXPECT_EQ(Answer(*b), Answer(*model(*plain, "b")));
    EXPECT_EQ(budget->used(), b->memory_bytes());
    EXPECT_EQ(net->Infer(inputs)->front().floats, model(*plain, "net")->Infer(inputs)->front().floats);
  }
}

TEST_F(RepositoryTest, WhatWasChangedUnderABudgetIsNotTakenForTheSame) {
  Put("a/1/model.json", "logistic.json");
  Put("b/1/model.json", "logistic.json");
  auto repository = Open(std::make_shared<MemoryBudget>(1));
  const auto a = repository->Load("a")->versions[0].model;
  const auto b = repository->Load("b")->versions[0].model;
  Put("a/1/model.json", "old_logistic.json");
  const auto held = a->Hold();
  ASSERT_FALSE(held.has_value());
  EXPECT_EQ(held.error().code, ErrorCode::kDataLoss);
  EXPECT_THAT(held.error().message, HasSubstr("changed"));
  Put("a/1/model.json", "logistic.json");
  EXPECT_TRUE(a->Hold().has_value());
}

TEST_F(RepositoryTest, AThousandModelsAnswerUnderPressureFromSeveralThreads) {
  constexpr std::size_t kModels = 1'000;
  for (std::size_t i = 0; i < kModels; ++i) Put("m" + std::to_string(i) + "/model.ubj", "softprob.ubj");
  auto repository = Open(std::make_shared<MemoryBudget>(std::size_t{1} << 20));
  std::vector<std::shared_ptr<const LoadedModel>> models;
  for (const auto& name : repository->Names()) models.push_back(repository->Load(name)->versions.at(0).model);
  ASSERT_EQ(models.size(), kModels);
  const auto wanted = Answer(*models[0]);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < kModels; ++i) {
        if (Answer(*models[(i * 7 + t * 311) % kModels]) != wanted) ++wrong;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace keelson::serving
