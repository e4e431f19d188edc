// Any text as jobs in rows: refused with its line, or what is written of it reads back the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "simulation/job_rows.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace keelson::simulation;
  const auto load = ReadJobRows({reinterpret_cast<const char*>(data), size}, "t.csv", {.jobs = 1'000});
  if (!load) {
    if (load.error().code != keelson::ErrorCode::kInvalidArgument || !load.error().where.starts_with("t.csv:"))
      std::abort();
    return 0;
  }
  const auto written = WriteJobRows(*load);
  const auto again = ReadJobRows(written, "again.csv");
  // Two ids may become one when they are written: only then it does not read.
  if (again && WriteJobRows(*again) != written) std::abort();
  return 0;
}
