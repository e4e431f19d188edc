#include "tracking/model_folders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "io/files.h"
#include "io/s3_testing.h"
#include "io/temp_folder.h"

namespace keelson::tracking {
namespace {

using io::testing::FakeS3;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Instant At(int second) {
  return InstantFromMicros(std::int64_t{1'000'000} * second);
}

TEST(PlanEvictionTest, TheLeastRecentlyUsedGoesAndNeverOneInUse) {
  const std::vector<ModelCopy> copies = {
      {"c", 10, At(3), false}, {"a", 10, At(1), true}, {"b", 10, At(2), false}, {"d", 10, At(4), false}};
  EXPECT_THAT(PlanEviction(copies, 40), ElementsAre());
  EXPECT_THAT(PlanEviction(copies, 39), ElementsAre("b"));
  EXPECT_THAT(PlanEviction(copies, 20), ElementsAre("b", "c"));
  EXPECT_THAT(PlanEviction(copies, 0), ElementsAre("b", "c", "d")) << "what is in use stays, whatever it takes";
  EXPECT_THAT(PlanEviction({}, 0), ElementsAre());
}

class ModelFoldersTest : public ::testing::Test {
 protected:
  std::string Model(const std::string& run) { return here_.path() + "/" + run + "/model"; }

  void Write(const std::string& model) {
    ASSERT_TRUE(io::MakeFolders(model + "/data").has_value());
    ASSERT_TRUE(io::WriteFileAtomically(model + "/MLmodel", "flavors of " + model).has_value());
    ASSERT_TRUE(io::WriteFileAtomically(model + "/data/trees", std::string(2500, 't')).has_value());
  }

  // Asks until it is no longer under way.
  static Status Finished(const std::function<Status()>& ask) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    for (;;) {
      Status status = ask();
      if (status || status.error().message != "the model is on its way") return status;
      if (std::chrono::steady_clock::now() > until) return status;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  Status Publish(const std::string& model) {
    return Finished([&] { return folders_->Publish(model); });
  }
  Status Fetch(const std::string& model, const std::string& hash) {
    return Finished([&] { return folders_->Fetch(model, hash); });
  }
  void Open(std::uint64_t limit) {
    folders_ = std::make_unique<ModelFolders>(
        *store_, clock_,
        ModelFolders::Options{.folder = here_.path(), .limit = limit, .again = std::chrono::seconds(0)});
  }

  const io::TempFolder here_ = *io::TempFolder::Make();
  const SystemClock clock_;
  FakeS3 s3_;
  std::unique_ptr<ArtifactStore> store_ = OpenS3Artifacts(s3_.Client(), "p");
  std::unique_ptr<ModelFolders> folders_ = std::make_unique<ModelFolders>(
      *store_, clock_, ModelFolders::Options{.folder = here_.path(), .again = std::chrono::seconds(0)});
};

TEST_F(ModelFoldersTest, WhatIsPublishedIsFetchedAsItWas) {
  const std::string model = Model("run1");
  Write(model);
  const std::string hash = *io::HashTree(model);
  ASSERT_TRUE(Publish(model).has_value());
  EXPECT_EQ(*store_->Hash("run1/model"), hash);
  const std::size_t asked = s3_.asked().size();
  ASSERT_TRUE(Publish(model).has_value());
  for (std::size_t i = asked; i < s3_.asked().size(); ++i) EXPECT_FALSE(s3_.asked()[i].starts_with("PUT"));

  ASSERT_TRUE(io::RemoveTree(here_.File("run1")).has_value());
  ASSERT_TRUE(Fetch(model, hash).has_value());
  EXPECT_EQ(*io::HashTree(model), hash);
  EXPECT_TRUE(io::ListFolder(here_.File(".fetching"))->empty());
}

TEST_F(ModelFoldersTest, ACopyThatIsNotWhatWasHashedIsFetchedAnew) {
  const std::string model = Model("run1");
  Write(model);
  const std::string hash = *io::HashTree(model);
  ASSERT_TRUE(Publish(model).has_value());
  ASSERT_TRUE(io::WriteFileAtomically(model + "/MLmodel", "damaged").has_value());
  ASSERT_TRUE(Fetch(model, hash).has_value());
  EXPECT_EQ(*io::HashTree(model), hash);
}

TEST_F(ModelFoldersTest, AModelThatWasChangedInTheStoreIsNotServed) {
  const std::string model = Model("run1");
  Write(model);
  const std::string hash = *io::HashTree(model);
  ASSERT_TRUE(Publish(model).has_value());
  ASSERT_TRUE(io::RemoveTree(here_.File("run1")).has_value());
  ASSERT_TRUE(store_->Put("run1/model/MLmodel", "another").has_value());
  const Status fetched = Fetch(model, hash);
  ASSERT_FALSE(fetched.has_value());
  EXPECT_EQ(fetched.error().code, ErrorCode::kDataLoss);
  EXPECT_THAT(fetched.error().message, HasSubstr("the model was changed"));
  EXPECT_FALSE(io::Exists(model));
}

TEST_F(ModelFoldersTest, AFailureIsToldAndTriedAgain) {
  const std::string model = Model("run1");
  Write(model);
  s3_.SetFault([](const io::HttpRequest&) { return FakeS3::Error(403, "AccessDenied"); });
  EXPECT_EQ(Publish(model).error().code, ErrorCode::kFailedPrecondition);
  s3_.SetFault(nullptr);
  ASSERT_TRUE(Publish(model).has_value());
  EXPECT_EQ(Fetch(Model("none"), "0").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(folders_->Fetch("/elsewhere/model", "0").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(folders_->Fetch(model, "").error().code, ErrorCode::kFailedPrecondition);
}

TEST_F(ModelFoldersTest, CopiesMakeRoomForOneAnotherAlsoAfterARestart) {
  std::vector<std::string> hashes;
  for (const char* run : {"run1", "run2", "run3"}) {
    Write(Model(run));
    hashes.push_back(*io::HashTree(Model(run)));
    ASSERT_TRUE(Publish(Model(run)).has_value());
    ASSERT_TRUE(io::RemoveTree(here_.File(run)).has_value());
  }
  Open(6000);  // room for two
  folders_->Use("project", {Model("run1")});
  ASSERT_TRUE(Fetch(Model("run1"), hashes[0]).has_value());
  ASSERT_TRUE(Fetch(Model("run2"), hashes[1]).has_value());
  EXPECT_TRUE(io::Exists(Model("run1")) && io::Exists(Model("run2")));
  Open(6000);
  folders_->Use("project", {Model("run1")});
  ASSERT_TRUE(Fetch(Model("run3"), hashes[2]).has_value());
  EXPECT_TRUE(io::Exists(Model("run1"))) << "it is in use";
  EXPECT_FALSE(io::Exists(Model("run2")));
  EXPECT_TRUE(io::Exists(Model("run3")));
}

TEST_F(ModelFoldersTest, WhatAKilledServerFetchedInPartIsRemoved) {
  ASSERT_TRUE(io::MakeFolders(here_.File(".fetching/abc")).has_value());
  Open(1);
  EXPECT_FALSE(io::Exists(here_.File(".fetching")));
}

}  // namespace
}  // namespace keelson::tracking
