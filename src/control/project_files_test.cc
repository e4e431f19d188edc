#include "control/project_files.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "io/files.h"
#include "io/temp_folder.h"

namespace keelson::control {
namespace {

class ProjectFilesTest : public testing::Test {
 protected:
  void Write(const std::string& name, const std::string& content) {
    ASSERT_TRUE(io::WriteFileAtomically(folder_.File(name), content));
  }
  std::string Hash(const std::string& path) {
    const auto hash = hashes_.OfSource(folder_.path(), path);
    EXPECT_TRUE(hash) << hash.error().ToString();
    return hash.value_or("");
  }
  const io::TempFolder folder_ = io::TempFolder::Make().value();
  FileHashes hashes_;
};

TEST_F(ProjectFilesTest, AGlobGivesItsFilesSorted) {
  for (const char* name : {"b.csv", "a.csv", "c.txt"}) Write(name, "x");
  const auto files = MatchFiles(folder_.path(), "*.csv");
  EXPECT_EQ(files, (std::vector<std::string>{folder_.File("a.csv"), folder_.File("b.csv")}));
  EXPECT_EQ(MatchFiles("/nowhere", folder_.File("c.txt")), std::vector<std::string>{folder_.File("c.txt")})
      << "an absolute path stands for itself";
}

TEST_F(ProjectFilesTest, NothingFoundNamesThePattern) {
  const auto files = MatchFiles(folder_.path(), "*.parquet");
  ASSERT_FALSE(files);
  EXPECT_EQ(files.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(files.error().where, folder_.File("*.parquet"));
  EXPECT_EQ(hashes_.OfSource(folder_.path(), "*.parquet").error().code, ErrorCode::kNotFound);
}

TEST_F(ProjectFilesTest, ANameThatIsNotUtf8IsRefused) {
  Write("caf\xe9.csv", "x");
  const auto files = MatchFiles(folder_.path(), "*.csv");
  ASSERT_FALSE(files);
  EXPECT_EQ(files.error().code, ErrorCode::kInvalidArgument);
}

TEST_F(ProjectFilesTest, TheHashFollowsNamesAndContentsAndNotTheFolder) {
  Write("a.csv", "x");
  const std::string one = Hash("*.csv");
  EXPECT_EQ(Hash("*.csv"), one);
  Write("b.csv", "y");
  const std::string two = Hash("*.csv");
  EXPECT_NE(two, one);
  ASSERT_TRUE(io::Rename(folder_.File("b.csv"), folder_.File("c.csv")));
  EXPECT_NE(Hash("*.csv"), two);

  const io::TempFolder other = io::TempFolder::Make().value();
  ASSERT_TRUE(io::WriteFileAtomically(other.File("a.csv"), "x"));
  EXPECT_EQ(FileHashes().OfSource(other.path(), "a.csv"), one);
}

TEST_F(ProjectFilesTest, AReplacedFileIsReadAgainAlsoWithTheOldSizeAndTime) {
  Write("a.csv", "x");
  const std::string before = Hash("a.csv");
  const auto time = std::filesystem::last_write_time(folder_.File("a.csv"));
  Write("a.csv", "y");
  std::filesystem::last_write_time(folder_.File("a.csv"), time);
  EXPECT_NE(Hash("a.csv"), before);
}

TEST_F(ProjectFilesTest, FoldersAreWhereTheDocumentationSays) {
  const ProjectFolders folders("/data", "flights");
  EXPECT_EQ(folders.Revision("abc"), "/data/projects/flights/revisions/abc");
  EXPECT_EQ(folders.Rows("weather"), "/data/projects/flights/rows/weather.log");
  EXPECT_EQ(folders.Quarantine("weather"), "/data/projects/flights/quarantine/weather");
  EXPECT_EQ(folders.Payload(3, "r1"), "/data/projects/flights/payload/3/r1");
}

}  // namespace
}  // namespace keelson::control
