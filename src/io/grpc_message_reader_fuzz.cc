// Any bytes of a gRPC call, whole and in two pieces: where they are cut does not matter, and no message is over the
// limit.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "io/grpc_protocol.h"

namespace {

constexpr std::size_t kLimit = 4'096;

std::string Digest(std::string_view first, std::string_view second, const std::string& encoding) {
  keelson::io::GrpcMessageReader reader(encoding, kLimit);
  std::string digest;
  for (const std::string_view part : {first, second}) {
    const std::string bytes(part);  // gone after the turn
    reader.Feed(bytes);
    for (;;) {
      const auto next = reader.Next();
      if (!next) digest += std::string(ErrorCodeName(next.error().code)) + "!";
      if (!next || !*next) break;
      if ((*next)->size() > kLimit) std::abort();
      digest += std::string(**next) + "|";
    }
  }
  if (reader.held_bytes() > 2 * (kLimit + 5)) std::abort();
  return digest + (reader.begun() ? "..." : "");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string encoding = data[0] % 3 == 0 ? "" : data[0] % 3 == 1 ? "gzip" : "deflate";
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t cut = data[0] / 3 % (bytes.size() + 1);
  if (Digest(bytes, "", encoding) != Digest(bytes.substr(0, cut), bytes.substr(cut), encoding)) std::abort();
  (void)keelson::io::ParseGrpcTimeout(bytes);
  return 0;
}
