#include "io/http_deflate.h"

#include <zlib.h>

#include <cstdlib>

#include "base/strings.h"
#include "io/http_parser.h"

namespace keelson::io {
namespace {

constexpr std::size_t kSmallest = 4u << 10;
constexpr std::size_t kLargest = 8u << 20;
constexpr int kQuick = 1;

// The weight that one element of the list gives, in thousandths; less than 0 when it is malformed.
int Weight(std::string_view parameters) {
  parameters = Trim(parameters);
  if (parameters.empty()) return 1'000;
  if (!parameters.starts_with("q=") && !parameters.starts_with("Q=")) return -1;
  const auto weight = ParseDouble(parameters.substr(2));
  return weight && *weight >= 0 && *weight <= 1 ? static_cast<int>(*weight * 1'000) : -1;
}

}  // namespace

std::string_view ChooseEncoding(std::string_view accept_encoding) {
  int gzip = -1;
  int deflate = -1;
  int any = -1;
  for (const std::string_view element : Split(accept_encoding, ',')) {
    const std::size_t semicolon = std::min(element.find(';'), element.size());
    const std::string_view name = Trim(element.substr(0, semicolon));
    const int weight = Weight(element.substr(std::min(semicolon + 1, element.size())));
    if (EqualsIgnoringCase(name, "gzip") || EqualsIgnoringCase(name, "x-gzip")) gzip = weight;
    if (EqualsIgnoringCase(name, "deflate")) deflate = weight;
    if (name == "*") any = weight;
  }
  if (gzip < 0) gzip = any;
  if (gzip > 0 && gzip >= deflate) return "gzip";
  return deflate > 0 ? "deflate" : "";
}

std::string Deflate(std::string_view encoding, std::string_view bytes) {
  z_stream stream{};
  const int window = encoding == "gzip" ? 15 + 16 : 15;
  if (deflateInit2(&stream, kQuick, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) != Z_OK) std::abort();  // no memory
  std::string out(deflateBound(&stream, static_cast<uLong>(bytes.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));  // zlib does not write to it
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);  // there is room for all
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  return out;
}

void CompressAnswer(std::string_view accept_encoding, HttpResponse* response) {
  if (accept_encoding.empty() || response->body.size() < kSmallest || response->body.size() > kLargest) return;
  if (response->stream) return;
  const std::string_view encoding = ChooseEncoding(accept_encoding);
  if (encoding.empty()) return;
  std::string compressed = Deflate(encoding, response->body);
  if (compressed.size() >= response->body.size()) return;
  response->body = std::move(compressed);
  response->headers.emplace_back("content-encoding", encoding);
  response->headers.emplace_back("vary", "accept-encoding");
}

}  // namespace keelson::io
