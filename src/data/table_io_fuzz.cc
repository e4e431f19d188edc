#include <cstdint>
#include <string_view>

#include "base/hash.h"
#include "base/strings.h"
#include "data/table_io.h"

// The checksum is made right, so that the fuzzer reaches what lies behind it. What decodes must encode to the same
// bytes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  bytes += keelson::HexDecode(keelson::Sha256::Hex(bytes)).value();
  const auto table = keelson::data::DecodeTable(bytes);
  if (table.has_value() && !table->columns().empty() && keelson::data::EncodeTable(*table) != bytes) __builtin_trap();
  return 0;
}
