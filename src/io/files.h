#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace keelson::io {

// Whole-file operations, each from any thread. Errors carry the path and the operating system's reason: kNotFound,
// kPermissionDenied (also a read-only file system), kResourceExhausted (disk full, quota, too many open files, a file
// larger than `at_most`), kAlreadyExists, kInvalidArgument (a folder where a file is meant, a path too long), else
// kUnavailable.
Result<std::string> ReadFile(const std::string& path, std::size_t at_most = std::size_t{1} << 30);
// Replaces the file as a whole: written beside it, synced, renamed, the folder synced. A reader sees the old or the new
// one.
Status WriteFileAtomically(const std::string& path, std::string_view content);
// The same for content that comes in pieces. Nothing of it is seen before Commit, and nothing is left without one.
class AtomicFile {
 public:
  static Result<std::unique_ptr<AtomicFile>> Create(const std::string& path);
  virtual ~AtomicFile() = default;
  virtual Status Append(std::string_view bytes) = 0;
  virtual Status Commit() = 0;  // once; on disk when it returns
};
Status MakeFolders(const std::string& path);  // like mkdir -p; synced
Status RemoveTree(const std::string& path);   // no error when it is not there; never follows links
// Copies a file or a folder with all that it holds and syncs it; what exists at `to` is overwritten file by file. Plain
// files and folders only: a link or a device is kInvalidArgument.
Status CopyTree(const std::string& from, const std::string& to);
Status SyncTree(const std::string& path);  // makes a file or a folder with all that it holds survive the machine
Status Rename(const std::string& from, const std::string& to);  // and syncs the target's folder
bool Exists(const std::string& path);
Result<std::uint64_t> FileSize(const std::string& path);
// Names, sorted, without "." and ".."; what a killed WriteFileAtomically left behind is not shown, hashed or copied.
Result<std::vector<std::string>> ListFolder(const std::string& path);
Result<std::string> HashFile(const std::string& path);  // SHA-256, hex
// Hash of a folder: of the sorted list of relative paths and content hashes. Links and devices are kInvalidArgument.
Result<std::string> HashTree(const std::string& path);
// Joins and refuses what escapes `root` (absolute parts, "..", empty parts, NUL): kInvalidArgument.
Result<std::string> SafeJoin(const std::string& root, std::string_view relative);

// An exclusive advisory lock (of the open file: F_OFD_SETLK) that the kernel frees when the process dies, however it
// dies.
class FileLock {
 public:
  // kFailedPrecondition when another process holds it.
  static Result<FileLock> Acquire(const std::string& path);
  // True when nobody holds it, or the file is not there: what an orphaned child watches. Asks without taking it, so
  // that watchers never stand in the way of a server that starts.
  static bool IsFree(const std::string& path);
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_;
};

// Append-only file of frames, each [u32 length][u32 crc32c of the payload][payload], little-endian. A torn tail (a
// process or machine that died while writing) is cut at the last whole frame when the log is opened for appending. A
// bad frame with a whole one anywhere behind it is no torn tail but damage: opening gives kDataLoss with the offset and
// cuts nothing. Not thread-safe. One writer at a time: the open file is locked, a second opening is
// kFailedPrecondition.
class FrameLog {
 public:
  static constexpr std::size_t kMaxPayload = std::size_t{256} << 20;

  static Result<std::unique_ptr<FrameLog>> OpenForAppend(const std::string& path);
  virtual ~FrameLog() = default;
  // 1 to kMaxPayload bytes, by one write(2): in the page cache when it returns, so that it survives the process. After
  // an error (a full disk) the log is as it was before, and a later Append may succeed.
  virtual Status Append(std::string_view payload) = 0;
  virtual Status Sync() = 0;               // survives the machine
  virtual std::uint64_t size() const = 0;  // bytes
};

// Reads frames from `offset` (0 or an end given earlier) to the last whole one; for tailing a log that is still
// written.
struct FrameRead {
  std::vector<std::string> frames;
  std::uint64_t end = 0;  // where to go on
};
// kDataLoss with the offset when the frame at `offset` is damaged (frames before a damaged one are given first, by a
// call of their own). At most about `max_bytes` in one call, but always one frame if there is a whole one; a missing
// file gives none.
Result<FrameRead> ReadFrames(const std::string& path, std::uint64_t offset, std::size_t max_bytes = 64u << 20);

}  // namespace keelson::io
