#include "tracking/version_guard.h"

#include <gtest/gtest.h>

#include <utility>

#include "base/clock.h"
#include "io/database_testing.h"
#include "io/files.h"
#include "io/s3_testing.h"
#include "io/temp_folder.h"
#include "tracking/registered_models.h"
#include "tracking/store.h"

namespace keelson::tracking {
namespace {

class VersionGuardTest : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    database_ = std::move(*io::OpenTestDatabase(folder_.File("keelson.db")));
    store_ = std::move(*Store::Open(*database_, clock_, folder_.File("artifacts")));
    models_ = std::make_unique<RegisteredModels>(*database_, clock_);
    std::shared_ptr<ArtifactStore> artifacts =
        GetParam() ? OpenS3Artifacts(s3_.Client(), "prefix") : OpenFolderArtifacts(folder_.File("artifacts"));
    artifacts_ = GuardVersions(artifacts, *database_);
    ASSERT_TRUE(models_->Create("m", {}, ""));
  }
  void Register(const std::string& source, const std::string& location, const std::string& hash = "hash") {
    RegisteredModels::NewVersion version;
    version.model = "m";
    version.source = source;
    version.location = location;
    version.content_hash = hash;
    ASSERT_TRUE(models_->CreateVersion(version));
  }
  static bool Refused(const Status& status) {
    if (status) return false;
    EXPECT_EQ(status.error().code, ErrorCode::kPermissionDenied) << status.error().ToString();
    return status.error().code == ErrorCode::kPermissionDenied;
  }
  bool RefusesToPut(const std::string& path) {
    bool ended = false;
    const auto stored = artifacts_->PutPieces(
        path, [&]() -> Result<std::string_view> { return std::exchange(ended, true) ? "" : "x"; }, std::nullopt);
    const bool refused = Refused(artifacts_->Put(path, "x"));
    EXPECT_EQ(stored.has_value(), !refused);
    if (auto* const remote = artifacts_->remote()) {
      EXPECT_EQ(remote->CreateUpload(path, 1).has_value(), !refused);
      if (refused) {
        EXPECT_TRUE(Refused(remote->CompleteUpload(path, "id", {{.number = 1, .etag = "e"}})));
        EXPECT_TRUE(Refused(remote->PutFile(path, "/dev/null")));
      }
    }
    return refused;
  }

  ManualClock clock_{*ParseInstant("2026-01-01T00:00:00Z")};
  io::TempFolder folder_ = *io::TempFolder::Make();
  io::testing::FakeS3 s3_;
  std::unique_ptr<io::Database> database_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<RegisteredModels> models_;
  std::shared_ptr<ArtifactStore> artifacts_;
};

TEST_P(VersionGuardTest, WhatAVersionWasMadeOfStaysUntilTheVersionIsDeleted) {
  ASSERT_TRUE(artifacts_->Put("0/run/artifacts/m/MLmodel", "first"));
  Register("mlflow-artifacts:/0/run/artifacts/m", "mlflow-artifacts:/0/run/artifacts/m");
  for (const char* inside : {"0/run/artifacts/m", "0/run/artifacts/m/MLmodel", "0/run/artifacts/m/more/weights"}) {
    EXPECT_TRUE(RefusesToPut(inside)) << inside;
    EXPECT_TRUE(Refused(artifacts_->Delete(inside))) << inside;
  }
  for (const char* around : {"0", "0/run", "0/run/artifacts"}) {
    EXPECT_TRUE(Refused(artifacts_->Delete(around))) << around;
  }
  for (const char* other : {"0/run/artifacts/m2", "0/run/artifacts/m.txt", "0/run/artifacts/other/m/MLmodel", "1/x"}) {
    EXPECT_FALSE(RefusesToPut(other)) << other;
    EXPECT_FALSE(Refused(artifacts_->Delete(other))) << other;
  }
  EXPECT_EQ((*artifacts_->Measure("0/run/artifacts/m/MLmodel"))->bytes, 5u);
  EXPECT_TRUE(artifacts_->Open("0/run/artifacts/m/MLmodel").has_value());
  EXPECT_EQ(artifacts_->List("0/run/artifacts/m")->size(), 1u);
  EXPECT_TRUE((*artifacts_->Hash("0/run/artifacts/m")).has_value());
  ASSERT_TRUE(models_->DeleteVersion("m", 1, "test"));
  EXPECT_FALSE(RefusesToPut("0/run/artifacts/m/MLmodel"));
  EXPECT_FALSE(Refused(artifacts_->Delete("0/run")));
}

TEST_P(VersionGuardTest, TheFilesCountAndNotWhatLedToThem) {
  Register("models:/m-1", "mlflow-artifacts:/0/models/m-1/artifacts");
  EXPECT_TRUE(RefusesToPut("0/models/m-1/artifacts/MLmodel"));
  Register("run/model", "");  // as Keelson's own pipelines keep it
  EXPECT_TRUE(RefusesToPut("run/model/MLmodel"));
  EXPECT_TRUE(Refused(artifacts_->Delete("run")));
  Register("mlflow-artifacts:/0/elsewhere/m", "mlflow-artifacts:/0/elsewhere/m", "");
  EXPECT_FALSE(RefusesToPut("0/elsewhere/m/MLmodel")) << "it was not there to be hashed";
}

TEST_P(VersionGuardTest, AnUploadThatWasUnderWayWhenTheVersionCameDoesNotReplaceItsFiles) {
  const std::string path = "0/run/artifacts/m/MLmodel";
  ASSERT_TRUE(artifacts_->Put(path, "first"));
  int pieces = 0;
  const auto stored = artifacts_->PutPieces(
      path,
      [&]() -> Result<std::string_view> {
        if (++pieces == 1) return "other";
        Register("mlflow-artifacts:/0/run/artifacts/m", "mlflow-artifacts:/0/run/artifacts/m");
        return "";
      },
      std::nullopt);
  ASSERT_FALSE(stored.has_value());
  EXPECT_EQ(stored.error().code, ErrorCode::kPermissionDenied);
  EXPECT_EQ((*artifacts_->Measure(path))->bytes, 5u);
  const auto kept = artifacts_->Open(path);
  ASSERT_TRUE(kept.has_value());
  EXPECT_EQ(GetParam() ? *kept->next() : *io::ReadFile(kept->file), "first");
}

INSTANTIATE_TEST_SUITE_P(Kinds, VersionGuardTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "s3" : "folder"; });

}  // namespace
}  // namespace keelson::tracking
