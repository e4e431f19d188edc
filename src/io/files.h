#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace keelson::io {

// Whole-file operations. Errors carry the path and the operating system's reason: kNotFound, kPermissionDenied (also a
// read-only file system), kResourceExhausted (disk full, too many files), kAlreadyExists, else kUnavailable.
Result<std::string> ReadFile(const std::string& path, std::size_t at_most = std::size_t{1} << 30);
// Replaces the file as a whole: written beside it, synced, renamed, the folder synced. A reader sees the old or the new one.
Status WriteFileAtomically(const std::string& path, std::string_view content);
Status MakeFolders(const std::string& path);  // like mkdir -p
Status RemoveTree(const std::string& path);   // no error when it is not there; never follows links
Status CopyTree(const std::string& from, const std::string& to);
Status Rename(const std::string& from, const std::string& to);  // and syncs the target's folder
bool Exists(const std::string& path);
Result<std::uint64_t> FileSize(const std::string& path);
Result<std::vector<std::string>> ListFolder(const std::string& path);  // names, sorted, without . and ..
Result<std::string> HashFile(const std::string& path);                 // SHA-256, hex
// Hash of a folder: of the sorted list of relative paths and content hashes.
Result<std::string> HashTree(const std::string& path);
// Joins and refuses what escapes `root` (absolute parts, "..", empty parts, NUL): kInvalidArgument.
Result<std::string> SafeJoin(const std::string& root, std::string_view relative);

// An exclusive advisory lock (flock) that the kernel frees when the process dies, however it dies.
class FileLock {
 public:
  // kFailedPrecondition when another process holds it.
  static Result<FileLock> Acquire(const std::string& path);
  // True when nobody holds it: what an orphaned child watches.
  static bool IsFree(const std::string& path);
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_;
};

// Append-only file of frames, each [u32 length][u32 crc32c of the payload][payload], little-endian. A torn tail (a process
// or machine that died while writing) is cut at the last whole frame when the log is opened for appending.
// Not thread-safe; one writer at a time.
class FrameLog {
 public:
  static Result<std::unique_ptr<FrameLog>> OpenForAppend(const std::string& path);
  virtual ~FrameLog() = default;
  virtual Status Append(std::string_view payload) = 0;  // in the page cache when it returns: survives the process, one write
  virtual Status Sync() = 0;                            // survives the machine
  virtual std::uint64_t size() const = 0;               // bytes
};

// Reads frames from `offset` (0 or an end given earlier) to the last whole one; for tailing a log that is still written.
struct FrameRead {
  std::vector<std::string> frames;
  std::uint64_t end = 0;  // where to go on
};
// kDataLoss with the offset when a whole frame's checksum is wrong. At most about `max_bytes` in one call; a missing file
// gives no frames.
Result<FrameRead> ReadFrames(const std::string& path, std::uint64_t offset, std::size_t max_bytes = 64u << 20);

}  // namespace keelson::io
