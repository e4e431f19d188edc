#include "io/os.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace keelson::io {
namespace {

ErrorCode CodeOf(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      return ErrorCode::kNotFound;
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorCode::kPermissionDenied;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE:
    case EAGAIN:
    case ENOMEM:
      return ErrorCode::kResourceExhausted;
    case EEXIST:
    case ENOTEMPTY:
      return ErrorCode::kAlreadyExists;
    case EISDIR:
    case ENAMETOOLONG:
    case ELOOP:
    case EINVAL:
      return ErrorCode::kInvalidArgument;
    default:
      return ErrorCode::kUnavailable;
  }
}

}  // namespace

void Fd::Reset(int fd) {
  if (fd_ >= 0) close(fd_);
  fd_ = fd;
}

Error OsError(int error_number, std::string_view action, const std::string& path) {
  return Error{CodeOf(error_number),
               fmt::format("cannot {}: {}", action, std::generic_category().message(error_number)), path};
}

Result<Fd> OpenFile(const std::string& path, int flags, mode_t mode) {
  if (path.find('\0') != std::string::npos) {
    return Fail(ErrorCode::kInvalidArgument, "a path must not contain a NUL byte", path.substr(0, path.find('\0')));
  }
  for (;;) {
    const int fd = open(path.c_str(), flags | O_CLOEXEC, mode);
    if (fd >= 0) return Fd(fd);
    if (errno != EINTR) return OsFail(errno, "open the file", path);
  }
}

Status WriteAll(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return OsFail(errno, "write the file", path);
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<std::size_t> ReadAt(int fd, char* buffer, std::size_t size, std::uint64_t offset, const std::string& path) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = pread(fd, buffer + done, size - done, static_cast<off_t>(offset + done));
    if (got < 0) {
      if (errno == EINTR) continue;
      return OsFail(errno, "read the file", path);
    }
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

Status SyncFolder(const std::string& path) {
  KEELSON_ASSIGN_OR_RETURN(const Fd folder, OpenFile(path, O_RDONLY | O_DIRECTORY));
  // Some file systems refuse to sync a folder (EINVAL): they have nothing to sync there.
  if (fsync(folder.get()) != 0 && errno != EINVAL) return OsFail(errno, "sync the folder", path);
  return {};
}

std::string ParentOf(const std::string& path) {
  std::size_t end = path.size();
  while (end > 1 && path[end - 1] == '/') --end;
  const std::size_t slash = path.rfind('/', end - 1);
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace keelson::io
