#include "wire/mlflow_database/artifact_copy.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <vector>

#include "base/hash.h"
#include "io/files.h"

namespace keelson::wire::mlflow_database {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPiece = 1UL << 20;

Result<std::string> HashOf(const tracking::ArtifactContent& content) {
  if (!content.file.empty()) return io::HashFile(content.file);
  Sha256 hash;
  for (;;) {
    KEELSON_ASSIGN_OR_RETURN(const std::string piece, content.next());
    if (piece.empty()) return hash.HexDigest();
    hash.Update(piece);
  }
}

// Nothing when the store has no such artifact, or one of another length.
Result<std::optional<std::string>> StoredHash(tracking::ArtifactStore& store, const std::string& path,
                                              std::uint64_t size) {
  auto content = store.Open(path);
  if (!content && content.error().code == ErrorCode::kNotFound) return std::nullopt;
  if (!content) return std::unexpected(content.error());
  if (content->size != size) return std::nullopt;
  return HashOf(*content);
}

Status Put(const std::string& file, const std::string& path, tracking::ArtifactStore& store) {
  std::ifstream in(file, std::ios::binary);
  std::vector<char> piece(kPiece);
  const auto next = [&]() -> Result<std::string_view> {
    in.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    if (in.bad() || (!in && !in.eof())) return Fail(ErrorCode::kUnavailable, "the file cannot be read", file);
    return std::string_view(piece.data(), static_cast<std::size_t>(in.gcount()));
  };
  KEELSON_RETURN_IF_ERROR(store.PutPieces(path, next, std::nullopt));
  return {};
}

Status CopyFile(const std::string& file, const std::string& path, tracking::ArtifactStore& store,
                CopiedArtifacts& copied) {
  KEELSON_ASSIGN_OR_RETURN(const std::uint64_t size, io::FileSize(file));
  KEELSON_ASSIGN_OR_RETURN(const std::string hash, io::HashFile(file));
  KEELSON_ASSIGN_OR_RETURN(auto stored, StoredHash(store, path, size));
  if (stored == hash) {
    ++copied.were_there;
  } else {
    KEELSON_RETURN_IF_ERROR(Put(file, path, store));
    KEELSON_ASSIGN_OR_RETURN(stored, StoredHash(store, path, size));
    if (stored != hash) return Fail(ErrorCode::kDataLoss, "what was stored is not what was read", file);
  }
  ++copied.files;
  copied.bytes += size;
  return {};
}

}  // namespace

Status CopyArtifacts(const std::string& folder, const std::string& below, tracking::ArtifactStore& store,
                     CopiedArtifacts& copied) {
  if (!io::Exists(folder)) return {};
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const fs::file_status status = at->symlink_status(error);
    if (error) break;
    if (fs::is_symlink(status)) ++copied.links;
    if (!fs::is_regular_file(status)) continue;
    const std::string within = at->path().lexically_relative(folder).string();
    KEELSON_RETURN_IF_ERROR(
        CopyFile(at->path().string(), below.empty() ? within : fmt::format("{}/{}", below, within), store, copied));
  }
  if (error) return Fail(ErrorCode::kUnavailable, fmt::format("cannot be read: {}", error.message()), folder);
  return {};
}

}  // namespace keelson::wire::mlflow_database
