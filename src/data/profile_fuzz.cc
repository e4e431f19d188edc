// Any text as a stored profile: refused, or one that bins every value and is written as what reads the same.
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string_view>

#include "data/profile.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace keelson::data;
  const auto profile = Profile::FromJson({reinterpret_cast<const char*>(data), size});
  if (!profile.has_value()) return 0;
  const std::string written = profile->ToJson();
  const auto again = Profile::FromJson(written);
  if (!again.has_value() || again->ToJson() != written) std::abort();
  for (const ColumnProfile& column : profile->columns) {
    for (const Value& value :
         {Value(std::monostate{}), Value(0.5), Value(std::int64_t{-7}), Value(std::string("UA")), Value(true),
          Value(std::numeric_limits<double>::quiet_NaN()), Value(std::numeric_limits<double>::infinity())}) {
      if (column.BinOf(value) >= column.bins()) std::abort();
    }
    (void)PopulationStabilityIndex(column.counts, column.counts);
  }
  return 0;
}
