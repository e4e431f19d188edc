#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "io/files.h"
#include "io/os.h"

namespace keelson::io {
namespace {

struct flock WholeFile(short type) {
  struct flock range {};
  range.l_type = type;
  range.l_whence = SEEK_SET;
  return range;
}

}  // namespace

Result<FileLock> FileLock::Acquire(const std::string& path) {
  KEELSON_ASSIGN_OR_RETURN(const Fd file, OpenFile(path, O_RDWR | O_CREAT));
  struct flock range = WholeFile(F_WRLCK);
  while (fcntl(file.get(), F_OFD_SETLK, &range) != 0) {
    if (errno == EAGAIN || errno == EACCES) {
      return Fail(ErrorCode::kFailedPrecondition, "another process holds the lock", path);
    }
    if (errno != EINTR) return OsFail(errno, "lock the file", path);
  }
  // Hand the descriptor over: a duplicate shares the lock, which ends with its last descriptor.
  const int fd = fcntl(file.get(), F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return OsFail(errno, "keep the lock", path);
  return FileLock(fd);
}

bool FileLock::IsFree(const std::string& path) {
  const auto file = OpenFile(path, O_RDONLY);
  if (!file.has_value()) return file.error().code == ErrorCode::kNotFound;  // cannot look: not known to be free
  struct flock range = WholeFile(F_WRLCK);
  return fcntl(file->get(), F_OFD_GETLK, &range) == 0 && range.l_type == F_UNLCK;
}

FileLock::FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) close(fd_);
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

FileLock::~FileLock() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace keelson::io
