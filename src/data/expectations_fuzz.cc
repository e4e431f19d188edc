#include <cstdint>
#include <string_view>

#include "data/expectations.h"

// Any bytes: an error or a suite, and a suite answers on a table without trouble.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using keelson::data::ColumnType;
  static const keelson::data::Table table = [] {
    keelson::data::Table made({{"i", ColumnType::kInt64}, {"s", ColumnType::kString}, {"t", ColumnType::kTimestamp}});
    for (std::int64_t i = 0; i < 5; ++i) {
      (void)made.AppendRow({i, std::string("text"), keelson::InstantFromMicros(i)});
      (void)made.AppendRow({{}, {}, {}});
    }
    return made;
  }();
  const auto suite = keelson::data::ExpectationSuite::Parse({reinterpret_cast<const char*>(data), size}, "fuzz");
  if (suite.has_value()) (void)suite->Validate(table).ToJson();
  return 0;
}
