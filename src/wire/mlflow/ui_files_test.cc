#include "wire/mlflow/ui_files.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "io/files.h"
#include "io/temp_folder.h"

namespace keelson::wire::mlflow {
namespace {

class UiFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(folder_.File("static/js"));
    ASSERT_TRUE(io::WriteFileAtomically(folder_.File("index.html"), "<p>page</p>").has_value());
    ASSERT_TRUE(io::WriteFileAtomically(folder_.File("static/js/a b.js"), "code()").has_value());
  }

  io::TempFolder folder_ = *io::TempFolder::Make();
};

TEST_F(UiFilesTest, GivesTheIndexAndWhatStandsBesideIt) {
  const auto files = UiFiles::Open(folder_.path());
  ASSERT_TRUE(files.has_value());
  const auto index = files->Answer("/");
  ASSERT_TRUE(index.has_value());
  EXPECT_EQ(index->content_type, "text/html");
  EXPECT_EQ(index->file->size(), 11u);
  EXPECT_EQ(io::FindHeader(index->headers, "cache-control"), "no-cache");
  EXPECT_TRUE(io::FindHeader(index->headers, "content-security-policy").starts_with("default-src 'self';"));
  const auto script = files->Answer("/static-files/static/js/a%20b.js");
  ASSERT_TRUE(script.has_value());
  EXPECT_EQ(script->content_type, "text/javascript");
  EXPECT_EQ(script->file->size(), 6u);
  EXPECT_TRUE(io::FindHeader(script->headers, "cache-control").starts_with("public"));
}

TEST_F(UiFilesTest, StaysInItsFolder) {
  const auto files = UiFiles::Open(folder_.path());
  ASSERT_TRUE(io::WriteFileAtomically(folder_.path() + ".secret", "x").has_value());
  std::filesystem::create_symlink("/etc/passwd", folder_.File("link"));
  for (const std::string path :
       {"../x", "%2e%2e/x", "static/../../x", "/etc/passwd", "link", "static", "", "nothing.js", "a%00b"}) {
    EXPECT_FALSE(files->Answer("/static-files/" + path).has_value()) << path;
  }
  std::filesystem::remove(folder_.path() + ".secret");
}

TEST_F(UiFilesTest, SaysThatAFolderIsNotThePage) {
  const auto files = UiFiles::Open(folder_.File("static"));
  ASSERT_FALSE(files.has_value());
  EXPECT_EQ(files.error().code, ErrorCode::kNotFound);
}

TEST(UiFiles, TakesTheRootAndItsFiles) {
  EXPECT_TRUE(UiFiles::Takes("/"));
  EXPECT_TRUE(UiFiles::Takes("/static-files/static/js/main.js"));
  EXPECT_FALSE(UiFiles::Takes("/graphql"));
  EXPECT_FALSE(UiFiles::Takes("/static-files"));
}

}  // namespace
}  // namespace keelson::wire::mlflow
