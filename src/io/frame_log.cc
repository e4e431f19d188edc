#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "io/crc32c.h"
#include "io/files.h"
#include "io/frame_log_file.h"
#include "io/os.h"

namespace keelson::io {
namespace {

constexpr std::size_t kReadStep = std::size_t{1} << 20;

FrameHeader ParseHeader(const char* at) {
  FrameHeader header;
  std::memcpy(&header.length, at, 4);
  std::memcpy(&header.crc, at + 4, 4);
  return header;
}

enum class FrameState { kWhole, kShort, kDamaged };

// What begins at bytes[0]. Eight zero bytes are kShort: a file system may extend a file before its data reached the
// disk, and no frame is empty.
FrameState Examine(std::string_view bytes) {
  if (bytes.size() < kFrameHeaderBytes) return FrameState::kShort;
  const FrameHeader header = ParseHeader(bytes.data());
  if (header.length == 0 && header.crc == 0) return FrameState::kShort;
  if (header.length == 0 || header.length > FrameLog::kMaxPayload) return FrameState::kDamaged;
  if (bytes.size() - kFrameHeaderBytes < header.length) return FrameState::kShort;
  return Crc32c(bytes.substr(kFrameHeaderBytes, header.length)) == header.crc ? FrameState::kWhole
                                                                              : FrameState::kDamaged;
}

// Whether a whole frame begins anywhere behind the first byte: what tells damage in the middle from a torn tail. A tail
// full of numbers that look like lengths could cost quadratic work: after some seconds' worth it counts as damage,
// which cuts nothing.
bool HasWholeFrameBehind(std::string_view bytes) {
  std::uint64_t budget = std::uint64_t{16} << 30;
  for (std::size_t at = 1; at + kFrameHeaderBytes < bytes.size(); ++at) {
    const std::string_view rest = bytes.substr(at);
    if (Examine(rest) == FrameState::kWhole) return true;
    const std::uint64_t length = ParseHeader(rest.data()).length;
    if (length > rest.size()) continue;
    if (length > budget) return true;
    budget -= length;
  }
  return false;
}

std::unexpected<Error> Damaged(const std::string& path, std::uint64_t offset) {
  return Fail(
      ErrorCode::kDataLoss,
      fmt::format("the log is damaged at byte {}: run `keelson doctor`, and `keelson restore` from a backup", offset),
      path);
}

// A file's bytes from a moving offset, read in steps.
class Window {
 public:
  Window(int fd, const std::string& path, std::uint64_t offset) : fd_(fd), path_(path), offset_(offset) {}

  std::uint64_t offset() const { return offset_; }
  std::string_view bytes() const { return std::string_view(buffer_).substr(begin_); }
  void Skip(std::size_t count) {
    begin_ += count;
    offset_ += count;
  }
  // What was read of the file is read again.
  void Forget() {
    buffer_.clear();
    begin_ = 0;
  }

  // Reads on until at least `want` bytes are there or the file has no more.
  Status Fill(std::size_t want) {
    if (bytes().size() >= want) return {};
    buffer_.erase(0, begin_);
    begin_ = 0;
    const std::size_t had = buffer_.size();
    buffer_.resize(std::max(want, had + kReadStep));
    const auto got = ReadAt(fd_, buffer_.data() + had, buffer_.size() - had, offset_ + had, path_);
    buffer_.resize(had + got.value_or(0));
    if (!got.has_value()) return std::unexpected(got.error());
    return {};
  }

  // Fills what the frame that begins here needs, as its header says, and tells its state.
  Result<FrameState> Look() {
    KEELSON_RETURN_IF_ERROR(Fill(kFrameHeaderBytes));
    if (bytes().size() >= kFrameHeaderBytes) {
      const std::size_t length = ParseHeader(bytes().data()).length;
      if (length <= FrameLog::kMaxPayload && length <= Remaining())
        KEELSON_RETURN_IF_ERROR(Fill(kFrameHeaderBytes + length));
    }
    return Examine(bytes());
  }

 private:
  std::uint64_t Remaining() const {
    struct stat info {};
    if (fstat(fd_, &info) != 0 || static_cast<std::uint64_t>(info.st_size) < offset_) return 0;
    return static_cast<std::uint64_t>(info.st_size) - offset_;
  }

  int fd_;
  const std::string& path_;
  std::uint64_t offset_;  // of bytes()[0] in the file
  std::string buffer_;
  std::size_t begin_ = 0;
};

class AppendLog final : public OpenFrameLog {
 public:
  using OpenFrameLog::OpenFrameLog;

  Status Append(std::string_view payload) override {
    KEELSON_ASSIGN_OR_RETURN(const FrameHeader header, FrameHeaderOf(payload, path_));
    KEELSON_RETURN_IF_ERROR(CutTo(size_));
    frame_.resize(kFrameHeaderBytes);
    std::memcpy(frame_.data(), &header.length, 4);
    std::memcpy(frame_.data() + 4, &header.crc, 4);
    frame_.append(payload);
    if (const Status written = WriteAll(file_.get(), frame_, path_); !written.has_value()) {
      dirty_ = true;
      if (const Status cut = CutTo(size_); !cut.has_value()) return cut;
      return written;
    }
    size_ += frame_.size();
    if (frame_.capacity() > kReadStep) frame_ = {};
    return {};
  }

 private:
  // Takes away what an Append that failed half way left; until that succeeds nothing may follow it.
  Status CutTo(std::uint64_t size) {
    if (!dirty_) return {};
    if (ftruncate(file_.get(), static_cast<off_t>(size)) != 0)
      return OsFail(errno, "cut a torn frame off the log", path_);
    dirty_ = false;
    return {};
  }

  bool dirty_ = false;
  std::string frame_;
};

Status LockForAppend(int fd, const std::string& path) {
  struct flock range {};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  if (fcntl(fd, F_OFD_SETLK, &range) == 0) return {};
  if (errno == EAGAIN || errno == EACCES) {
    return Fail(ErrorCode::kFailedPrecondition, "another writer has the log open", path);
  }
  return OsFail(errno, "lock the log", path);
}

}  // namespace

Status OpenFrameLog::Sync() {
  if (fdatasync(file_.get()) != 0) return OsFail(errno, "sync the log", path_);
  return {};
}

Result<FrameHeader> FrameHeaderOf(std::string_view payload, const std::string& path) {
  if (payload.empty() || payload.size() > FrameLog::kMaxPayload) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("a frame holds 1 to {} bytes, not {}", FrameLog::kMaxPayload, payload.size()), path);
  }
  return FrameHeader{static_cast<std::uint32_t>(payload.size()), Crc32c(payload)};
}

Result<FrameLogFile> OpenFrameLogFile(const std::string& path) {
  const bool existed = Exists(path);
  KEELSON_ASSIGN_OR_RETURN(Fd file, OpenFile(path, O_RDWR | O_CREAT | O_APPEND));
  KEELSON_RETURN_IF_ERROR(LockForAppend(file.get(), path));
  if (!existed) KEELSON_RETURN_IF_ERROR(SyncFolder(ParentOf(path)));

  Window window(file.get(), path, 0);
  for (;;) {
    KEELSON_ASSIGN_OR_RETURN(const FrameState state, window.Look());
    if (state != FrameState::kWhole) break;
    window.Skip(kFrameHeaderBytes + ParseHeader(window.bytes().data()).length);
  }
  struct stat info {};
  if (fstat(file.get(), &info) != 0) return OsFail(errno, "read the size of the log", path);
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (size > window.offset()) {
    KEELSON_RETURN_IF_ERROR(window.Fill(static_cast<std::size_t>(size - window.offset())));
    if (HasWholeFrameBehind(window.bytes())) return Damaged(path, window.offset());
    if (ftruncate(file.get(), static_cast<off_t>(window.offset())) != 0) {
      return OsFail(errno, "cut the torn tail off the log", path);
    }
  }
  return FrameLogFile{std::move(file), window.offset()};
}

Result<std::unique_ptr<FrameLog>> FrameLog::OpenForAppend(const std::string& path) {
  KEELSON_ASSIGN_OR_RETURN(FrameLogFile opened, OpenFrameLogFile(path));
  return MakeWrittenFrameLog(path, std::move(opened));
}

std::unique_ptr<FrameLog> MakeWrittenFrameLog(const std::string& path, FrameLogFile opened) {
  return std::make_unique<AppendLog>(path, std::move(opened));
}

Result<FrameRead> ReadFrames(const std::string& path, std::uint64_t offset, std::size_t max_bytes) {
  FrameRead read{{}, offset};
  const auto file = OpenFile(path, O_RDONLY);
  if (!file.has_value()) {
    if (file.error().code == ErrorCode::kNotFound) return read;
    return std::unexpected(file.error());
  }
  Window window(file->get(), path, offset);
  for (std::size_t given = 0; given == 0 || given < max_bytes;) {
    KEELSON_ASSIGN_OR_RETURN(FrameState state, window.Look());
    if (state == FrameState::kDamaged && read.frames.empty()) {
      // A mapped log may have been written to between the bytes that were read: what stands there now is the truth.
      window.Forget();
      KEELSON_ASSIGN_OR_RETURN(state, window.Look());
      if (state == FrameState::kDamaged) return Damaged(path, window.offset());
    }
    if (state != FrameState::kWhole) break;
    const std::size_t length = ParseHeader(window.bytes().data()).length;
    read.frames.emplace_back(window.bytes().substr(kFrameHeaderBytes, length));
    window.Skip(kFrameHeaderBytes + length);
    given += kFrameHeaderBytes + length;
  }
  read.end = window.offset();
  return read;
}

}  // namespace keelson::io
