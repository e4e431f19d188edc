// Any text as a file of prices: read or refused with words, and what was read can be laid over the built-in prices.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "project/price_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto read = keelson::project::ReadPrices({reinterpret_cast<const char*>(data), size}, "prices.yaml");
  if (!read) {
    if (read.error().message.empty()) std::abort();
    return 0;
  }
  const auto instances = read->table.instances.size();
  const auto whole = keelson::project::WithBuiltIn(*read);
  if (whole && whole->table.instances.size() < instances) std::abort();
  return 0;
}
