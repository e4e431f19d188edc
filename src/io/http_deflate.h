#pragma once

#include <string>
#include <string_view>

#include "io/http.h"

namespace keelson::io {

// The encoding of ours that an Accept-Encoding header likes best: "gzip", "deflate" (zlib's format), or "" for none.
std::string_view ChooseEncoding(std::string_view accept_encoding);

// `bytes` in that encoding, quickly rather than tightly.
std::string Deflate(std::string_view encoding, std::string_view bytes);

// Compresses the body of an answer whose request had that Accept-Encoding, when it is worth it: from 4 KiB (less fits
// into few packets) to 8 MiB (more would keep an I/O thread from others), and only when it gets smaller. The lengths of
// parts that other headers tell (Inference-Header-Content-Length) are those before it.
void CompressAnswer(std::string_view accept_encoding, HttpResponse* response);

}  // namespace keelson::io
