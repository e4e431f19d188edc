#pragma once

#include <span>
#include <string_view>

namespace keelson::wire {

// One file of the bundled page, as it was when the program was built.
struct EmbeddedFile {
  std::string_view name;  // "app.js"
  std::string_view bytes;
  std::string_view hash;  // of the bytes
};

std::span<const EmbeddedFile> EmbeddedFiles();

}  // namespace keelson::wire
