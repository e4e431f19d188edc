#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace keelson::tracking {

// The files of one run, below Store::ArtifactFolder(run). Paths come from outside: they are relative ("model/MLmodel"),
// and what would leave the folder ("..", an absolute path, a link on the way) is kInvalidArgument. Safe from any
// thread.

struct ArtifactEntry {
  std::string path;  // relative to the run's folder
  bool is_folder = false;
  std::uint64_t size = 0;  // bytes of a file
  bool operator==(const ArtifactEntry&) const = default;
};

// Where the artifact lies; whether there is one is not looked at.
Result<std::string> LocateArtifact(const std::string& folder, std::string_view path);
// Replaces the artifact whole; on disk when it returns. Folders on the way are made.
Status PutArtifact(const std::string& folder, std::string_view path, std::string_view content);
struct StoredArtifact {
  std::uint64_t size = 0;
  std::string sha256;  // hex
};
using ArtifactPieces = std::function<Result<std::string_view>()>;
// The same of content that comes in pieces, up to an empty one; each is written as it comes. An error of `next` is
// given, and what was there before stays; with `size` content of another length is kAborted.
Result<StoredArtifact> PutArtifact(const std::string& folder, std::string_view path, const ArtifactPieces& next,
                                   std::optional<std::uint64_t> size = std::nullopt);
// What lies directly in `path` ("" for the run's folder itself), sorted; nothing when there is no such folder. A file
// gives nothing.
Result<std::vector<ArtifactEntry>> ListArtifacts(const std::string& folder, std::string_view path);
// kNotFound; kResourceExhausted when it is larger than `at_most`.
Result<std::string> ReadArtifact(const std::string& folder, std::string_view path,
                                 std::size_t at_most = std::size_t{1} << 30);
// Removes a file, or a folder with all it holds; no error when it is gone.
Status DeleteArtifact(const std::string& folder, std::string_view path);

}  // namespace keelson::tracking
