#include "tracking/artifacts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "io/files.h"
#include "io/temp_folder.h"

namespace keelson::tracking {
namespace {

class ArtifactsTest : public testing::Test {
 protected:
  io::TempFolder data_ = *io::TempFolder::Make();
  std::string folder_ = data_.File("artifacts/run1");
};

TEST_F(ArtifactsTest, PutListReadDelete) {
  EXPECT_TRUE((*ListArtifacts(folder_, "")).empty());
  ASSERT_TRUE(PutArtifact(folder_, "model/MLmodel", "flavors").has_value());
  ASSERT_TRUE(PutArtifact(folder_, "model/MLmodel", "flavors: 2").has_value());
  ASSERT_TRUE(PutArtifact(folder_, "report.txt", "r").has_value());
  EXPECT_THAT(*ListArtifacts(folder_, ""),
              testing::ElementsAre(ArtifactEntry{"model", true, 0}, ArtifactEntry{"report.txt", false, 1}));
  EXPECT_THAT(*ListArtifacts(folder_, "model"), testing::ElementsAre(ArtifactEntry{"model/MLmodel", false, 10}));
  EXPECT_TRUE((*ListArtifacts(folder_, "none")).empty());
  EXPECT_TRUE((*ListArtifacts(folder_, "report.txt")).empty());
  EXPECT_EQ(*ReadArtifact(folder_, "model/MLmodel"), "flavors: 2");
  EXPECT_EQ(ReadArtifact(folder_, "model/MLmodel", 3).error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(ReadArtifact(folder_, "none").error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(PutArtifact(folder_, "report.txt/below", "x").has_value());
  for (int repeated = 0; repeated < 2; ++repeated) ASSERT_TRUE(DeleteArtifact(folder_, "model").has_value());
  EXPECT_EQ((*ListArtifacts(folder_, "")).size(), 1u);
}

TEST_F(ArtifactsTest, NothingLeavesTheFolder) {
  ASSERT_TRUE(PutArtifact(folder_, "a", "1").has_value());
  ASSERT_TRUE(io::WriteFileAtomically(data_.File("secret"), "s").has_value());
  std::filesystem::create_symlink(data_.path(), folder_ + "/out");
  std::filesystem::create_symlink(data_.File("secret"), folder_ + "/leak");
  for (const std::string& path : {std::string("../../secret"), std::string("/etc/passwd"), std::string("out/secret"),
                                  std::string("leak"), std::string("a/../../x"), std::string("x\0y", 3)}) {
    EXPECT_EQ(ReadArtifact(folder_, path).error().code, ErrorCode::kInvalidArgument) << path;
    EXPECT_EQ(PutArtifact(folder_, path, "evil").error().code, ErrorCode::kInvalidArgument) << path;
    EXPECT_EQ(DeleteArtifact(folder_, path).error().code, ErrorCode::kInvalidArgument) << path;
    EXPECT_EQ(ListArtifacts(folder_, path).error().code, ErrorCode::kInvalidArgument) << path;
  }
  EXPECT_EQ(DeleteArtifact(folder_, "").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(*io::ReadFile(data_.File("secret")), "s");
  EXPECT_EQ((*ListArtifacts(folder_, "")).size(), 1u);  // links are no artifacts
}

}  // namespace
}  // namespace keelson::tracking
