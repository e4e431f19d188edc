#include "io/backup.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <thread>

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

// A data folder with a database and some files, and what is asked of its backup.
class BackupFolders : public testing::Test {
 protected:
  BackupFolders() {
    EXPECT_TRUE(MakeFolders(data_ + "/jobs/1/output"));
    EXPECT_TRUE(WriteFileAtomically(data_ + "/jobs/1/output/model", "m"));
    EXPECT_TRUE(WriteFileAtomically(data_ + "/token.sha256", "t"));
    database_ = std::move(*Database::Open(data_ + "/keelson.db"));
    EXPECT_TRUE(database_->Migrate("test", {{1, "CREATE TABLE t (x); INSERT INTO t VALUES (42);"}}));
  }
  Status BackUp() { return BackUpData(*database_, data_, backup_); }
  std::vector<std::string> Wrong() {
    const auto wrong = CheckBackup(backup_);
    return wrong ? *wrong : std::vector{wrong.error().ToString()};
  }
  std::string RefusalOf(const std::string& target) {
    const Status restored = RestoreData(backup_, target);
    return restored ? "" : restored.error().ToString();
  }

  const TempFolder folder_ = *TempFolder::Make();
  const std::string data_ = folder_.File("data");
  const std::string backup_ = folder_.File("backup");
  std::unique_ptr<Database> database_;
};

TEST_F(BackupFolders, ABackupLiesOutsideOfTheDataFolder) {
  for (const std::string& inside : {data_, data_ + "/backup", data_ + "/a/../b", data_ + "/jobs/1/output/x"}) {
    const Status made = BackUpData(*database_, data_, inside);
    ASSERT_FALSE(made) << inside;
    EXPECT_EQ(made.error().code, ErrorCode::kInvalidArgument) << inside;
  }
  std::filesystem::create_directory_symlink(data_, folder_.File("link"));
  EXPECT_EQ(BackUpData(*database_, data_, folder_.File("link/backup")).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(*ListFolder(data_),
            (std::vector<std::string>{"jobs", "keelson.db", "keelson.db-shm", "keelson.db-wal", "token.sha256"}));
  EXPECT_TRUE(BackUpData(*database_, data_, data_ + "-of-monday")) << "a name that only begins the same";
}

TEST_F(BackupFolders, LinksAndPipesOfAUsersJobAreLeftOut) {
  std::filesystem::create_symlink("/etc/passwd", data_ + "/jobs/1/output/link");
  std::filesystem::create_symlink("nowhere", data_ + "/jobs/1/output/broken");
  std::filesystem::create_directory_symlink("..", data_ + "/jobs/1/output/loop");
  ASSERT_EQ(mkfifo((data_ + "/jobs/1/output/pipe").c_str(), 0600), 0);
  const Status made = BackUp();
  ASSERT_TRUE(made) << made.error().ToString();
  EXPECT_EQ(*ListFolder(backup_ + "/jobs/1/output"), std::vector<std::string>{"model"});
  EXPECT_TRUE(Wrong().empty());
}

TEST_F(BackupFolders, FilesThatComeAndGoMeanwhileDoNotStopIt) {
  std::atomic<bool> end = false;
  std::thread job([&] {
    for (int i = 0; !end; i = (i + 1) % 50) {
      const std::string spill = data_ + "/jobs/spill" + std::to_string(i);
      (void)MakeFolders(spill);
      (void)WriteFileAtomically(spill + "/part", std::string(2'000, 'x'));
      (void)RemoveTree(data_ + "/jobs/spill" + std::to_string((i + 25) % 50));
    }
  });
  for (int i = 0; i < 5; ++i) {
    const std::string target = backup_ + std::to_string(i);
    const Status made = BackUpData(*database_, data_, target);
    EXPECT_TRUE(made) << made.error().ToString();
    EXPECT_TRUE(CheckBackup(target)->empty());
  }
  end = true;
  job.join();
}

TEST_F(BackupFolders, EveryDamageIsNamedAndNothingIsRestored) {
  ASSERT_TRUE(BackUp());
  const std::string manifest = *ReadFile(backup_ + "/MANIFEST");
  // A manifest that was cut between two lines forgets a file, and is seen to.
  ASSERT_TRUE(
      WriteFileAtomically(backup_ + "/MANIFEST", manifest.substr(0, manifest.rfind('\n', manifest.size() - 2) + 1)));
  EXPECT_EQ(Wrong(), std::vector{backup_ + "/token.sha256 was not backed up"});
  ASSERT_TRUE(WriteFileAtomically(backup_ + "/MANIFEST", manifest));
  ASSERT_TRUE(WriteFileAtomically(backup_ + "/jobs/1/output/model", "changed"));
  ASSERT_TRUE(RemoveTree(backup_ + "/token.sha256"));
  ASSERT_TRUE(WriteFileAtomically(backup_ + "/added", ""));
  EXPECT_EQ(Wrong().size(), 3u);
  const std::string said = RefusalOf(folder_.File("restored"));
  for (const char* name : {"jobs/1/output/model", "token.sha256", "added"})
    EXPECT_NE(said.find(name), std::string::npos) << said;
  EXPECT_FALSE(Exists(folder_.File("restored")));

  ASSERT_TRUE(WriteFileAtomically(backup_ + "/MANIFEST", "keelson-backup 1\n"));
  EXPECT_NE(RefusalOf(folder_.File("restored")).find("lists no keelson.db"), std::string::npos);
  for (const std::string& bad :
       {std::string(), manifest.substr(0, 10), manifest.substr(0, manifest.size() - 1),
        std::string("keelson-backup 1\nshort\n"), "keelson-backup 1\n" + std::string(64, 'a') + " ../outside\n"}) {
    ASSERT_TRUE(WriteFileAtomically(backup_ + "/MANIFEST", bad));
    EXPECT_FALSE(CheckBackup(backup_)) << bad;
  }
}

TEST_F(BackupFolders, ADamagedDatabaseInABackupIsRefused) {
  ASSERT_TRUE(BackUp());
  std::string content = *ReadFile(backup_ + "/keelson.db");
  content[content.size() / 2] ^= 1;
  ASSERT_TRUE(WriteFileAtomically(backup_ + "/keelson.db", content));
  EXPECT_NE(RefusalOf(folder_.File("restored")).find("keelson.db"), std::string::npos);
}

TEST_F(BackupFolders, RestoresIntoAnEmptyFolderAndNeverOverSomething) {
  ASSERT_TRUE(BackUp());
  const std::string target = folder_.File("restored");
  ASSERT_TRUE(MakeFolders(target));
  ASSERT_TRUE(WriteFileAtomically(target + "/mine", "precious"));
  EXPECT_EQ(RestoreData(backup_, target).error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(*ReadFile(target + "/mine"), "precious");
  EXPECT_EQ(RestoreData(backup_, target + "/mine").error().code, ErrorCode::kAlreadyExists);
  ASSERT_TRUE(RemoveTree(target + "/mine"));
  const Status restored = RestoreData(backup_, target);
  ASSERT_TRUE(restored) << restored.error().ToString();
  EXPECT_EQ(*ListFolder(target), (std::vector<std::string>{"jobs", "keelson.db", "token.sha256"}));
}

}  // namespace
}  // namespace keelson::io
