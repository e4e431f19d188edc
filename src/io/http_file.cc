#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "io/http.h"
#include "io/os.h"

namespace keelson::io {

Result<std::shared_ptr<HttpFile>> HttpFile::Open(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return OsFail(errno, "open the file", path);
  struct stat info {};
  const int code = fstat(fd, &info) != 0 ? errno : S_ISREG(info.st_mode) ? 0 : EISDIR;
  std::shared_ptr<HttpFile> file(new HttpFile(fd, static_cast<std::uint64_t>(info.st_size)));
  if (code != 0) return OsFail(code, "read the file", path);
  return file;
}

HttpFile::~HttpFile() {
  close(fd_);
}

}  // namespace keelson::io
