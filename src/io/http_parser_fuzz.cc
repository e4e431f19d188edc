// Feeds any bytes to both parsers, whole and in two pieces: neither may crash, and where the bytes are cut may not
// matter.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "io/http_inflate.h"
#include "io/http_parser.h"

namespace {

using keelson::io::HttpLimits;
using keelson::io::HttpRequest;
using keelson::io::HttpRequestParser;
using keelson::io::HttpResponseParser;

// All that a stream of requests says, as one text.
std::string Digest(std::string_view first, std::string_view second) {
  HttpLimits limits;
  limits.body_bytes = 4096;
  limits.header_bytes = 2048;
  HttpRequestParser parser(limits);
  std::string kept;
  std::string digest;
  for (const std::string_view piece : {first, second}) {
    kept += piece;
    while (!parser.failed()) {
      const std::size_t used = parser.Feed(kept);
      if (used > kept.size()) std::abort();
      kept.erase(0, used);
      if (!parser.done()) break;
      const std::string encoding = parser.content_encoding();
      const HttpRequest request = parser.Take();
      if (request.body.size() > limits.body_bytes) std::abort();
      if (!encoding.empty()) {
        const auto body = keelson::io::Inflate(encoding, request.body, limits.body_bytes);
        if (body.has_value() && body->size() > limits.body_bytes) std::abort();
      }
      digest += request.method + "|" + request.path + "|" + request.query + "|" + request.body + "\n";
    }
  }
  return digest + std::to_string(parser.problem().status);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::size_t cut = size == 0 ? 0 : data[0] % (size + 1);
  if (Digest(bytes, "") != Digest(bytes.substr(0, cut), bytes.substr(cut))) std::abort();

  HttpResponseParser response(4096);
  response.Expect(false);
  if (response.Feed(bytes) > size) std::abort();
  response.OnEnd();
  if (response.done() && response.Take().body.size() > 4096) std::abort();
  return 0;
}
