#include "io/http_inflate.h"

#include <fmt/core.h>
#include <zlib.h>

#include <algorithm>

namespace keelson::io {
namespace {

struct Stream {
  z_stream z{};
  bool ready = false;
  explicit Stream(int window_bits) { ready = inflateInit2(&z, window_bits) == Z_OK; }
  ~Stream() {
    if (ready) inflateEnd(&z);
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
};

Result<std::string> InflateWith(int window_bits, std::string_view bytes, std::size_t limit) {
  Stream stream(window_bits);
  if (!stream.ready) return Fail(ErrorCode::kResourceExhausted, "no memory to decompress the body");
  stream.z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));  // zlib does not write to it
  stream.z.avail_in = static_cast<uInt>(bytes.size());
  std::string out;
  int code = Z_OK;
  while (code != Z_STREAM_END) {
    const std::size_t size = out.size();
    if (size > limit) return Fail(ErrorCode::kResourceExhausted, "the body is too large when decompressed");
    out.resize(std::min(std::max<std::size_t>(4096, std::max(size * 2, bytes.size() * 3)), limit + 1));
    stream.z.next_out = reinterpret_cast<Bytef*>(out.data() + size);
    stream.z.avail_out = static_cast<uInt>(out.size() - size);
    code = inflate(&stream.z, Z_NO_FLUSH);
    out.resize(out.size() - stream.z.avail_out);
    if (code != Z_OK && code != Z_STREAM_END) break;
    if (code == Z_OK && stream.z.avail_in == 0 && stream.z.avail_out != 0) break;  // truncated
  }
  if (out.size() > limit) return Fail(ErrorCode::kResourceExhausted, "the body is too large when decompressed");
  if (code != Z_STREAM_END || stream.z.avail_in != 0) {
    return Fail(ErrorCode::kInvalidArgument, "the compressed body is corrupt or truncated");
  }
  return out;
}

}  // namespace

Result<std::string> Inflate(std::string_view encoding, std::string_view bytes, std::size_t limit) {
  if (encoding == "gzip" || encoding == "x-gzip") return InflateWith(15 + 16, bytes, limit);
  if (encoding != "deflate") {
    return Fail(ErrorCode::kUnsupported, "the content encodings understood are gzip and deflate");
  }
  // RFC 1950's header: low nibble 8, and the first two bytes a multiple of 31.
  const bool zlib_format =
      bytes.size() >= 2 && (bytes[0] & 0x0f) == 8 &&
      (static_cast<unsigned char>(bytes[0]) * 256 + static_cast<unsigned char>(bytes[1])) % 31 == 0;
  return InflateWith(zlib_format ? 15 : -15, bytes, limit);
}

}  // namespace keelson::io
