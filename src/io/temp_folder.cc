#include "io/temp_folder.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "base/log.h"
#include "io/files.h"
#include "io/os.h"

namespace keelson::io {

Result<TempFolder> TempFolder::Make() {
  std::error_code error;
  const std::filesystem::path parent = std::filesystem::temp_directory_path(error);
  if (error) return OsFail(error.value(), "find the folder for temporary files", "TMPDIR");
  std::string path = (parent / "keelson-XXXXXX").string();
  if (mkdtemp(path.data()) == nullptr) return OsFail(errno, "make a temporary folder", path);
  return TempFolder(std::move(path));
}

TempFolder::TempFolder(TempFolder&& other) noexcept : path_(std::exchange(other.path_, "")) {}

TempFolder& TempFolder::operator=(TempFolder&& other) noexcept {
  std::swap(path_, other.path_);
  return *this;
}

TempFolder::~TempFolder() {
  if (path_.empty()) return;
  if (const Status removed = RemoveTree(path_); !removed.has_value()) {
    LogWarning("could not remove a temporary folder", {{"error", removed.error().ToString()}});
  }
}

}  // namespace keelson::io
