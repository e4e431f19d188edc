#pragma once

#include <string_view>

namespace keelson::io {

// What begins the names of files that WriteFileAtomically and AtomicFile have not finished. Nobody finishes one that a
// kill has left; ListFolder leaves them out.
inline constexpr std::string_view kUnfinished = ".keelson-unfinished-";

inline bool IsUnfinished(std::string_view file_name) {
  return file_name.starts_with(kUnfinished);
}

}  // namespace keelson::io
