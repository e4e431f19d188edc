#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <thread>

#include "base/random.h"
#include "io/crc32c.h"
#include "io/files.h"
#include "io/mapped_frame_log.h"
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

// A log that is written to, by write(2) or through a mapping: the same file to whoever reads it.
using Opener = Result<std::unique_ptr<FrameLog>> (*)(const std::string& path);

class FrameLogTest : public testing::TestWithParam<Opener> {
 protected:
  Result<std::unique_ptr<FrameLog>> Open(const std::string& path) { return GetParam()(path); }

  TempFolder folder_ = *TempFolder::Make();
  std::string path_ = folder_.File("000001.log");
  const std::vector<std::string> frames_ = {"first", "a second, longer frame", std::string("\0\0\x05", 3), "4"};

  std::string WriteFrames() {
    {
      auto log = *Open(path_);
      for (const auto& frame : frames_) EXPECT_TRUE(log->Append(frame).has_value());
      EXPECT_TRUE(log->Sync().has_value());
    }
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

TEST_P(FrameLogTest, ReadsWhatWasAppendedAcrossOpenings) {
  WriteFrames();
  std::uint64_t size = 0;
  {
    auto log = *Open(path_);
    ASSERT_TRUE(log->Append("fifth").has_value());
    size = log->size();
  }
  EXPECT_EQ(size, *FileSize(path_)) << "no more than the frames stays when it is closed";
  const auto read = *ReadFrames(path_, 0);
  ASSERT_EQ(read.frames.size(), 5u);
  EXPECT_TRUE(IsPrefix({read.frames.begin(), read.frames.begin() + 4}));
  EXPECT_EQ(read.frames[4], "fifth");
  EXPECT_EQ(read.end, *FileSize(path_));
}

TEST_P(FrameLogTest, ReadsInPiecesAndTails) {
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

TEST_P(FrameLogTest, TornAtEveryByteIsCutAtTheLastWholeFrame) {
  const std::string whole = WriteFrames();
  std::vector<std::size_t> ends = {0};
  for (const auto& frame : frames_) ends.push_back(ends.back() + 8 + frame.size());
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    Put(whole.substr(0, size));
    const auto expected = static_cast<std::size_t>(std::upper_bound(ends.begin(), ends.end(), size) - ends.begin() - 1);
    const auto read = *ReadFrames(path_, 0);
    EXPECT_EQ(read.frames.size(), expected) << size;
    EXPECT_TRUE(IsPrefix(read.frames)) << size;
    auto log = *Open(path_);
    EXPECT_EQ(log->size(), ends[expected]) << size;
    ASSERT_TRUE(log->Append("after").has_value());
    EXPECT_EQ((*ReadFrames(path_, ends[expected])).frames, std::vector<std::string>{"after"}) << size;
  }
}

TEST_P(FrameLogTest, ZeroesAtTheEndAreATornTail) {
  const std::string whole = WriteFrames();
  Put(whole + std::string(100, '\0'));
  EXPECT_EQ((*ReadFrames(path_, 0)).frames, frames_);
  EXPECT_EQ((*Open(path_))->size(), whole.size());
}

TEST_P(FrameLogTest, AFlippedBitNeverGivesAWrongFrame) {
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
      const auto log = Open(path_);
      const bool in_last_frame = at >= whole.size() - 8 - frames_.back().size();
      EXPECT_EQ(log.has_value(), in_last_frame) << at;
      if (!log.has_value()) {
        EXPECT_EQ(log.error().code, ErrorCode::kDataLoss);
        EXPECT_EQ(*FileSize(path_), whole.size());
      }
    }
  }
}

TEST_P(FrameLogTest, AFullDiskLeavesTheLogAsItWas) {
  auto log = *Open(path_);
  ASSERT_TRUE(log->Append("kept").has_value());
  const std::uint64_t size = log->size();
  Status refused;
  {
    const FileSizeLimit limit(512 << 10);
    refused = log->Append(std::string(1 << 20, 'x'));  // some of it is written before the limit is met
  }
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(log->size(), size);
  ASSERT_TRUE(log->Append("later").has_value());
  EXPECT_EQ((*ReadFrames(path_, 0)).frames, (std::vector<std::string>{"kept", "later"}));
}

TEST_P(FrameLogTest, ASecondWriterAndSenselessFramesAreRefused) {
  auto log = *Open(path_);
  const auto second = Open(path_);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(log->Append("").error().code, ErrorCode::kInvalidArgument);
  log.reset();
  EXPECT_TRUE(Open(path_).has_value());
  EXPECT_EQ(Open(folder_.File("no/such")).error().code, ErrorCode::kNotFound);
}

TEST_P(FrameLogTest, AReaderFollowsALogThatIsWritten) {
  constexpr int kFrames = 3000;
  std::atomic<bool> failed = false;
  std::thread writer([&] {
    auto log = *Open(path_);
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

TEST_P(FrameLogTest, WhatWasAppendedSurvivesAKill) {
  const pid_t child = fork();
  if (child == 0) {
    auto log = Open(path_);
    for (int i = 0; i < 5000; ++i) {
      if (!log.has_value() || !(*log)->Append("frame " + std::to_string(i)).has_value()) _exit(1);
    }
    raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status)) << WEXITSTATUS(status);
  const auto read = *ReadFrames(path_, 0);
  ASSERT_EQ(read.frames.size(), 5000u);
  EXPECT_EQ(read.frames.back(), "frame 4999");
  auto log = *Open(path_);
  EXPECT_EQ(log->size(), read.end);
  ASSERT_TRUE(log->Append("after").has_value());
  EXPECT_EQ((*ReadFrames(path_, read.end)).frames, std::vector<std::string>{"after"});
}

TEST_P(FrameLogTest, FramesOfEverySizeGoIntoOneFile) {
  auto log = *Open(path_);
  std::vector<std::size_t> sizes;
  for (const std::size_t size : {1u, 65'528u, 65'527u, 1u << 20, 3u << 20, 4088u, (1u << 20) - 8, 7u}) {
    ASSERT_TRUE(log->Append(std::string(size, static_cast<char>('a' + sizes.size()))).has_value());
    sizes.push_back(size);
  }
  const auto read = *ReadFrames(path_, 0);
  ASSERT_EQ(read.frames.size(), sizes.size());
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    EXPECT_TRUE(read.frames[i] == std::string(sizes[i], static_cast<char>('a' + i))) << i;
  }
  EXPECT_EQ(read.end, log->size());
}

INSTANTIATE_TEST_SUITE_P(Ways, FrameLogTest, testing::Values(&FrameLog::OpenForAppend, &OpenMappedFrameLog),
                         [](const auto& way) { return way.index == 0 ? "Written" : "Mapped"; });

class MappedFrameLogTest : public testing::Test {
 protected:
  TempFolder folder_ = *TempFolder::Make();
  std::string path_ = folder_.File("000001.log");
};

TEST_F(MappedFrameLogTest, TakesLittleMoreOfTheDiskThanItsFramesAndGivesThatBack) {
  auto log = *OpenMappedFrameLog(path_);
  ASSERT_TRUE(log->Append("one").has_value());
  EXPECT_LE(*FileSize(path_), 128u << 10) << "thousands of models have a log each";
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(log->Append(std::string(10'000, 'x')).has_value());
  const std::uint64_t size = log->size();
  EXPECT_LE(*FileSize(path_), size + kMappedLogStep + (64 << 10));
  log.reset();
  EXPECT_EQ(*FileSize(path_), size);
}

TEST_F(MappedFrameLogTest, OnADiskThatIsNearlyFullAFrameThatFitsIsTaken) {
  auto log = *OpenMappedFrameLog(path_);
  ASSERT_TRUE(log->Append(std::string(60'000, 'x')).has_value());
  const FileSizeLimit limit(250'000);
  int taken = 0;
  while (taken < 1000 && log->Append(std::string(10'000, 'y')).has_value()) ++taken;
  EXPECT_EQ(taken, (250'000 - 60'008) / 10'008);
  EXPECT_EQ((*ReadFrames(path_, 0)).frames.size(), static_cast<std::size_t>(taken) + 1);
}

TEST_F(MappedFrameLogTest, AFrameOfWhichTheLengthIsNotYetThereIsNone) {
  auto log = *OpenMappedFrameLog(path_);
  ASSERT_TRUE(log->Append("whole").has_value());
  // As a kill in the midst of an Append leaves it: the payload, and no header before it.
  std::fstream file(path_, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(log->size()) + 8);
  file << "half of a fra";
  file.close();
  EXPECT_EQ((*ReadFrames(path_, 0)).frames, std::vector<std::string>{"whole"});
}

}  // namespace
}  // namespace keelson::io
