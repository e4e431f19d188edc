#include "io/backup.h"

#include <fmt/format.h>

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
  return MakeWhole(target, [&](const std::string& folder) -> Status {
    KEELSON_RETURN_IF_ERROR(database.BackupTo(fmt::format("{}/{}", folder, kDatabase)));
    KEELSON_ASSIGN_OR_RETURN(const auto names, ListFolder(data_folder));
    for (const std::string& name : names) {
      if (!IsLive(name)) KEELSON_RETURN_IF_ERROR(CopyTree(data_folder + "/" + name, folder + "/" + name));
    }
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
  for (std::size_t i = 1; i + 1 < lines.size(); ++i) {
    if (lines[i].size() <= kHash + 1) return Fail(ErrorCode::kDataLoss, fmt::format("line {} is damaged", i + 1), path);
    KEELSON_ASSIGN_OR_RETURN(const std::string file, SafeJoin(backup, lines[i].substr(kHash + 1)));
    const auto hash = HashFile(file);
    if (!hash.has_value()) {
      wrong.push_back(hash.error().ToString());
    } else if (*hash != lines[i].substr(0, kHash)) {
      wrong.push_back(fmt::format("{} is not as it was backed up", file));
    }
  }
  KEELSON_ASSIGN_OR_RETURN(const auto database, CheckDatabaseFile(fmt::format("{}/{}", backup, kDatabase)));
  wrong.insert(wrong.end(), database.begin(), database.end());
  for (const char* suffix : {"-wal", "-shm"})
    KEELSON_RETURN_IF_ERROR(RemoveTree(fmt::format("{}/{}{}", backup, kDatabase, suffix)));
  return wrong;
}

Status RestoreData(const std::string& backup, const std::string& data_folder) {
  KEELSON_ASSIGN_OR_RETURN(const auto wrong, CheckBackup(backup));
  if (!wrong.empty()) {
    return Fail(ErrorCode::kDataLoss, fmt::format("the backup is not sound ({} findings): {}", wrong.size(), wrong[0]),
                backup);
  }
  return MakeWhole(data_folder, [&](const std::string& folder) -> Status {
    KEELSON_RETURN_IF_ERROR(CopyTree(backup, folder));
    return RemoveTree(fmt::format("{}/{}", folder, kManifest));
  });
}

}  // namespace keelson::io
