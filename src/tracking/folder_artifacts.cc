#include <algorithm>
#include <filesystem>
#include <utility>

#include "io/files.h"
#include "io/unfinished.h"
#include "tracking/artifact_store.h"

namespace keelson::tracking {
namespace {

namespace fs = std::filesystem;

// Links are not followed.
ArtifactExtent ExtentOf(const std::string& path) {
  ArtifactExtent extent;
  const auto look = [&](const fs::path& at) {
    std::error_code error;
    const auto written = fs::last_write_time(at, error);
    if (error) return;
    const auto since = std::chrono::file_clock::to_sys(written).time_since_epoch();
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(since).count();
    extent.changed = std::max(extent.changed, InstantFromMicros(micros));
    if (!fs::is_regular_file(fs::symlink_status(at, error))) return;
    if (const auto size = fs::file_size(at, error); !error) extent.bytes += size;
  };
  look(path);
  std::error_code error;
  for (fs::recursive_directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
    if (!at->is_symlink(error)) look(at->path());
  }
  return extent;
}

class FolderArtifacts final : public ArtifactStore {
 public:
  explicit FolderArtifacts(std::string root) : root_(std::move(root)) {}

  Status Put(std::string_view path, std::string_view content) override { return PutArtifact(root_, path, content); }

  Result<StoredArtifact> PutPieces(std::string_view path, const ArtifactPieces& next,
                                   std::optional<std::uint64_t> size) override {
    return PutArtifact(root_, path, next, size);
  }

  Result<ArtifactContent> Open(std::string_view path) override {
    ArtifactContent content;
    KEELSON_ASSIGN_OR_RETURN(content.file, LocateArtifact(root_, path));
    KEELSON_ASSIGN_OR_RETURN(content.size, io::FileSize(content.file));
    return content;
  }

  Result<std::vector<ArtifactEntry>> List(std::string_view path) override { return ListArtifacts(root_, path); }

  Status Delete(std::string_view path) override { return DeleteArtifact(root_, path); }

  Result<std::optional<ArtifactExtent>> Measure(std::string_view path) override {
    KEELSON_ASSIGN_OR_RETURN(const std::string place, LocateArtifact(root_, path));
    if (!io::Exists(place)) return std::nullopt;
    return ExtentOf(place);
  }

  Result<std::vector<std::string>> HalfWritten() override {
    std::vector<std::string> paths;
    if (!io::Exists(root_)) return paths;
    std::error_code error;
    for (fs::recursive_directory_iterator at(root_, error), end; !error && at != end; at.increment(error)) {
      if (io::IsUnfinished(at->path().filename().string())) paths.push_back(at->path().lexically_relative(root_));
    }
    if (error && error != std::errc::no_such_file_or_directory)
      return Fail(ErrorCode::kUnavailable, error.message(), root_);
    return paths;
  }

  Result<std::optional<std::string>> Hash(std::string_view path) override {
    const std::string place = root_ + "/" + std::string(path);
    if (!io::Exists(place)) return std::nullopt;
    KEELSON_RETURN_IF_ERROR(io::SyncTree(place));
    return io::HashTree(place);
  }

 private:
  const std::string root_;
};

}  // namespace

std::unique_ptr<ArtifactStore> OpenFolderArtifacts(std::string root) {
  return std::make_unique<FolderArtifacts>(std::move(root));
}

}  // namespace keelson::tracking
