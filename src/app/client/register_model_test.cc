#include "app/client/register_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <mutex>

#include "io/files.h"
#include "io/http.h"
#include "io/temp_folder.h"
#include "serving/model_directory.h"

namespace keelson::app {
namespace {

using ::testing::HasSubstr;

const std::string kModels = std::string(KEELSON_SOURCE_DIR) + "/src/serving/testdata/";

class PrepareModelTest : public ::testing::Test {
 protected:
  std::string Copy(const std::string& file, const std::string& to) {
    EXPECT_TRUE(io::MakeFolders(folder_.path() + "/from").has_value());
    EXPECT_TRUE(io::CopyTree(kModels + file, folder_.path() + "/from/" + to).has_value());
    return folder_.path() + "/from";
  }
  std::string Refusal(const std::string& from, const std::string& format) {
    const Status prepared = PrepareModel(from, format, into_);
    return prepared ? "prepared" : prepared.error().ToString();
  }
  const io::TempFolder folder_ = io::TempFolder::Make().value();
  const std::string into_ = folder_.path() + "/into";
};

TEST_F(PrepareModelTest, AFileBecomesADirectoryThatAReplicaLoads) {
  ASSERT_TRUE(PrepareModel(kModels + "logistic.ubj", "xgboost", into_));
  EXPECT_EQ(serving::ReadModelDirectory(into_)->model_path, into_ + "/logistic.ubj");
  EXPECT_EQ(io::ReadFile(into_ + "/MLmodel").value(),
            "flavors:\n  xgboost:\n    data: \"logistic.ubj\"\n    model_class: xgboost.core.Booster\n");
}

TEST_F(PrepareModelTest, TheSameModelHasTheSameHash) {
  const std::string other = folder_.path() + "/other";
  ASSERT_TRUE(PrepareModel(Copy("logistic.ubj", "model.bst"), "xgboost", into_));
  ASSERT_TRUE(PrepareModel(folder_.path() + "/from/model.bst", "xgboost", other));
  EXPECT_EQ(io::HashTree(into_).value(), io::HashTree(other).value());
}

TEST_F(PrepareModelTest, AnMlflowDirectoryStaysAsItIs) {
  const std::string from = Copy("logistic.ubj", "model.ubj");
  ASSERT_TRUE(io::WriteFileAtomically(from + "/MLmodel", "flavors: {xgboost: {data: model.ubj}}\n"));
  ASSERT_TRUE(PrepareModel(from, "mlflow", into_));
  EXPECT_EQ(io::HashTree(into_).value(), io::HashTree(from).value());
}

TEST_F(PrepareModelTest, WhatCannotBeServedIsToldAtOnce) {
  EXPECT_THAT(Refusal(folder_.path() + "/nowhere", "xgboost"), HasSubstr("no such file"));
  EXPECT_THAT(Refusal(Copy("logistic.ubj", "model.ubj"), "sklearn"), HasSubstr("no MLmodel"));
  EXPECT_THAT(Refusal(folder_.path() + "/from", "onnx"), HasSubstr("no model of onnx in it"));
  Copy("logistic.ubj", "second.ubj");
  EXPECT_THAT(Refusal(folder_.path() + "/from", "xgboost"), HasSubstr("several model files"));
  const std::string broken = folder_.path() + "/broken.ubj";
  ASSERT_TRUE(io::WriteFileAtomically(broken, "no model at all"));
  EXPECT_NE(Refusal(broken, "xgboost"), "prepared");
}

// The calls of MLflow's API that a registration needs, and what was uploaded.
class RegisterModelTest : public PrepareModelTest {
 protected:
  RegisterModelTest() {
    EXPECT_TRUE(PrepareModel(kModels + "logistic.ubj", "xgboost", into_).has_value());
    server_ = io::HttpServer::Start({}, [this](const io::HttpRequest& request, const io::HttpRespond& respond) {
                respond(Answer(request));
              }).value();
  }
  Result<RegisteredModel> Register() {
    ServerOptions options;
    options.url = "http://127.0.0.1:" + std::to_string(server_->port());
    auto client = Client::Connect(options);
    return RegisterModel(*client, "iris", into_);
  }
  std::map<std::string, std::string> uploaded_;  // by path; read when nothing is asked
  std::vector<std::string> created_;
  Json versions_ = Json::array();
  std::string artifacts_ = "mlflow-artifacts:/7/r1/artifacts";
  bool model_is_there_ = false;

 private:
  static io::HttpResponse Says(const Json& body) { return {.status = 200, .body = body.dump()}; }
  io::HttpResponse Answer(const io::HttpRequest& request) {
    const std::lock_guard lock(mutex_);
    const std::string files = "/api/2.0/mlflow-artifacts/artifacts/";
    const std::string mlflow = "/api/2.0/mlflow/";
    if (request.path.starts_with(files)) {
      uploaded_[request.path.substr(files.size())] = request.body;
      return Says(Json::object());
    }
    if (request.path == kApi + "/projects/iris/versions") return Says({{"versions", versions_}});
    const std::string call = request.path.substr(mlflow.size());
    if (call == "experiments/get-by-name")
      return {.status = 404, .body = R"({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "none"})"};
    created_.push_back(call);
    if (call == "experiments/create") return Says({{"experiment_id", "7"}});
    if (call == "runs/create") return Says({{"run", {{"info", {{"run_id", "r1"}, {"artifact_uri", artifacts_}}}}}});
    if (call == "model-versions/create") {
      EXPECT_EQ(Json::parse(request.body),
                (Json{{"name", "iris"}, {"source", "mlflow-artifacts:/7/r1/artifacts/model"}, {"run_id", "r1"}}));
      return Says({{"model_version", {{"version", "4"}}}});
    }
    if (call == "registered-models/create" && model_is_there_)
      return {.status = 400, .body = R"({"error_code": "RESOURCE_ALREADY_EXISTS", "message": "there"})"};
    return Says(Json::object());
  }
  std::mutex mutex_;
  std::unique_ptr<io::HttpServer> server_;
};

TEST_F(RegisterModelTest, UploadsTheFilesAndRegistersThem) {
  for (const bool there : {false, true}) {
    model_is_there_ = there;
    created_.clear();
    const auto model = Register();
    ASSERT_TRUE(model.has_value()) << model.error().ToString();
    EXPECT_EQ(model->version, 4);
    EXPECT_TRUE(model->fresh);
    EXPECT_EQ(created_, (std::vector<std::string>{"experiments/create", "runs/create", "runs/update",
                                                  "registered-models/create", "model-versions/create"}));
  }
  ASSERT_EQ(uploaded_.size(), 2u);
  EXPECT_EQ(uploaded_.at("7/r1/artifacts/model/logistic.ubj"), io::ReadFile(into_ + "/logistic.ubj").value());
}

TEST_F(RegisterModelTest, AVersionWithTheseFilesIsTheOne) {
  versions_ = {{{"version", 1}, {"content_hash", "other"}},
               {{"version", 2}, {"content_hash", io::HashTree(into_).value()}}};
  const auto model = Register();
  ASSERT_TRUE(model.has_value());
  EXPECT_EQ(model->version, 2);
  EXPECT_FALSE(model->fresh);
  EXPECT_TRUE(created_.empty());
}

TEST_F(RegisterModelTest, AnExperimentThatKeepsItsFilesElsewhereIsTold) {
  artifacts_ = "s3://bucket/7";
  EXPECT_EQ(Register().error().code, ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace keelson::app
