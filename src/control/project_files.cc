#include "control/project_files.h"

#include <fmt/format.h>
#include <glob.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "base/hash.h"
#include "base/strings.h"
#include "io/files.h"

namespace keelson::control {

Result<std::vector<std::string>> MatchFiles(const std::string& folder, const std::string& path) {
  const std::string pattern = path.starts_with('/') ? path : folder + "/" + path;
  glob_t matches{};
  const int status = glob(pattern.c_str(), GLOB_ERR, nullptr, &matches);
  std::vector<std::string> files;
  if (status == 0) files.assign(matches.gl_pathv, matches.gl_pathv + matches.gl_pathc);
  globfree(&matches);
  if (files.empty()) {
    return Fail(ErrorCode::kNotFound, "no file matches the source's path; check `path`, relative to the project file",
                pattern);
  }
  for (const std::string& file : files) {
    if (!IsValidUtf8(file)) {
      return Fail(ErrorCode::kInvalidArgument, "the name of a source file is not UTF-8; rename it", pattern);
    }
  }
  return files;
}

Result<std::string> FileHashes::OfFile(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) {
    return Fail(ErrorCode::kNotFound, fmt::format("cannot read the source file: {}", std::strerror(errno)), path);
  }
  const auto modified = static_cast<std::int64_t>(info.st_mtim.tv_sec) * 1'000'000'000 + info.st_mtim.tv_nsec;
  Known& known = known_[path];
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (known.hash.empty() || known.size != size || known.modified_ns != modified || known.inode != info.st_ino) {
    KEELSON_ASSIGN_OR_RETURN(std::string hash, io::HashFile(path));
    known = {size, modified, info.st_ino, std::move(hash)};
  }
  return known.hash;
}

Result<std::string> FileHashes::OfSource(const std::string& folder, const std::string& path) {
  KEELSON_ASSIGN_OR_RETURN(const auto files, MatchFiles(folder, path));
  Sha256 all;
  for (const std::string& file : files) {
    KEELSON_ASSIGN_OR_RETURN(const std::string hash, OfFile(file));
    all.Update(file.substr(file.rfind('/') + 1) + "\n" + hash + "\n");
  }
  return all.HexDigest();
}

}  // namespace keelson::control
