// libFuzzer target: any bytes are refused with a position, or parse into an expression that binds and runs without
// fault and gives the same value by row and by table. Its language by cases: src/features/testdata/expressions.txt.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "features/expression.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace keelson;
  const auto parsed = features::Expression::Parse({reinterpret_cast<const char*>(bytes), size});
  if (!parsed.has_value()) {
    if (parsed.error().where.empty()) std::abort();
    return 0;
  }
  const data::Schema schema = {{"a", data::ColumnType::kDouble}, {"b", data::ColumnType::kInt64},
                               {"s", data::ColumnType::kString}, {"t", data::ColumnType::kTimestamp},
                               {"f", data::ColumnType::kBool},   {"n", data::ColumnType::kDouble}};
  const auto bound = parsed->Bind(schema);
  if (!bound.has_value()) return 0;
  const std::vector<data::Value> row = {1.5, std::int64_t{7}, std::string("UA"), Instant{}, true, std::monostate{}};
  data::Table table(schema);
  if (!table.AppendRow(row).has_value()) std::abort();
  const auto by_row = bound->Evaluate(row);
  const auto by_table = bound->Evaluate(table);
  if (!by_row.has_value() || !by_table.has_value()) std::abort();
  if (std::holds_alternative<std::monostate>(*by_row) != by_table->is_null(0)) std::abort();
  return 0;
}
