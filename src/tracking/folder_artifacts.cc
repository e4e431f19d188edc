#include <utility>

#include "io/files.h"
#include "tracking/artifact_store.h"

namespace keelson::tracking {
namespace {

class FolderArtifacts final : public ArtifactStore {
 public:
  explicit FolderArtifacts(std::string root) : root_(std::move(root)) {}

  Status Put(std::string_view path, std::string_view content) override { return PutArtifact(root_, path, content); }

  Result<ArtifactContent> Open(std::string_view path) override {
    ArtifactContent content;
    KEELSON_ASSIGN_OR_RETURN(content.file, LocateArtifact(root_, path));
    KEELSON_ASSIGN_OR_RETURN(content.size, io::FileSize(content.file));
    return content;
  }

  Result<std::vector<ArtifactEntry>> List(std::string_view path) override { return ListArtifacts(root_, path); }

  Status Delete(std::string_view path) override { return DeleteArtifact(root_, path); }

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
