#include "app/client/fetch_model.h"

#include <gtest/gtest.h>

#include <map>
#include <mutex>

#include "app/commands.h"
#include "io/files.h"
#include "io/http.h"
#include "io/temp_folder.h"

namespace keelson::app {
namespace {

const std::string kFiles = "/api/2.0/mlflow-artifacts/artifacts";
const std::string kUri = "/api/2.0/mlflow/model-versions/get-download-uri?name=ships&version=3";

// A server with one registered version, of two files.
class FetchModelTest : public testing::Test {
 protected:
  FetchModelTest() {
    const std::string original = folder_.path() + "/original";
    EXPECT_TRUE(io::MakeFolders(original + "/data").has_value());
    EXPECT_TRUE(io::WriteFileAtomically(original + "/MLmodel", "flavors: {}\n").has_value());
    EXPECT_TRUE(io::WriteFileAtomically(original + "/data/a b.ubj", std::string(300'000, 'x')).has_value());
    Version(io::HashTree(original).value());
    answers_[kUri] = R"({"artifact_uri": "mlflow-artifacts:/run/model"})";
    answers_[kFiles + "?path=run%2Fmodel"] =
        R"({"files": [{"path": "MLmodel", "is_dir": false, "file_size": 12}, {"path": "data", "is_dir": true}]})";
    answers_[kFiles + "?path=run%2Fmodel%2Fdata"] = R"({"files": [{"path": "a b.ubj", "is_dir": false}]})";
    answers_[kFiles + "/run/model/MLmodel"] = "flavors: {}\n";
    answers_[kFiles + "/run/model/data/a%20b.ubj"] = std::string(300'000, 'x');
    server_ = io::HttpServer::Start({}, [this](const io::HttpRequest& request, const io::HttpRespond& respond) {
                respond(Answer(request));
              }).value();
  }
  void Version(const std::string& hash) {
    const Json version = {{"version", 3}, {"content_hash", hash}};
    answers_[kApi + "/projects/ships/versions"] = Json{{"versions", {version}}}.dump();
  }
  Status Fetch(int version) {
    ServerOptions options;
    options.url = "http://127.0.0.1:" + std::to_string(server_->port());
    auto client = Client::Connect(options);
    return FetchModel(*client, "ships", version, to_);
  }

  const io::TempFolder folder_ = io::TempFolder::Make().value();
  std::string to_ = folder_.path() + "/to";
  std::map<std::string, std::string> answers_;  // by path and query; fixed before a call

 private:
  io::HttpResponse Answer(const io::HttpRequest& request) const {
    const auto found = answers_.find(request.path + (request.query.empty() ? "" : "?" + request.query));
    if (found == answers_.end()) return {.status = 404, .body = R"({"error_code": "RESOURCE_DOES_NOT_EXIST"})"};
    return {.status = 200, .body = found->second};
  }
  std::unique_ptr<io::HttpServer> server_;
};

TEST_F(FetchModelTest, BringsEveryFileOfTheVersion) {
  const Status fetched = Fetch(3);
  ASSERT_TRUE(fetched.has_value()) << fetched.error().ToString();
  EXPECT_EQ(io::ReadFile(to_ + "/MLmodel").value(), "flavors: {}\n");
  EXPECT_EQ(io::ReadFile(to_ + "/data/a b.ubj").value(), std::string(300'000, 'x'));
}

TEST_F(FetchModelTest, AVersionThatIsNotThereIsNotFound) {
  const Status fetched = Fetch(4);
  ASSERT_FALSE(fetched.has_value());
  EXPECT_EQ(fetched.error().code, ErrorCode::kNotFound);
  EXPECT_NE(fetched.error().message.find("no version 4"), std::string::npos);
  EXPECT_FALSE(io::Exists(to_));
}

TEST_F(FetchModelTest, WhatIsNotWhatWasRegisteredIsRefusedAndNotKept) {
  Version(std::string(64, '0'));
  const Status fetched = Fetch(3);
  ASSERT_FALSE(fetched.has_value());
  EXPECT_EQ(fetched.error().code, ErrorCode::kDataLoss);
  EXPECT_FALSE(io::Exists(to_));
}

TEST_F(FetchModelTest, AFileThatCannotBeHadIsAnErrorAndNothingIsLeft) {
  answers_.erase(kFiles + "/run/model/data/a%20b.ubj");
  const Status fetched = Fetch(3);
  ASSERT_FALSE(fetched.has_value());
  EXPECT_EQ(fetched.error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(io::Exists(to_));
  answers_[kFiles + "/run/model/data/a%20b.ubj"] = std::string(300'000, 'x');
  EXPECT_TRUE(Fetch(3).has_value());  // and the next try begins anew
}

TEST_F(FetchModelTest, AServerThatNamesAFileOutsideOfTheFolderIsRefused) {
  for (const char* name : {"../evil", "/etc/evil", ""}) {
    answers_[kFiles + "?path=run%2Fmodel"] = Json{{"files", {Json{{"path", name}, {"is_dir", false}}}}}.dump();
    const Status fetched = Fetch(3);
    ASSERT_FALSE(fetched.has_value()) << name;
    EXPECT_EQ(fetched.error().code, ErrorCode::kInvalidArgument) << name;
  }
}

TEST_F(FetchModelTest, ASecondTimeFindsThemThere) {
  ASSERT_TRUE(Fetch(3).has_value());
  answers_.erase(kFiles + "/run/model/MLmodel");
  EXPECT_TRUE(Fetch(3).has_value());
}

TEST_F(FetchModelTest, WhatElseIsAtThePlaceIsLeftAlone) {
  ASSERT_TRUE(io::MakeFolders(to_).has_value());
  ASSERT_TRUE(io::WriteFileAtomically(to_ + "/mine", "x").has_value());
  const Status fetched = Fetch(3);
  ASSERT_FALSE(fetched.has_value());
  EXPECT_EQ(fetched.error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(io::ListFolder(to_).value(), std::vector<std::string>{"mine"});
}

TEST_F(FetchModelTest, APlaceMayBeWrittenWithASlashAndItsNeighboursAreLeftAlone) {
  ASSERT_TRUE(io::WriteFileAtomically(to_ + ".part", "mine").has_value());
  const std::string place = to_;
  to_ += "/./";
  const Status fetched = Fetch(3);
  ASSERT_TRUE(fetched.has_value()) << fetched.error().ToString();
  EXPECT_TRUE(io::Exists(place + "/MLmodel"));
  EXPECT_EQ(io::ListFolder(folder_.path()).value(), (std::vector<std::string>{"original", "to", "to.part"}));
}

TEST_F(FetchModelTest, FilesElsewhereCannotBeHad) {
  answers_[kUri] = R"({"artifact_uri": "s3://bucket/model"})";
  EXPECT_EQ(Fetch(3).error().code, ErrorCode::kUnsupported);
}

TEST_F(FetchModelTest, AnAnswerOfAnotherShapeIsAnErrorAndNoCrash) {
  answers_[kFiles + "?path=run%2Fmodel"] = R"({"files": [{"name": 5}]})";
  EXPECT_FALSE(Fetch(3).has_value());
  answers_[kUri] = R"([])";
  EXPECT_FALSE(Fetch(3).has_value());
  answers_[kApi + "/projects/ships/versions"] = R"({"versions": 5})";
  EXPECT_FALSE(Fetch(3).has_value());
}

}  // namespace
}  // namespace keelson::app
