#include "tracking/version_check.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "io/files.h"
#include "io/temp_folder.h"

namespace keelson::tracking {
namespace {

// Counts how often it is asked for a hash.
class Counting final : public ArtifactStore {
 public:
  explicit Counting(std::string root) : below_(OpenFolderArtifacts(std::move(root))) {}
  Status Put(std::string_view path, std::string_view content) override { return below_->Put(path, content); }
  Result<StoredArtifact> PutPieces(std::string_view path, const ArtifactPieces& next,
                                   std::optional<std::uint64_t> size) override {
    return below_->PutPieces(path, next, size);
  }
  Result<ArtifactContent> Open(std::string_view path) override { return below_->Open(path); }
  Result<std::vector<ArtifactEntry>> List(std::string_view path) override { return below_->List(path); }
  Status Delete(std::string_view path) override { return below_->Delete(path); }
  Result<std::optional<ArtifactExtent>> Measure(std::string_view path) override { return below_->Measure(path); }
  Result<std::optional<std::string>> Hash(std::string_view path) override {
    ++hashed;
    return below_->Hash(path);
  }

  int hashed = 0;

 private:
  std::unique_ptr<ArtifactStore> below_;
};

class VersionCheckTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(artifacts_.Put("0/r/model/MLmodel", "flavors").has_value());
    ASSERT_TRUE(artifacts_.Put("0/r/model/weights", "12345").has_value());
    hash_ = *io::HashTree(folder_.File("0/r/model"));
  }
  void ExpectLost(const std::string& why) {
    const Status status = check_.Check("0/r/model", hash_);
    ASSERT_FALSE(status.has_value());
    EXPECT_EQ(status.error().code, ErrorCode::kDataLoss);
    EXPECT_TRUE(status.error().message.contains(why)) << status.error().message;
  }

  io::TempFolder folder_ = *io::TempFolder::Make();
  Counting artifacts_{folder_.path()};
  VersionCheck check_{artifacts_};
  std::string hash_;
};

TEST_F(VersionCheckTest, HashesOnceWhatDoesNotChange) {
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(check_.Check("0/r/model", hash_).has_value());
  EXPECT_EQ(artifacts_.hashed, 1);
}

TEST_F(VersionCheckTest, TellsWhatWasChangedBehindTheServer) {
  ASSERT_TRUE(check_.Check("0/r/model", hash_).has_value());
  const auto before = std::filesystem::last_write_time(folder_.File("0/r/model/weights"));
  ASSERT_TRUE(io::WriteFileAtomically(folder_.File("0/r/model/weights"), "54321").has_value());
  std::filesystem::last_write_time(folder_.File("0/r/model/weights"), before + std::chrono::seconds(1));
  ExpectLost("are not those that were registered");
  ASSERT_TRUE(io::WriteFileAtomically(folder_.File("0/r/model/weights"), "12345").has_value());
  EXPECT_TRUE(check_.Check("0/r/model", hash_).has_value());
  std::filesystem::remove(folder_.File("0/r/model/weights"));
  ExpectLost("are not those that were registered");
  std::filesystem::remove_all(folder_.File("0/r/model"));
  ExpectLost("are gone");
}

TEST_F(VersionCheckTest, OfAnotherHashIsAnotherQuestion) {
  ASSERT_TRUE(check_.Check("0/r/model", hash_).has_value());
  hash_ = std::string(64, '0');
  ExpectLost("are not those that were registered");
}

}  // namespace
}  // namespace keelson::tracking
