// A frame of columns, as long as the first byte says, and behind it a frame of a batch: decoded or refused, and what
// decodes is encoded to the same bytes.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "control/row_codec.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace keelson;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string_view columns = bytes.substr(0, data[0]);
  data::Schema schema = {{"id", data::ColumnType::kString},
                         {"i", data::ColumnType::kInt64},
                         {"d", data::ColumnType::kDouble},
                         {"b", data::ColumnType::kBool},
                         {"t", data::ColumnType::kTimestamp}};
  if (control::IsColumnsFrame(columns)) {
    auto decoded = control::DecodeColumns(columns);
    if (decoded.has_value()) {
      if (control::EncodeColumns(*decoded) != columns) std::abort();
      schema = *std::move(decoded);
    }
  }
  const std::string_view frame = bytes.substr(columns.size());
  const auto batch = control::DecodeBatch(frame, schema);
  if (!batch.has_value()) return 0;
  if (batch->rows.schema() != schema) std::abort();
  const std::string again = control::EncodeBatch(batch->sequence, batch->clock, batch->rows);
  const auto twice = control::DecodeBatch(again, schema);
  if (!twice.has_value() || control::EncodeBatch(twice->sequence, twice->clock, twice->rows) != again) std::abort();
  return 0;
}
