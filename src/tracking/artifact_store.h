#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "io/s3_client.h"
#include "tracking/artifacts.h"

namespace keelson::tracking {

// An artifact that is read.
struct ArtifactContent {
  std::uint64_t size = 0;
  std::string file = {};  // the file that it is, when it is one of this machine; else
  // the next piece of it, "" at the end; used by one thread at a time, while the store lives. An error of the last
  // piece says that those before it are not to be trusted.
  std::function<Result<std::string>()> next = {};
};

// A file or a folder with all that it holds.
struct ArtifactExtent {
  std::uint64_t bytes = 0;
  Instant changed{};  // of what in it was written last
  bool operator==(const ArtifactExtent&) const = default;
};

// What a client needs to send the parts of a large artifact to the store itself.
struct ArtifactUpload {
  std::string id;
  std::vector<std::string> urls;  // of the parts 1, 2, ...
};

// What an object store can beside the rest. Clients may go there themselves, past this server: the URLs are secrets
// that expire.
class RemoteArtifacts {
 public:
  virtual ~RemoteArtifacts() = default;
  // A file of this machine, to the store and from it; verified.
  virtual Status PutFile(std::string_view path, const std::string& file) = 0;
  virtual Status GetFile(std::string_view path, const std::string& file) = 0;
  virtual Result<ArtifactUpload> CreateUpload(std::string_view path, int parts) = 0;
  virtual Status CompleteUpload(std::string_view path, const std::string& id, const std::vector<io::S3Part>& parts) = 0;
  virtual Status AbortUpload(std::string_view path, const std::string& id) = 0;
  // With the artifact's size; kNotFound.
  virtual Result<std::string> DownloadUrl(std::string_view path, std::chrono::seconds expires, std::uint64_t& size) = 0;
};

// The artifacts of the whole tracking room, below one root: a folder, or a prefix in an object store. Paths come from
// outside; they are relative, and what would leave the root is kInvalidArgument. An artifact is seen whole or not at
// all, and is durable when the call that put it returns. Thread-safe; calls block.
class ArtifactStore {
 public:
  virtual ~ArtifactStore() = default;

  // Replaces the artifact.
  virtual Status Put(std::string_view path, std::string_view content) = 0;
  // The same of content that comes in pieces, each good until the next is asked for, up to an empty one; memory holds a
  // part of it at most. An error of `next` is given, and what was there before stays. With `size` content of another
  // length is kAborted.
  virtual Result<StoredArtifact> PutPieces(std::string_view path, const ArtifactPieces& next,
                                           std::optional<std::uint64_t> size) = 0;
  virtual Result<ArtifactContent> Open(std::string_view path) = 0;  // kNotFound
  // What lies directly in `path` ("" for the root), sorted; nothing when there is no such folder. A file gives nothing.
  virtual Result<std::vector<ArtifactEntry>> List(std::string_view path) = 0;
  // Removes a file, or a folder with all it holds; no error when it is gone.
  virtual Status Delete(std::string_view path) = 0;
  // Nothing when there is none; what goes away meanwhile counts nothing.
  virtual Result<std::optional<ArtifactExtent>> Measure(std::string_view path) = 0;
  // Paths of files that a kill left half written: nobody sees or finishes them. None where the store has no such.
  virtual Result<std::vector<std::string>> HalfWritten() { return std::vector<std::string>(); }
  // io::HashTree of a file or a folder, which is durable from here on; nothing when there is none.
  virtual Result<std::optional<std::string>> Hash(std::string_view path) = 0;
  virtual RemoteArtifacts* remote() { return nullptr; }  // null: clients come to this server for everything
};

// Below a folder.
std::unique_ptr<ArtifactStore> OpenFolderArtifacts(std::string root);

// Below a prefix ("" for all) in a bucket.
std::unique_ptr<ArtifactStore> OpenS3Artifacts(std::unique_ptr<io::S3Client> client, std::string prefix);

}  // namespace keelson::tracking
