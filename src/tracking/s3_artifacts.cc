// Artifacts as objects: the key is the prefix and the path. Folders are what stands before a slash.
#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "base/hash.h"
#include "io/files.h"
#include "io/os.h"
#include "io/tree_hash.h"
#include "tracking/artifact_store.h"

namespace keelson::tracking {
namespace {

constexpr std::chrono::seconds kPartUrls{3600};  // as long as the reference's
constexpr std::size_t kKeyBytes = 1024;

// The keys are this server's: what the store says of them is no answer to our client's own.
Error AsOurs(Error error) {
  if (error.code == ErrorCode::kUnauthenticated || error.code == ErrorCode::kPermissionDenied) {
    error.code = ErrorCode::kFailedPrecondition;
  }
  return error;
}

template <typename T>
Result<T> AsOurs(Result<T> result) {
  if (result) return result;
  return std::unexpected(AsOurs(std::move(result).error()));
}

class S3Artifacts final : public ArtifactStore, public RemoteArtifacts {
 public:
  S3Artifacts(std::unique_ptr<io::S3Client> client, std::string prefix)
      : client_(std::move(client)), prefix_(std::move(prefix)) {}

  Status Put(std::string_view path, std::string_view content) override {
    KEELSON_ASSIGN_OR_RETURN(const std::string key, KeyOf(path));
    std::string_view rest = content;
    return AsOurs(client_->PutPieces(
        key, [&]() -> Result<std::string_view> { return std::exchange(rest, {}); }, content.size()));
  }

  Result<StoredArtifact> PutPieces(std::string_view path, const ArtifactPieces& next,
                                   std::optional<std::uint64_t> size) override {
    KEELSON_ASSIGN_OR_RETURN(const std::string key, KeyOf(path));
    StoredArtifact stored;
    Sha256 hash;
    std::optional<Error> of_next;  // whose words are not the store's
    const auto watched = [&]() -> Result<std::string_view> {
      auto piece = next();
      if (piece) {
        hash.Update(*piece);
        stored.size += piece->size();
      } else {
        of_next = piece.error();
      }
      return piece;
    };
    Status put = client_->PutPieces(key, watched, size);
    if (of_next) return std::unexpected(*std::move(of_next));
    if (!put) return std::unexpected(AsOurs(std::move(put).error()));
    stored.sha256 = hash.HexDigest();
    return stored;
  }

  Result<ArtifactContent> Open(std::string_view path) override {
    KEELSON_ASSIGN_OR_RETURN(std::string key, KeyOf(path));
    KEELSON_ASSIGN_OR_RETURN(std::shared_ptr<io::S3Reader> reader,
                             AsOurs(io::S3Reader::Open(*client_, std::move(key))));
    return ArtifactContent{.size = reader->size(),
                           .next = [reader]() -> Result<std::string> { return AsOurs(reader->Next()); }};
  }

  Result<std::vector<ArtifactEntry>> List(std::string_view path) override {
    KEELSON_ASSIGN_OR_RETURN(const std::string folder, FolderOf(path));
    std::vector<ArtifactEntry> entries;
    KEELSON_RETURN_IF_ERROR(AsOurs(client_->ListAll(folder, "/", [&](const io::S3Listing& page) -> Status {
      for (const auto& entry : page.entries) {
        if (entry.key.ends_with('/')) continue;  // a mark of a folder, as some tools leave them
        entries.push_back({entry.key.substr(Root().size()), false, entry.size});
      }
      for (const std::string& name : page.folders) {
        entries.push_back({name.substr(Root().size(), name.size() - Root().size() - 1), true, 0});
      }
      return {};
    })));
    std::ranges::sort(entries, {}, &ArtifactEntry::path);
    return entries;
  }

  Status Delete(std::string_view path) override {
    KEELSON_ASSIGN_OR_RETURN(const std::string key, KeyOf(path));
    KEELSON_RETURN_IF_ERROR(AsOurs(client_->Delete(key)));
    KEELSON_ASSIGN_OR_RETURN(const auto below, Below(path));
    std::vector<std::string> keys;
    for (const auto& entry : below) keys.push_back(entry.key);
    return AsOurs(client_->DeleteAll(keys));
  }

  Result<std::optional<ArtifactExtent>> Measure(std::string_view path) override {
    KEELSON_ASSIGN_OR_RETURN(const std::string key, KeyOf(path));
    std::optional<ArtifactExtent> extent;
    KEELSON_RETURN_IF_ERROR(AsOurs(client_->ListAll(key, "", [&](const io::S3Listing& page) -> Status {
      for (const auto& entry : page.entries) {
        if (entry.key.size() > key.size() && entry.key[key.size()] != '/') continue;  // only begins so
        if (!extent) extent.emplace();
        extent->bytes += entry.size;
        extent->changed = std::max(extent->changed, entry.changed);
      }
      return {};
    })));
    return extent;
  }

  Result<std::optional<std::string>> Hash(std::string_view path) override {
    KEELSON_ASSIGN_OR_RETURN(const std::string key, KeyOf(path));
    KEELSON_ASSIGN_OR_RETURN(const auto below, Below(path));
    std::vector<std::pair<std::string, std::string>> files;
    for (const auto& entry : below) {
      if (entry.key.ends_with('/')) continue;
      KEELSON_ASSIGN_OR_RETURN(std::string hash, HashOf(entry.key));
      files.emplace_back(entry.key.substr(key.size() + 1), std::move(hash));
    }
    if (files.empty()) {
      auto hash = HashOf(key);
      if (!hash && hash.error().code == ErrorCode::kNotFound) return std::nullopt;
      if (!hash) return std::unexpected(std::move(hash).error());
      files.emplace_back("", *std::move(hash));
    }
    return io::HashTreeOf(std::move(files));
  }

  RemoteArtifacts* remote() override { return this; }

  Status PutFile(std::string_view path, const std::string& file) override {
    KEELSON_ASSIGN_OR_RETURN(const std::string key, KeyOf(path));
    return AsOurs(client_->PutFile(key, file));
  }

  Status GetFile(std::string_view path, const std::string& file) override {
    KEELSON_ASSIGN_OR_RETURN(const ArtifactContent content, Open(path));
    KEELSON_ASSIGN_OR_RETURN(const io::Fd target, io::OpenFile(file, O_WRONLY | O_CREAT | O_TRUNC));
    for (;;) {
      KEELSON_ASSIGN_OR_RETURN(const std::string piece, content.next());
      if (piece.empty()) return {};
      KEELSON_RETURN_IF_ERROR(io::WriteAll(target.get(), piece, file));
    }
  }

  Result<ArtifactUpload> CreateUpload(std::string_view path, int parts) override {
    KEELSON_ASSIGN_OR_RETURN(const std::string key, KeyOf(path));
    ArtifactUpload upload;
    KEELSON_ASSIGN_OR_RETURN(upload.id, AsOurs(client_->CreateUpload(key, /*with_checksum=*/false)));
    for (int part = 1; part <= parts; ++part) {
      KEELSON_ASSIGN_OR_RETURN(
          upload.urls.emplace_back(),
          client_->Presign("PUT", key, {{"partNumber", std::to_string(part)}, {"uploadId", upload.id}}, kPartUrls));
    }
    return upload;
  }

  Status CompleteUpload(std::string_view path, const std::string& id, const std::vector<io::S3Part>& parts) override {
    KEELSON_ASSIGN_OR_RETURN(const std::string key, KeyOf(path));
    return AsOurs(client_->CompleteUpload(key, id, parts));
  }

  Status AbortUpload(std::string_view path, const std::string& id) override {
    KEELSON_ASSIGN_OR_RETURN(const std::string key, KeyOf(path));
    return AsOurs(client_->AbortUpload(key, id));
  }

  Result<std::string> DownloadUrl(std::string_view path, std::chrono::seconds expires, std::uint64_t& size) override {
    KEELSON_ASSIGN_OR_RETURN(const std::string key, KeyOf(path));
    KEELSON_ASSIGN_OR_RETURN(const auto object, AsOurs(client_->Head(key)));
    size = object.size;
    return client_->Presign("GET", key, {}, expires);
  }

 private:
  std::string Root() const { return prefix_.empty() ? "" : prefix_ + "/"; }

  Result<std::string> KeyOf(std::string_view path) const {
    KEELSON_RETURN_IF_ERROR(io::SafeJoin("", path));
    std::string key = Root() + std::string(path);
    if (key.size() > kKeyBytes) {
      return Fail(ErrorCode::kInvalidArgument, "the path is longer than the 1,024 bytes of a key",
                  std::string(path.substr(0, 200)));
    }
    return key;
  }

  Result<std::string> FolderOf(std::string_view path) const {
    if (path.empty()) return Root();
    KEELSON_ASSIGN_OR_RETURN(const std::string key, KeyOf(path));
    return key + "/";
  }

  // Every object below a folder.
  Result<std::vector<io::S3Entry>> Below(std::string_view path) {
    KEELSON_ASSIGN_OR_RETURN(const std::string folder, FolderOf(path));
    std::vector<io::S3Entry> entries;
    KEELSON_RETURN_IF_ERROR(AsOurs(client_->ListAll(folder, "", [&](const io::S3Listing& page) -> Status {
      entries.insert(entries.end(), page.entries.begin(), page.entries.end());
      return {};
    })));
    return entries;
  }

  // SHA-256 of one object: the one that the store verified when it came, or else by reading it.
  Result<std::string> HashOf(const std::string& key) {
    KEELSON_ASSIGN_OR_RETURN(const auto object, AsOurs(client_->Head(key)));
    if (!object.sha256.empty()) return object.sha256;
    KEELSON_ASSIGN_OR_RETURN(const auto reader, AsOurs(io::S3Reader::Open(*client_, key)));
    Sha256 hash;
    for (;;) {
      KEELSON_ASSIGN_OR_RETURN(const std::string piece, AsOurs(reader->Next()));
      if (piece.empty()) return hash.HexDigest();
      hash.Update(piece);
    }
  }

  const std::unique_ptr<io::S3Client> client_;
  const std::string prefix_;
};

}  // namespace

std::unique_ptr<ArtifactStore> OpenS3Artifacts(std::unique_ptr<io::S3Client> client, std::string prefix) {
  return std::make_unique<S3Artifacts>(std::move(client), std::move(prefix));
}

}  // namespace keelson::tracking
