#include "io/files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <thread>

#include "base/hash.h"
#include "io/os.h"
#include "io/temp_folder.h"
#include "io/tree_hash.h"

namespace keelson::io {
namespace {

class FilesTest : public testing::Test {
 protected:
  TempFolder folder_ = *TempFolder::Make();
  std::string File(const std::string& name) const { return folder_.File(name); }
};

TEST(OsErrorTest, EveryReasonHasItsCode) {
  const std::pair<int, ErrorCode> cases[] = {
      {ENOENT, ErrorCode::kNotFound},          {EROFS, ErrorCode::kPermissionDenied},
      {EACCES, ErrorCode::kPermissionDenied},  {ENOSPC, ErrorCode::kResourceExhausted},
      {EDQUOT, ErrorCode::kResourceExhausted}, {EMFILE, ErrorCode::kResourceExhausted},
      {EEXIST, ErrorCode::kAlreadyExists},     {EISDIR, ErrorCode::kInvalidArgument},
      {EIO, ErrorCode::kUnavailable}};
  for (const auto& [number, code] : cases) {
    const Error error = OsError(number, "write the file", "/data/x");
    EXPECT_EQ(error.code, code) << number;
    EXPECT_EQ(error.where, "/data/x");
    EXPECT_NE(error.message.find("cannot write the file: "), std::string::npos);
  }
}

TEST_F(FilesTest, WritesAndReadsWhole) {
  const std::string content("a\0b\n", 4);
  ASSERT_TRUE(WriteFileAtomically(File("x"), content).has_value());
  EXPECT_EQ(*ReadFile(File("x")), content);
  ASSERT_TRUE(WriteFileAtomically(File("x"), "").has_value());
  EXPECT_EQ(*ReadFile(File("x")), "");
  EXPECT_EQ(*FileSize(File("x")), 0u);
  EXPECT_EQ(*ListFolder(folder_.path()), std::vector<std::string>{"x"});
  EXPECT_FALSE((*ReadFile("/proc/self/stat")).empty());  // whose size says 0
}

TEST_F(FilesTest, ErrorsSayWhatAndWhere) {
  EXPECT_EQ(ReadFile(File("none")).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(ReadFile(File("none")).error().where, File("none"));
  EXPECT_EQ(ReadFile(folder_.path()).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(ReadFile(std::string("a\0b", 3)).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(WriteFileAtomically(std::string("a\0b", 3), "").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(WriteFileAtomically(File("none/x"), "").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(WriteFileAtomically(File("none/x"), "").error().where, File("none/x"));
  EXPECT_EQ(ListFolder(File("none")).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(HashFile(File("none")).error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(WriteFileAtomically(File("x"), "12345").has_value());
  EXPECT_EQ(*ReadFile(File("x"), 5), "12345");
  EXPECT_EQ(ReadFile(File("x"), 4).error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(MakeFolders(File("x")).error().code, ErrorCode::kAlreadyExists);
  EXPECT_FALSE(MakeFolders(File("x/y")).has_value());
  EXPECT_EQ(Rename(File("none"), File("y")).error().code, ErrorCode::kNotFound);
}

TEST_F(FilesTest, AFullDiskKeepsTheOldFileAndLeavesNothing) {
  ASSERT_TRUE(WriteFileAtomically(File("x"), "old").has_value());
  signal(SIGXFSZ, SIG_IGN);
  struct rlimit before {};
  getrlimit(RLIMIT_FSIZE, &before);
  const struct rlimit limit {
    100, before.rlim_max
  };
  setrlimit(RLIMIT_FSIZE, &limit);
  const Status written = WriteFileAtomically(File("x"), std::string(1000, 'n'));
  setrlimit(RLIMIT_FSIZE, &before);
  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(written.error().where, File("x"));
  EXPECT_EQ(*ReadFile(File("x")), "old");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_.path()), {}), 1);
}

TEST_F(FilesTest, AReaderSeesTheOldOrTheNewFileNeverAPart) {
  const std::string a(100'000, 'a');
  const std::string b(200'000, 'b');
  ASSERT_TRUE(WriteFileAtomically(File("x"), a).has_value());
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    for (int i = 0; i < 60; ++i) {
      const Status written = WriteFileAtomically(File("x"), i % 2 == 0 ? b : a);
      EXPECT_TRUE(written.has_value());
    }
    stop = true;
  });
  while (!stop) {
    const auto seen = ReadFile(File("x"));
    EXPECT_TRUE(seen.has_value() && (*seen == a || *seen == b));
  }
  writer.join();
}

TEST_F(FilesTest, TreesAreHashedCopiedAndRemoved) {
  ASSERT_TRUE(MakeFolders(File("t/sub/deep")).has_value());
  ASSERT_TRUE(MakeFolders(File("t/sub/deep")).has_value());  // again is no error
  ASSERT_TRUE(WriteFileAtomically(File("t/a"), "1").has_value());
  ASSERT_TRUE(WriteFileAtomically(File("t/sub/b"), "2").has_value());
  const std::string hash = *HashTree(File("t"));
  ASSERT_TRUE(CopyTree(File("t"), File("copy")).has_value());
  EXPECT_EQ(*HashTree(File("copy")), hash);
  EXPECT_TRUE(Exists(File("copy/sub/deep")));

  ASSERT_TRUE(WriteFileAtomically(File("copy/a"), "2").has_value());
  EXPECT_NE(*HashTree(File("copy")), hash);
  ASSERT_TRUE(CopyTree(File("t"), File("copy")).has_value());
  ASSERT_TRUE(Rename(File("copy/a"), File("copy/c")).has_value());  // same contents under another name
  EXPECT_NE(*HashTree(File("copy")), hash);
  ASSERT_TRUE(Rename(File("copy/c"), File("copy/a")).has_value());
  ASSERT_TRUE(WriteFileAtomically(File("copy/.keelson-unfinished-0"), "left by a kill").has_value());
  EXPECT_EQ(*HashTree(File("copy")), hash);

  ASSERT_TRUE(RemoveTree(File("copy")).has_value());
  ASSERT_TRUE(RemoveTree(File("copy")).has_value());
  EXPECT_FALSE(Exists(File("copy")));
  EXPECT_EQ(*HashFile(File("t/a")), Sha256::Hex("1"));
}

TEST(TreeHashTest, FilesElsewhereHashAsAFolderDoes) {
  const TempFolder folder = *TempFolder::Make();
  std::vector<std::pair<std::string, std::string>> files;
  for (const char* path :
       {"a/b", "a.txt", "a/c/d", "a0", "Z"}) {  // a walk has "a/b" before "a.txt", a list of keys not
    const std::string place = folder.File(path);
    ASSERT_TRUE(MakeFolders(ParentOf(place)).has_value());
    ASSERT_TRUE(WriteFileAtomically(place, path).has_value());
    files.emplace_back(path, Sha256::Hex(path));
  }
  EXPECT_EQ(HashTreeOf(files), *HashTree(folder.path()));
  EXPECT_EQ(HashTreeOf({{"", Sha256::Hex("a0")}}), *HashTree(folder.File("a0")));
  EXPECT_NE(HashTreeOf({{"a0", Sha256::Hex("a0")}}), *HashTree(folder.File("a0")));
}

TEST_F(FilesTest, LinksAreNeitherFollowedNorCopied) {
  ASSERT_TRUE(MakeFolders(File("outside")).has_value());
  ASSERT_TRUE(WriteFileAtomically(File("outside/secret"), "s").has_value());
  ASSERT_TRUE(MakeFolders(File("t")).has_value());
  std::filesystem::create_symlink(File("outside"), File("t/link"));
  EXPECT_EQ(HashTree(File("t")).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(CopyTree(File("t"), File("copy")).error().code, ErrorCode::kInvalidArgument);
  ASSERT_TRUE(RemoveTree(File("t")).has_value());
  EXPECT_TRUE(Exists(File("outside/secret")));
}

TEST(SafeJoinTest, RefusesWhatEscapes) {
  EXPECT_EQ(*SafeJoin("/data", "model/MLmodel"), "/data/model/MLmodel");
  EXPECT_EQ(*SafeJoin("/data", "..."), "/data/...");
  for (const std::string& bad :
       {std::string(""), std::string("/etc/passwd"), std::string(".."), std::string("a/../../b"), std::string("a//b"),
        std::string("a/"), std::string("./a"), std::string("a\0b", 3)}) {
    EXPECT_EQ(SafeJoin("/data", bad).error().code, ErrorCode::kInvalidArgument) << bad;
  }
}

TEST_F(FilesTest, TheLockIsFreedWhenItsHolderDies) {
  const std::string path = File("lock");
  EXPECT_TRUE(FileLock::IsFree(path));
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    const auto lock = FileLock::Acquire(path);
    if (write(ready[1], lock.has_value() ? "y" : "n", 1) == 1) pause();
    _exit(1);
  }
  char answer = 0;
  ASSERT_EQ(read(ready[0], &answer, 1), 1);
  EXPECT_EQ(answer, 'y');
  EXPECT_FALSE(FileLock::IsFree(path));
  EXPECT_EQ(FileLock::Acquire(path).error().code, ErrorCode::kFailedPrecondition);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(FileLock::IsFree(path));
  {
    auto lock = *FileLock::Acquire(path);
    FileLock moved = std::move(lock);
    EXPECT_FALSE(FileLock::IsFree(path));
    EXPECT_FALSE(FileLock::Acquire(path).has_value());  // not even this process
  }
  EXPECT_TRUE(FileLock::IsFree(path));
  close(ready[0]);
  close(ready[1]);
}

TEST(TempFolderTest, IsRemovedWithItsContent) {
  std::string path;
  {
    auto folder = *TempFolder::Make();
    path = folder.path();
    ASSERT_TRUE(WriteFileAtomically(folder.File("x"), "1").has_value());
    TempFolder moved = std::move(folder);
    EXPECT_TRUE(Exists(path));
  }
  EXPECT_FALSE(Exists(path));
}

}  // namespace
}  // namespace keelson::io
