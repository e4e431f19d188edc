#include "wire/mlflow_database/artifact_copy.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "io/files.h"
#include "io/temp_folder.h"

namespace keelson::wire::mlflow_database {
namespace {

class ArtifactCopyTest : public testing::Test {
 protected:
  void Write(const std::string& path, const std::string& content) {
    std::filesystem::create_directories(std::filesystem::path(theirs_.File(path)).parent_path());
    ASSERT_TRUE(io::WriteFileAtomically(theirs_.File(path), content).has_value());
  }
  Status Copy(CopiedArtifacts& copied, const std::string& below = "7") {
    return CopyArtifacts(theirs_.path(), below, *store_, copied);
  }

  io::TempFolder theirs_ = *io::TempFolder::Make();
  io::TempFolder ours_ = *io::TempFolder::Make();
  std::unique_ptr<tracking::ArtifactStore> store_ = tracking::OpenFolderArtifacts(ours_.path());
};

TEST_F(ArtifactCopyTest, CopiesATreeAndWhatIsMissingAgain) {
  const std::string large(3'000'000, 'x');
  Write("r1/artifacts/a.txt", "a");
  Write("r1/artifacts/model/größe.bin", large);
  Write("r2/artifacts/empty", "");
  std::filesystem::create_symlink("/etc/passwd", theirs_.File("r1/artifacts/link"));
  CopiedArtifacts first;
  ASSERT_TRUE(Copy(first).has_value());
  EXPECT_EQ(first.files, 3u);
  EXPECT_EQ(first.bytes, 3'000'001u);
  EXPECT_EQ(first.were_there, 0u);
  EXPECT_EQ(first.links, 1u);
  EXPECT_EQ(*io::ReadFile(ours_.File("7/r1/artifacts/model/größe.bin")), large);
  EXPECT_EQ(*io::ReadFile(ours_.File("7/r2/artifacts/empty")), "");
  EXPECT_FALSE(io::Exists(ours_.File("7/r1/artifacts/link")));

  ASSERT_TRUE(io::WriteFileAtomically(ours_.File("7/r1/artifacts/a.txt"), "b").has_value());  // of the same length
  std::filesystem::remove(ours_.File("7/r2/artifacts/empty"));
  CopiedArtifacts second;
  ASSERT_TRUE(Copy(second).has_value());
  EXPECT_EQ(second.files, 3u);
  EXPECT_EQ(second.were_there, 1u);
  EXPECT_EQ(*io::ReadFile(ours_.File("7/r1/artifacts/a.txt")), "a");
}

TEST_F(ArtifactCopyTest, TheRootItselfAndNoFolderAtAll) {
  Write("0/r/artifacts/a", "a");
  CopiedArtifacts copied;
  ASSERT_TRUE(Copy(copied, "").has_value());
  EXPECT_EQ(*io::ReadFile(ours_.File("0/r/artifacts/a")), "a");
  CopiedArtifacts none;
  ASSERT_TRUE(CopyArtifacts(theirs_.File("nowhere"), "1", *store_, none).has_value());
  EXPECT_EQ(none.files, 0u);
}

// A store that damages what it is given.
class Damaging final : public tracking::ArtifactStore {
 public:
  explicit Damaging(tracking::ArtifactStore& below) : below_(below) {}
  Status Put(std::string_view path, std::string_view content) override { return below_.Put(path, content); }
  Result<tracking::StoredArtifact> PutPieces(std::string_view path, const tracking::ArtifactPieces& next,
                                             std::optional<std::uint64_t>) override {
    KEELSON_ASSIGN_OR_RETURN(const std::string_view piece, next());
    std::string content(piece);
    content.front() ^= 1;
    KEELSON_RETURN_IF_ERROR(below_.Put(path, content));
    return tracking::StoredArtifact{content.size(), ""};
  }
  Result<tracking::ArtifactContent> Open(std::string_view path) override { return below_.Open(path); }
  Result<std::vector<tracking::ArtifactEntry>> List(std::string_view path) override { return below_.List(path); }
  Status Delete(std::string_view path) override { return below_.Delete(path); }
  Result<std::optional<tracking::ArtifactExtent>> Measure(std::string_view path) override {
    return below_.Measure(path);
  }
  Result<std::optional<std::string>> Hash(std::string_view path) override { return below_.Hash(path); }

 private:
  tracking::ArtifactStore& below_;
};

TEST_F(ArtifactCopyTest, WhatComesOutDifferentIsTold) {
  Write("a", "content");
  Damaging damaging(*store_);
  CopiedArtifacts copied;
  const Status status = CopyArtifacts(theirs_.path(), "7", damaging, copied);
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code, ErrorCode::kDataLoss);
  EXPECT_TRUE(status.error().where.ends_with("/a")) << status.error().where;
}

}  // namespace
}  // namespace keelson::wire::mlflow_database
