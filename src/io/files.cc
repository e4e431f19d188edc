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
#include "io/unfinished.h"

namespace keelson::io {
namespace {

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

namespace {

class AtomicFileOnDisk final : public AtomicFile {
 public:
  AtomicFileOnDisk(std::string path, std::string beside, Fd file)
      : path_(std::move(path)), beside_(std::move(beside)), file_(std::move(file)) {}
  ~AtomicFileOnDisk() override {
    if (!committed_) unlink(beside_.c_str());
  }

  Status Append(std::string_view bytes) override {
    KEELSON_RETURN_IF_ERROR(WriteAll(file_.get(), bytes, path_));
    size_ += bytes.size();
    if (size_ - started_ < kWriteBack) return {};
    // The disk begins now, so that Commit has little to wait for; whether it does is the kernel's business.
    sync_file_range(file_.get(), static_cast<off_t>(started_), static_cast<off_t>(size_ - started_),
                    SYNC_FILE_RANGE_WRITE);
    started_ = size_;
    return {};
  }

  Status Commit() override {
    KEELSON_RETURN_IF_ERROR(SyncFd(file_.get(), path_));
    if (rename(beside_.c_str(), path_.c_str()) != 0) return OsFail(errno, "replace the file", path_);
    committed_ = true;
    return SyncFolder(ParentOf(path_));
  }

 private:
  static constexpr std::uint64_t kWriteBack = 8u << 20;

  const std::string path_;
  const std::string beside_;
  const Fd file_;
  std::uint64_t size_ = 0;
  std::uint64_t started_ = 0;  // up to where the disk has been told to write
  bool committed_ = false;
};

}  // namespace

Result<std::unique_ptr<AtomicFile>> AtomicFile::Create(const std::string& path) {
  if (path.find('\0') != std::string::npos)
    return Fail(ErrorCode::kInvalidArgument, "a path must not contain a NUL byte");
  std::string beside = fmt::format("{}/{}{}", ParentOf(path), kUnfinished, RandomId());
  auto file = OpenFile(beside, O_WRONLY | O_CREAT | O_EXCL);
  if (!file.has_value()) return Fail(file.error().code, file.error().message, path);
  return std::make_unique<AtomicFileOnDisk>(path, std::move(beside), *std::move(file));
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
