#include "io/backup.h"

#include <gtest/gtest.h>

#include "io/files.h"
#include "io/temp_folder.h"

namespace keelson::io {
namespace {

TEST(BackupTest, RestoresWhatWasAndRefusesWhatIsDamaged) {
  const TempFolder folder = *TempFolder::Make();
  const std::string data = folder.File("data");
  ASSERT_TRUE(MakeFolders(data + "/artifacts/r1").has_value());
  ASSERT_TRUE(MakeFolders(data + "/run").has_value());
  ASSERT_TRUE(WriteFileAtomically(data + "/artifacts/r1/model", "m").has_value());
  ASSERT_TRUE(WriteFileAtomically(data + "/run/live", "x").has_value());
  ASSERT_TRUE(WriteFileAtomically(data + "/lock", "").has_value());
  auto database = std::move(*Database::Open(data + "/keelson.db"));
  ASSERT_TRUE(database->Migrate("test", {{1, "CREATE TABLE t (x); INSERT INTO t VALUES (42);"}}).has_value());

  const std::string backup = folder.File("backup");
  const Status made = BackUpData(*database, data, backup);
  ASSERT_TRUE(made.has_value()) << made.error().ToString();
  EXPECT_EQ(BackUpData(*database, data, backup).error().code, ErrorCode::kAlreadyExists);
  EXPECT_TRUE(CheckBackup(backup)->empty());
  EXPECT_EQ(*ListFolder(backup), (std::vector<std::string>{"MANIFEST", "artifacts", "keelson.db"}));

  const std::string restored = folder.File("restored");
  ASSERT_TRUE(RestoreData(backup, restored).has_value());
  EXPECT_EQ(*ReadFile(restored + "/artifacts/r1/model"), "m");
  EXPECT_FALSE(Exists(restored + "/MANIFEST"));
  auto again = std::move(*Database::Open(restored + "/keelson.db"));
  const Status read = again->Read([](SqlSession& session) -> Status {
    KEELSON_ASSIGN_OR_RETURN(const auto rows, session.Query("SELECT x FROM t"));
    EXPECT_EQ(AsInt(rows.at(0)[0]), 42);
    return {};
  });
  EXPECT_TRUE(read.has_value());
  EXPECT_EQ(RestoreData(backup, restored).error().code, ErrorCode::kAlreadyExists);

  ASSERT_TRUE(WriteFileAtomically(backup + "/artifacts/r1/model", "changed").has_value());
  EXPECT_EQ(CheckBackup(backup)->size(), 1u);
  EXPECT_EQ(RestoreData(backup, folder.File("other")).error().code, ErrorCode::kDataLoss);
  ASSERT_TRUE(RemoveTree(backup + "/artifacts").has_value());
  EXPECT_EQ(CheckBackup(backup)->size(), 1u);
  ASSERT_TRUE(WriteFileAtomically(backup + "/MANIFEST", "something else\n").has_value());
  EXPECT_EQ(CheckBackup(backup).error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(CheckBackup(folder.File("none")).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(*ListFolder(folder.path()), (std::vector<std::string>{"backup", "data", "restored"}));
}

}  // namespace
}  // namespace keelson::io
