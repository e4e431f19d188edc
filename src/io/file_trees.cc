// What io/files.h promises of whole folders: hash, copy, sync; and the joining of names that come from outside.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>

#include "base/hash.h"
#include "base/strings.h"
#include "io/files.h"
#include "io/os.h"
#include "io/tree_hash.h"

namespace keelson::io {
namespace {

constexpr std::size_t kStep = std::size_t{1} << 20;

enum class Kind { kFile, kFolder };

Result<Kind> KindOf(const std::string& path) {
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0) return OsFail(errno, "read", path);
  if (S_ISREG(info.st_mode)) return Kind::kFile;
  if (S_ISDIR(info.st_mode)) return Kind::kFolder;
  return Fail(ErrorCode::kInvalidArgument, "only plain files and folders may be here, no links or devices", path);
}

// Calls `visit(relative path, kind)` for all below `root`, a folder before what it holds, names in sorted order.
Status Walk(const std::string& root, const std::string& relative,
            const std::function<Status(const std::string&, Kind)>& visit) {
  const std::string path = relative.empty() ? root : root + "/" + relative;
  KEELSON_ASSIGN_OR_RETURN(const Kind kind, KindOf(path));
  KEELSON_RETURN_IF_ERROR(visit(relative, kind));
  if (kind == Kind::kFile) return {};
  KEELSON_ASSIGN_OR_RETURN(const auto names, ListFolder(path));
  for (const std::string& name : names) {
    KEELSON_RETURN_IF_ERROR(Walk(root, relative.empty() ? name : relative + "/" + name, visit));
  }
  return {};
}

Status ForEachPiece(const std::string& path, const std::function<Status(std::string_view)>& use) {
  KEELSON_ASSIGN_OR_RETURN(const Fd file, OpenFile(path, O_RDONLY));
  std::string buffer(kStep, '\0');
  for (std::uint64_t offset = 0;;) {
    KEELSON_ASSIGN_OR_RETURN(const std::size_t got, ReadAt(file.get(), buffer.data(), buffer.size(), offset, path));
    if (got == 0) return {};
    KEELSON_RETURN_IF_ERROR(use(std::string_view(buffer).substr(0, got)));
    offset += got;
  }
}

Status CopyFile(const std::string& from, const std::string& to) {
  struct stat info {};
  if (stat(from.c_str(), &info) != 0) return OsFail(errno, "copy", from);
  KEELSON_ASSIGN_OR_RETURN(const Fd target, OpenFile(to, O_WRONLY | O_CREAT | O_TRUNC, info.st_mode & 0777));
  return ForEachPiece(from, [&](std::string_view piece) { return WriteAll(target.get(), piece, to); });
}

}  // namespace

Result<std::string> HashFile(const std::string& path) {
  Sha256 hash;
  KEELSON_RETURN_IF_ERROR(ForEachPiece(path, [&](std::string_view piece) -> Status {
    hash.Update(piece);
    return {};
  }));
  return hash.HexDigest();
}

Result<std::string> HashTree(const std::string& path) {
  std::vector<std::pair<std::string, std::string>> files;
  KEELSON_RETURN_IF_ERROR(Walk(path, "", [&](const std::string& relative, Kind kind) -> Status {
    if (kind == Kind::kFolder) return {};
    KEELSON_ASSIGN_OR_RETURN(std::string content, HashFile(relative.empty() ? path : path + "/" + relative));
    files.emplace_back(relative, std::move(content));
    return {};
  }));
  return HashTreeOf(std::move(files));
}

std::string HashTreeOf(std::vector<std::pair<std::string, std::string>> files) {
  // In the order of a walk: by the parts of the paths.
  std::ranges::sort(files, {}, [](const auto& file) { return Split(file.first, '/'); });
  // One line a file: its hash, then its path; a newline in a name cannot forge another line, for the length is written
  // too.
  Sha256 hash;
  for (const auto& [path, content] : files) hash.Update(fmt::format("{} {} {}\n", content, path.size(), path));
  return hash.HexDigest();
}

Status SyncTree(const std::string& path) {
  return Walk(path, "", [&](const std::string& relative, Kind kind) -> Status {
    const std::string here = relative.empty() ? path : path + "/" + relative;
    if (kind == Kind::kFolder) return SyncFolder(here);
    KEELSON_ASSIGN_OR_RETURN(const Fd file, OpenFile(here, O_RDONLY));
    if (fsync(file.get()) != 0) return OsFail(errno, "sync the file", here);
    return {};
  });
}

Status CopyTree(const std::string& from, const std::string& to) {
  KEELSON_RETURN_IF_ERROR(Walk(from, "", [&](const std::string& relative, Kind kind) -> Status {
    const std::string source = relative.empty() ? from : from + "/" + relative;
    const std::string target = relative.empty() ? to : to + "/" + relative;
    return kind == Kind::kFolder ? MakeFolders(target) : CopyFile(source, target);
  }));
  KEELSON_RETURN_IF_ERROR(SyncTree(to));
  return SyncFolder(ParentOf(to));
}

Result<std::string> SafeJoin(const std::string& root, std::string_view relative) {
  const auto refuse = [&](std::string_view why) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("not a path inside the folder: {}; expected something like \"model/MLmodel\"", why),
                std::string(relative.substr(0, 200)));
  };
  if (relative.find('\0') != std::string_view::npos) return refuse("it contains a NUL byte");
  for (const std::string_view part : Split(relative, '/')) {
    if (part.empty()) return refuse("it has an empty part, or begins or ends with '/'");
    if (part == "." || part == "..") return refuse("it has a part \".\" or \"..\"");
  }
  return root + "/" + std::string(relative);
}

}  // namespace keelson::io
