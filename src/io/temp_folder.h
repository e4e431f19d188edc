#pragma once

#include <string>

#include "base/result.h"

namespace keelson::io {

// A fresh folder of mode 0700 below TMPDIR (or /tmp), removed with all that it holds when the object goes. For work
// that leaves nothing behind, tests above all. Move-only.
class TempFolder {
 public:
  static Result<TempFolder> Make();
  TempFolder(TempFolder&& other) noexcept;
  TempFolder& operator=(TempFolder&& other) noexcept;
  ~TempFolder();

  const std::string& path() const { return path_; }
  std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  explicit TempFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;  // "" when moved from
};

}  // namespace keelson::io
