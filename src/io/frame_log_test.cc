#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "base/random.h"
#include "io/crc32c.h"
#include "io/files.h"
#include "io/temp_folder.h"

namespace keelson::io {
namespace {

// While it lives no file of this process may grow beyond `bytes`: the disk that is full, without a disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const struct rlimit limit {
      bytes, before_.rlim_max
    };
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  struct rlimit before_ {};
};

class FrameLogTest : public testing::Test {
 protected:
  TempFolder folder_ = *TempFolder::Make();
  std::string path_ = folder_.File("000001.log");
  const std::vector<std::string> frames_ = {"first", "a second, longer frame", std::string("\0\0\x05", 3), "4"};

  std::string WriteFrames() {
    auto log = *FrameLog::OpenForAppend(path_);
    for (const auto& frame : frames_) EXPECT_TRUE(log->Append(frame).has_value());
    EXPECT_TRUE(log->Sync().has_value());
    return *ReadFile(path_);
  }
  void Put(const std::string& bytes) { std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes; }
  bool IsPrefix(const std::vector<std::string>& read) const {
    return read.size() <= frames_.size() && std::equal(read.begin(), read.end(), frames_.begin());
  }
};

TEST(Crc32cTest, KnownValuesAndBothWaysAgree) {
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8a9136aau);
  Random random(5);
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(Crc32c(bytes), Crc32cByTable(bytes)) << bytes.size();
    bytes.push_back(static_cast<char>(random.Next()));
  }
}

TEST_F(FrameLogTest, ReadsWhatWasAppendedAcrossOpenings) {
  WriteFrames();
  {
    auto log = *FrameLog::OpenForAppend(path_);
    ASSERT_TRUE(log->Append("fifth").has_value());
    EXPECT_EQ(log->size(), *FileSize(path_));
  }
  const auto read = *ReadFrames(path_, 0);
  ASSERT_EQ(read.frames.size(), 5u);
  EXPECT_TRUE(IsPrefix({read.frames.begin(), read.frames.begin() + 4}));
  EXPECT_EQ(read.frames[4], "fifth");
  EXPECT_EQ(read.end, *FileSize(path_));
}

TEST_F(FrameLogTest, ReadsInPiecesAndTails) {
  WriteFrames();
  std::uint64_t offset = 0;
  std::vector<std::string> all;
  for (;;) {
    const auto read = *ReadFrames(path_, offset, 1);  // one frame a call
    if (read.frames.empty()) break;
    EXPECT_EQ(read.frames.size(), 1u);
    all.push_back(read.frames[0]);
    offset = read.end;
  }
  EXPECT_EQ(all, frames_);
  EXPECT_TRUE((*ReadFrames(folder_.File("none"), 0)).frames.empty());
  EXPECT_TRUE((*ReadFrames(path_, offset + 1000)).frames.empty());
}

TEST_F(FrameLogTest, TornAtEveryByteIsCutAtTheLastWholeFrame) {
  const std::string whole = WriteFrames();
  std::vector<std::size_t> ends = {0};
  for (const auto& frame : frames_) ends.push_back(ends.back() + 8 + frame.size());
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    Put(whole.substr(0, size));
    const auto expected = static_cast<std::size_t>(std::upper_bound(ends.begin(), ends.end(), size) - ends.begin() - 1);
    const auto read = *ReadFrames(path_, 0);
    EXPECT_EQ(read.frames.size(), expected) << size;
    EXPECT_TRUE(IsPrefix(read.frames)) << size;
    auto log = *FrameLog::OpenForAppend(path_);
    EXPECT_EQ(log->size(), ends[expected]) << size;
    ASSERT_TRUE(log->Append("after").has_value());
    EXPECT_EQ((*ReadFrames(path_, ends[expected])).frames, std::vector<std::string>{"after"}) << size;
  }
}

TEST_F(FrameLogTest, ZeroesAtTheEndAreATornTail) {
  const std::string whole = WriteFrames();
  Put(whole + std::string(100, '\0'));
  EXPECT_EQ((*ReadFrames(path_, 0)).frames, frames_);
  EXPECT_EQ((*FrameLog::OpenForAppend(path_))->size(), whole.size());
}

TEST_F(FrameLogTest, AFlippedBitNeverGivesAWrongFrame) {
  const std::string whole = WriteFrames();
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bytes = whole;
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
      Put(bytes);
      std::uint64_t offset = 0;
      std::vector<std::string> read;
      for (;;) {
        const auto some = ReadFrames(path_, offset);
        if (!some.has_value()) {
          EXPECT_EQ(some.error().code, ErrorCode::kDataLoss);
          EXPECT_EQ(some.error().where, path_);
          break;
        }
        if (some->frames.empty()) break;
        read.insert(read.end(), some->frames.begin(), some->frames.end());
        offset = some->end;
      }
      EXPECT_LT(read.size(), frames_.size()) << at;
      EXPECT_TRUE(IsPrefix(read)) << at;
      // Damage with a whole frame behind it must not be cut off as if it were a torn tail.
      const auto log = FrameLog::OpenForAppend(path_);
      const bool in_last_frame = at >= whole.size() - 8 - frames_.back().size();
      EXPECT_EQ(log.has_value(), in_last_frame) << at;
      if (!log.has_value()) {
        EXPECT_EQ(log.error().code, ErrorCode::kDataLoss);
        EXPECT_EQ(*FileSize(path_), whole.size());
      }
    }
  }
}

TEST_F(FrameLogTest, AFullDiskLeavesTheLogAsItWas) {
  auto log = *FrameLog::OpenForAppend(path_);
  ASSERT_TRUE(log->Append("kept").has_value());
  const std::uint64_t size = log->size();
  Status refused;
  {
    const FileSizeLimit limit(4096);
    refused = log->Append(std::string(10'000, 'x'));  // some of it is written before the limit is met
  }
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(*FileSize(path_), size);
  ASSERT_TRUE(log->Append("later").has_value());
  EXPECT_EQ((*ReadFrames(path_, 0)).frames, (std::vector<std::string>{"kept", "later"}));
}

TEST_F(FrameLogTest, ASecondWriterAndSenselessFramesAreRefused) {
  auto log = *FrameLog::OpenForAppend(path_);
  const auto second = FrameLog::OpenForAppend(path_);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(log->Append("").error().code, ErrorCode::kInvalidArgument);
  log.reset();
  EXPECT_TRUE(FrameLog::OpenForAppend(path_).has_value());
  EXPECT_EQ(FrameLog::OpenForAppend(folder_.File("no/such")).error().code, ErrorCode::kNotFound);
}

TEST_F(FrameLogTest, AReaderFollowsALogThatIsWritten) {
  constexpr int kFrames = 3000;
  std::atomic<bool> failed = false;
  std::thread writer([&] {
    auto log = *FrameLog::OpenForAppend(path_);
    Random random(3);
    for (int i = 0; i < kFrames; ++i) {
      const std::string payload(1 + random.Below(9000), static_cast<char>('a' + i % 26));
      if (!log->Append(payload).has_value()) failed = true;
    }
  });
  Random random(3);
  std::uint64_t offset = 0;
  for (int i = 0; i < kFrames && !failed;) {
    const auto read = ReadFrames(path_, offset);
    if (!read.has_value()) {
      ADD_FAILURE() << read.error().ToString();
      break;
    }
    for (const auto& frame : read->frames) {
      const std::string expected(1 + random.Below(9000), static_cast<char>('a' + i % 26));
      ASSERT_EQ(frame, expected) << i;
      ++i;
    }
    offset = read->end;
  }
  writer.join();
  EXPECT_FALSE(failed);
}

}  // namespace
}  // namespace keelson::io
