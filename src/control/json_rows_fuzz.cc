// Any text as pushed rows: refused, or a table of the source's columns with as many rows as it says.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "control/json_rows.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace keelson;
  using data::ColumnType;
  const data::Schema schema = {{"id", ColumnType::kString},
                               {"i", ColumnType::kInt64},
                               {"d", ColumnType::kDouble},
                               {"b", ColumnType::kBool},
                               {"t", ColumnType::kTimestamp}};
  constexpr std::size_t kAtMost = 100;
  const auto rows = control::ReadJsonRows({reinterpret_cast<const char*>(data), size}, schema, kAtMost);
  if (!rows.has_value()) return 0;
  if (rows->rows > kAtMost) std::abort();
  if (!rows->table.columns().empty() && rows->table.rows() != rows->rows) std::abort();
  for (const auto& column : rows->table.columns()) {
    if (column.valid.size() != rows->rows) std::abort();
  }
  return 0;
}
