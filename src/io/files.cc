#include "io/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "base/random.h"
#include "io/os.h"

namespace keelson::io {
namespace {

constexpr std::string_view kUnfinished =
    ".keelson-unfinished-";  // WriteFileAtomically's own names, which die with a kill

bool IsUnfinished(std::string_view name) {
  return name.starts_with(kUnfinished);
}

Status SyncFd(int fd, const std::string& path) {
  if (fsync(fd) != 0) return OsFail(errno, "sync the file", path);
  return {};
}

}  // namespace

Result<std::string> ReadFile(const std::string& path, std::size_t at_most) {
  KEELSON_ASSIGN_OR_RETURN(const Fd file, OpenFile(path, O_RDONLY));
  struct stat info {};
  if (fstat(file.get(), &info) != 0) return OsFail(errno, "read the file", path);
  if (S_ISDIR(info.st_mode)) return OsFail(EISDIR, "read the file", path);
  std::string content;
  std::size_t step = std::min(at_most, static_cast<std::size_t>(info.st_size)) + 1;  // one more: to see the end
  for (;;) {
    const std::size_t had = content.size();
    content.resize(had + step);
    const ssize_t got = read(file.get(), content.data() + had, step);
    const int error_number = errno;
    content.resize(had + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got == 0) return content;
    if (got < 0 && error_number != EINTR) return OsFail(error_number, "read the file", path);
    if (content.size() > at_most) {
      return Fail(ErrorCode::kResourceExhausted, fmt::format("the file is larger than the {} bytes allowed", at_most),
                  path);
    }
    step = std::clamp<std::size_t>(content.size(), 4096, std::size_t{1} << 20);
  }
}

Status WriteFileAtomically(const std::string& path, std::string_view content) {
  const std::string folder = ParentOf(path);
  const std::string beside = fmt::format("{}/{}{}", folder, kUnfinished, RandomId());
  const auto write = [&]() -> Status {
    KEELSON_ASSIGN_OR_RETURN(const Fd file, OpenFile(beside, O_WRONLY | O_CREAT | O_EXCL));
    KEELSON_RETURN_IF_ERROR(WriteAll(file.get(), content, path));
    KEELSON_RETURN_IF_ERROR(SyncFd(file.get(), path));
    if (rename(beside.c_str(), path.c_str()) != 0) return OsFail(errno, "replace the file", path);
    return {};
  };
  if (path.find('\0') != std::string::npos)
    return Fail(ErrorCode::kInvalidArgument, "a path must not contain a NUL byte");
  if (Status written = write(); !written.has_value()) {
    unlink(beside.c_str());
    written.error().where = path;
    return written;
  }
  return SyncFolder(folder);
}

Status MakeFolders(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) == 0) {
    if (S_ISDIR(info.st_mode)) return {};
    return OsFail(EEXIST, "make the folder", path);
  }
  if (errno != ENOENT) return OsFail(errno == ENOTDIR ? EEXIST : errno, "make the folder", path);
  const std::string parent = ParentOf(path);
  KEELSON_RETURN_IF_ERROR(MakeFolders(parent));
  if (mkdir(path.c_str(), 0777) != 0 && errno != EEXIST) return OsFail(errno, "make the folder", path);
  return SyncFolder(parent);
}

Status RemoveTree(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (error && error.value() != ENOENT && error.value() != ENOTDIR) return OsFail(error.value(), "remove", path);
  return {};
}

Status Rename(const std::string& from, const std::string& to) {
  if (rename(from.c_str(), to.c_str()) != 0) return OsFail(errno, fmt::format("rename {} to this", from), to);
  return SyncFolder(ParentOf(to));
}

bool Exists(const std::string& path) {
  struct stat info {};
  return path.find('\0') == std::string::npos && stat(path.c_str(), &info) == 0;
}

Result<std::uint64_t> FileSize(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return OsFail(errno, "read the size", path);
  if (S_ISDIR(info.st_mode)) return OsFail(EISDIR, "read the size", path);
  return static_cast<std::uint64_t>(info.st_size);
}

Result<std::vector<std::string>> ListFolder(const std::string& path) {
  std::error_code error;
  std::vector<std::string> names;
  std::filesystem::directory_iterator entry(path, error);
  for (const std::filesystem::directory_iterator end; !error && entry != end; entry.increment(error)) {
    if (std::string name = entry->path().filename().string(); !IsUnfinished(name)) names.push_back(std::move(name));
  }
  if (error) return OsFail(error.value(), "list the folder", path);
  std::ranges::sort(names);
  return names;
}

}  // namespace keelson::io
