#include "wire/mlflow_database/locations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "io/database.h"
#include "io/temp_folder.h"

namespace keelson::wire::mlflow_database {
namespace {

using testing::ElementsAre;

// What of MLflow's tables says where artifacts are.
class LocationsTest : public testing::Test {
 protected:
  void SetUp() override {
    Run("CREATE TABLE experiments (experiment_id INTEGER, artifact_location TEXT)");
    Run("CREATE TABLE runs (run_uuid TEXT, experiment_id INTEGER, artifact_uri TEXT)");
    Run("CREATE TABLE logged_models (model_id TEXT, experiment_id INTEGER, artifact_location TEXT)");
  }
  void Run(std::string_view sql) {
    const Status done = database_->Write([&](io::SqlSession& session) -> Status {
      KEELSON_RETURN_IF_ERROR(session.Execute(sql));
      return {};
    });
    ASSERT_TRUE(done.has_value()) << done.error().message;
  }
  Locations Read() {
    Locations locations;
    const Status done = database_->Read([&](io::SqlSession& session) -> Status {
      KEELSON_ASSIGN_OR_RETURN(locations, Locations::Read(session));
      return {};
    });
    EXPECT_TRUE(done.has_value());
    return locations;
  }

  io::TempFolder folder_ = *io::TempFolder::Make();
  std::unique_ptr<io::Database> database_ = *io::Database::Open(folder_.File("db"));
};

TEST_F(LocationsTest, FoldersOfTheMachineMoveBelowOurRoot) {
  Run("INSERT INTO experiments VALUES (0, '/srv/mlruns/0'), (1, 'file:///srv/mlruns/1/'), (2, './mlruns/2'), (3, "
      "NULL)");
  Run("INSERT INTO runs VALUES ('r1', 1, 'file:///srv/mlruns/1/r1/artifacts'), ('r2', 1, '/old/place/r2/artifacts')");
  Run("INSERT INTO logged_models VALUES ('m-1', 0, '/srv/mlruns/0/models/m-1/artifacts'), ('m-2', 0, '/old/m-2')");
  const Locations locations = Read();
  const std::string here = std::filesystem::current_path().string();
  std::vector<std::string> folders;
  for (const auto& folder : locations.folders()) folders.push_back(folder.path + " " + folder.below);
  EXPECT_THAT(folders, ElementsAre("/srv/mlruns/0 0", "/srv/mlruns/1 1", here + "/mlruns/2 2",
                                   "/old/place/r2/artifacts 1/r2/artifacts", "/old/m-2 0/models/m-2/artifacts"));
  EXPECT_FALSE(locations.behind_server());
  EXPECT_THAT(locations.elsewhere(), ElementsAre());
  EXPECT_EQ(locations.Moved("file:///srv/mlruns/1/r1/artifacts"), "mlflow-artifacts:/1/r1/artifacts");
  EXPECT_EQ(locations.Moved("/srv/mlruns/1"), "mlflow-artifacts:/1");
  EXPECT_EQ(locations.Moved("/srv/mlruns/12/x"), "/srv/mlruns/12/x");
  EXPECT_EQ(locations.Moved("/old/place/r2/artifacts/model"), "mlflow-artifacts:/1/r2/artifacts/model");
  EXPECT_EQ(locations.Moved("mlruns/2/r"), "mlflow-artifacts:/2/r");
  EXPECT_EQ(locations.Moved("file://localhost/srv/mlruns/0/../1/a"), "mlflow-artifacts:/1/a");
  for (const std::string uri : {"", "models:/m-1", "runs:/r1/model", "s3://bucket/srv/mlruns/1", "/etc/passwd"}) {
    EXPECT_EQ(locations.Moved(uri), uri);
  }
}

TEST_F(LocationsTest, AFileUriIsDecodedAndAPathIsNot) {
  Run("INSERT INTO experiments VALUES (0, 'file:///srv/my%20runs/0'), (1, '/srv/50%25/1')");
  const Locations locations = Read();
  ASSERT_EQ(locations.folders().size(), 2u);
  EXPECT_EQ(locations.folders()[0].path, "/srv/my runs/0");
  EXPECT_EQ(locations.folders()[1].path, "/srv/50%25/1");
  EXPECT_EQ(locations.Moved("file:///srv/my%20runs/0/r/artifacts"), "mlflow-artifacts:/0/r/artifacts");
}

TEST_F(LocationsTest, WhatAnotherStoreHasStaysThere) {
  Run("INSERT INTO experiments VALUES (0, 'mlflow-artifacts:/0'), (1, 's3://bucket/1'), (2, 'gs://bucket/2')");
  Run("INSERT INTO runs VALUES ('r', 1, 's3://bucket/1/r/artifacts'), ('q', 0, 'mlflow-artifacts:/0/q/artifacts')");
  const Locations locations = Read();
  EXPECT_TRUE(locations.behind_server());
  EXPECT_TRUE(locations.folders().empty());
  EXPECT_THAT(locations.elsewhere(), ElementsAre("s3://bucket/1", "gs://bucket/2"));
  EXPECT_EQ(locations.Moved("mlflow-artifacts:/0/q/artifacts"), "mlflow-artifacts:/0/q/artifacts");
  EXPECT_EQ(locations.Moved("s3://bucket/1/r"), "s3://bucket/1/r");
}

}  // namespace
}  // namespace keelson::wire::mlflow_database
