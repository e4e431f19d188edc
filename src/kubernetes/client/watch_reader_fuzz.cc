// What answers a watch: any bytes in any pieces are the same events as in one piece.
#include <cstdint>
#include <cstdlib>

#include "kubernetes/client/watch_reader.h"

namespace {

using keelson::kubernetes::WatchReader;

// How many events there were; -1 when it was no watch.
long Read(std::string_view text, std::size_t step) {
  WatchReader reader;
  long count = 0;
  while (!text.empty()) {
    const auto events = reader.Feed(text.substr(0, step));
    if (!events) return -1;
    count += static_cast<long>(events->size());
    text.remove_prefix(std::min(step, text.size()));
  }
  return count + (reader.End() ? 1 : 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (Read(text, size + 1) != Read(text, 7)) std::abort();
  return 0;
}
