#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace keelson::io {

// Owns one file descriptor and closes it. Move-only; -1 is none.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) Reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~Fd() { Reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  void Reset(int fd = -1);

 private:
  int fd_ = -1;
};

// The error of a failed system call: "cannot <action>: <the system's reason>", where = path. The one place where errno
// becomes a code; io/files.h tells the mapping.
Error OsError(int error_number, std::string_view action, const std::string& path);
inline std::unexpected<Error> OsFail(int error_number, std::string_view action, const std::string& path) {
  return std::unexpected(OsError(error_number, action, path));
}

// open(2) with O_CLOEXEC, again after a signal. A path with a NUL is kInvalidArgument.
Result<Fd> OpenFile(const std::string& path, int flags, mode_t mode = 0644);

// Writes all of it, going on after signals and short writes. On an error some of it may be written.
Status WriteAll(int fd, std::string_view bytes, const std::string& path);
// Reads up to `size` bytes at `offset`; fewer only at the end of the file.
Result<std::size_t> ReadAt(int fd, char* buffer, std::size_t size, std::uint64_t offset, const std::string& path);
Status SyncFolder(const std::string& path);
std::string ParentOf(const std::string& path);  // "." when there is none

}  // namespace keelson::io
