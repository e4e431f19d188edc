#include "tracking/artifacts.h"

#include <fmt/format.h>

#include <filesystem>

#include "io/files.h"
#include "tracking/hash_beside.h"

namespace keelson::tracking {
namespace fs = std::filesystem;

// The artifact's place, when neither the name nor a link on the way leads out of the folder. The folder itself may be
// reached through links: where the data directory lies is the operator's choice.
Result<std::string> LocateArtifact(const std::string& folder, std::string_view path) {
  KEELSON_ASSIGN_OR_RETURN(std::string joined, io::SafeJoin(folder, path));
  for (std::size_t end = joined.find('/', folder.size() + 1);; end = joined.find('/', end + 1)) {
    std::error_code error;
    if (fs::is_symlink(fs::symlink_status(joined.substr(0, end), error))) {
      return Fail(ErrorCode::kInvalidArgument, "an artifact must not be or lie behind a link", std::string(path));
    }
    if (end == std::string::npos) return joined;
  }
}

Status PutArtifact(const std::string& folder, std::string_view path, std::string_view content) {
  KEELSON_ASSIGN_OR_RETURN(const std::string place, LocateArtifact(folder, path));
  KEELSON_RETURN_IF_ERROR(io::MakeFolders(place.substr(0, place.rfind('/'))));
  return io::WriteFileAtomically(place, content);
}

Result<StoredArtifact> PutArtifact(const std::string& folder, std::string_view path, const ArtifactPieces& next,
                                   std::optional<std::uint64_t> size) {
  KEELSON_ASSIGN_OR_RETURN(const std::string place, LocateArtifact(folder, path));
  KEELSON_RETURN_IF_ERROR(io::MakeFolders(place.substr(0, place.rfind('/'))));
  KEELSON_ASSIGN_OR_RETURN(const auto file, io::AtomicFile::Create(place));
  StoredArtifact stored;
  HashBeside hash;
  for (;;) {
    KEELSON_ASSIGN_OR_RETURN(const std::string_view piece, next());
    if (piece.empty()) break;
    const auto hashing = hash.Begin(piece);
    KEELSON_RETURN_IF_ERROR(file->Append(piece));
    stored.size += piece.size();
  }
  if (size && stored.size != *size) {
    return Fail(ErrorCode::kAborted,
                fmt::format("{} bytes came where {} were announced; nothing was stored", stored.size, *size),
                std::string(path));
  }
  KEELSON_RETURN_IF_ERROR(file->Commit());
  stored.sha256 = hash.HexDigest();
  return stored;
}

Result<std::vector<ArtifactEntry>> ListArtifacts(const std::string& folder, std::string_view path) {
  std::string place = folder;
  if (!path.empty()) {
    KEELSON_ASSIGN_OR_RETURN(place, LocateArtifact(folder, path));
  }
  std::vector<ArtifactEntry> entries;
  auto names = io::ListFolder(place);
  if (!names.has_value()) {
    if (names.error().code == ErrorCode::kNotFound) return entries;
    return std::unexpected(names.error());
  }
  for (const std::string& name : *names) {
    ArtifactEntry entry{path.empty() ? name : std::string(path) + "/" + name, false, 0};
    std::error_code error;
    const auto status = fs::symlink_status(place + "/" + name, error);
    if (fs::is_directory(status)) {
      entry.is_folder = true;
    } else if (fs::is_regular_file(status)) {
      const auto size = io::FileSize(place + "/" + name);
      if (!size.has_value()) continue;  // taken away just now
      entry.size = *size;
    } else {
      continue;  // a link or a device is no artifact
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

Result<std::string> ReadArtifact(const std::string& folder, std::string_view path, std::size_t at_most) {
  KEELSON_ASSIGN_OR_RETURN(const std::string place, LocateArtifact(folder, path));
  return io::ReadFile(place, at_most);
}

Status DeleteArtifact(const std::string& folder, std::string_view path) {
  KEELSON_ASSIGN_OR_RETURN(const std::string place, LocateArtifact(folder, path));
  return io::RemoveTree(place);
}

}  // namespace keelson::tracking
