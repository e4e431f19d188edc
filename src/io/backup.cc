#include "io/backup.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/random.h"
#include "base/strings.h"
#include "io/files.h"
#include "io/os.h"

namespace keelson::io {
namespace {

constexpr std::string_view kFirstLine = "keelson-backup 1";
constexpr std::string_view kManifest = "MANIFEST";
constexpr std::string_view kDatabase = "keelson.db";
constexpr std::size_t kHash = 64;
constexpr std::size_t kFindingsShown = 20;

bool IsLive(const std::string& name) {
  return name == "lock" || name == "run" || name.starts_with(kDatabase) || name == kManifest;
}

Status ListFiles(const std::string& root, const std::string& relative, std::vector<std::string>& files) {
  const auto names = ListFolder(relative.empty() ? root : root + "/" + relative);
  if (!names.has_value()) {
    if (names.error().code != ErrorCode::kNotFound || relative.empty()) return std::unexpected(names.error());
    files.push_back(relative);  // a file: it cannot be listed as a folder
    return {};
  }
  for (const std::string& name : *names) {
    KEELSON_RETURN_IF_ERROR(ListFiles(root, relative.empty() ? name : relative + "/" + name, files));
  }
  return {};
}

// Copies what is in a folder that is in use, but for the names that `is_left_out` says of the outermost.
Status CopyLive(const std::string& from, const std::string& to, bool (*is_left_out)(const std::string& name)) {
  KEELSON_RETURN_IF_ERROR(MakeFolders(to));
  const auto names = ListFolder(from);
  if (!names && names.error().code == ErrorCode::kNotFound) return {};
  if (!names) return std::unexpected(names.error());
  for (const std::string& name : *names) {
    if (is_left_out(name)) continue;
    const std::string source = from + "/" + name;
    const std::string target = to + "/" + name;
    std::error_code error;
    const auto kind = std::filesystem::symlink_status(source, error).type();
    if (kind == std::filesystem::file_type::directory) {
      KEELSON_RETURN_IF_ERROR(CopyLive(source, target, [](const std::string&) { return false; }));
    } else if (kind == std::filesystem::file_type::regular) {
      std::filesystem::copy_file(source, target, error);
      if (error && error != std::errc::no_such_file_or_directory) return OsFail(error.value(), "copy", source);
    }
  }
  return {};
}

// Whether `path`, which need not exist, is `folder` or lies in it.
bool LiesIn(const std::string& path, const std::string& folder) {
  std::error_code error;
  const auto inner = std::filesystem::weakly_canonical(path, error);
  const auto outer = std::filesystem::weakly_canonical(folder, error);
  return std::ranges::mismatch(outer, inner).in1 == outer.end();
}

bool IsEmptyFolder(const std::string& path) {
  const auto names = ListFolder(path);
  return names && names->empty();
}

// Fills a folder beside `target`, then gives it its name; what failed half way is taken away.
template <typename Fill>
Status MakeWhole(const std::string& target, const Fill& fill) {
  if (Exists(target)) return Fail(ErrorCode::kAlreadyExists, "it exists already; choose another name", target);
  const std::string unfinished = target + ".unfinished-" + RandomId();
  const auto make = [&]() -> Status {
    KEELSON_RETURN_IF_ERROR(MakeFolders(unfinished));
    KEELSON_RETURN_IF_ERROR(fill(unfinished));
    KEELSON_RETURN_IF_ERROR(SyncTree(unfinished));
    return Rename(unfinished, target);
  };
  const Status made = make();
  if (!made.has_value()) (void)RemoveTree(unfinished);
  return made;
}

}  // namespace

Status BackUpData(Database& database, const std::string& data_folder, const std::string& target) {
  if (LiesIn(target, data_folder)) {
    return Fail(ErrorCode::kInvalidArgument, "a backup cannot lie in the data folder; choose a place outside of it",
                target);
  }
  return MakeWhole(target, [&](const std::string& folder) -> Status {
    KEELSON_RETURN_IF_ERROR(database.BackupTo(fmt::format("{}/{}", folder, kDatabase)));
    KEELSON_RETURN_IF_ERROR(CopyLive(data_folder, folder, IsLive));
    std::vector<std::string> files;
    KEELSON_RETURN_IF_ERROR(ListFiles(folder, "", files));
    std::string manifest = std::string(kFirstLine) + "\n";
    for (const std::string& file : files) {
      KEELSON_ASSIGN_OR_RETURN(const std::string hash, HashFile(folder + "/" + file));
      manifest += hash + " " + file + "\n";
    }
    return WriteFileAtomically(fmt::format("{}/{}", folder, kManifest), manifest);
  });
}

Result<std::vector<std::string>> CheckBackup(const std::string& backup) {
  const std::string path = fmt::format("{}/{}", backup, kManifest);
  KEELSON_ASSIGN_OR_RETURN(const std::string manifest, ReadFile(path));
  const auto lines = Split(manifest, '\n');
  if (lines[0] != kFirstLine || !lines.back().empty())
    return Fail(ErrorCode::kDataLoss, "not the manifest of a backup", path);
  std::vector<std::string> wrong;
  std::set<std::string> listed = {std::string(kManifest)};
  for (std::size_t i = 1; i + 1 < lines.size(); ++i) {
    if (lines[i].size() <= kHash + 1) return Fail(ErrorCode::kDataLoss, fmt::format("line {} is damaged", i + 1), path);
    const std::string_view name = lines[i].substr(kHash + 1);
    KEELSON_ASSIGN_OR_RETURN(const std::string file, SafeJoin(backup, name));
    listed.emplace(name);
    const auto hash = HashFile(file);
    if (!hash.has_value()) {
      wrong.push_back(hash.error().ToString());
    } else if (*hash != lines[i].substr(0, kHash)) {
      wrong.push_back(fmt::format("{} is not as it was backed up", file));
    }
  }
  std::vector<std::string> files;
  KEELSON_RETURN_IF_ERROR(ListFiles(backup, "", files));
  for (const std::string& file : files) {
    if (!listed.contains(file)) wrong.push_back(fmt::format("{}/{} was not backed up", backup, file));
  }
  if (!listed.contains(std::string(kDatabase))) wrong.push_back(fmt::format("{} lists no {}", path, kDatabase));
  return wrong;
}

Status RestoreData(const std::string& backup, const std::string& data_folder) {
  KEELSON_ASSIGN_OR_RETURN(const auto wrong, CheckBackup(backup));
  if (!wrong.empty()) {
    const std::size_t shown = std::min(wrong.size(), kFindingsShown);
    return Fail(ErrorCode::kDataLoss,
                fmt::format("the backup is not sound: {}{}",
                            fmt::join(wrong.begin(), wrong.begin() + static_cast<std::ptrdiff_t>(shown), "; "),
                            wrong.size() > shown ? fmt::format("; and {} more", wrong.size() - shown) : ""),
                backup);
  }
  if (IsEmptyFolder(data_folder)) KEELSON_RETURN_IF_ERROR(RemoveTree(data_folder));
  return MakeWhole(data_folder, [&](const std::string& folder) -> Status {
    KEELSON_RETURN_IF_ERROR(CopyTree(backup, folder));
    return RemoveTree(fmt::format("{}/{}", folder, kManifest));
  });
}

}  // namespace keelson::io
