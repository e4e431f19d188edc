// Any text as the record of a workload: read or refused, and what reads is written as what reads the same.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "substrate/local/workload_record.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace keelson::substrate;
  const auto record = ReadRecord(std::string(reinterpret_cast<const char*>(data), size), "fuzz");
  if (!record.has_value()) return 0;
  const std::string written = WriteRecord(*record);
  const auto again = ReadRecord(written, "fuzz");
  if (!again.has_value() || WriteRecord(*again) != written) std::abort();
  return 0;
}
