#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace keelson::io {

// Decodes a Content-Encoding: "gzip", "x-gzip" or "deflate" (zlib's format, or bare as some clients send it). The
// output never grows over `limit` (kResourceExhausted), however small the input: no bombs. kInvalidArgument when the
// bytes are corrupt, truncated or followed by others; kUnsupported for another encoding.
Result<std::string> Inflate(std::string_view encoding, std::string_view bytes, std::size_t limit);

}  // namespace keelson::io
