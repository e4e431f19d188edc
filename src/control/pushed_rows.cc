#include "control/pushed_rows.h"

#include "control/row_codec.h"
#include "control/table_columns.h"
#include "io/files.h"

namespace keelson::control {
namespace {

// Applies one frame: columns change `columns`, a batch goes behind `table`. False when the batch is beyond `up_to`.
Result<bool> TakeFrame(const std::string& frame, std::uint64_t up_to, data::Schema& columns, data::Table& table,
                       const data::Schema& schema) {
  if (IsColumnsFrame(frame)) {
    KEELSON_ASSIGN_OR_RETURN(columns, DecodeColumns(frame));
    return true;
  }
  KEELSON_ASSIGN_OR_RETURN(const RowBatchHead head, DecodeBatchHead(frame));
  if (head.sequence > up_to) return false;
  if (columns == schema) {
    KEELSON_RETURN_IF_ERROR(AppendBatch(frame, table));
  } else {
    KEELSON_ASSIGN_OR_RETURN(const RowBatch batch, DecodeBatch(frame, columns));
    KEELSON_RETURN_IF_ERROR(table.AppendTable(WithColumns(batch.rows, schema)));
  }
  return true;
}

}  // namespace

Result<data::Table> ReadPushedRows(const std::string& path, std::uint64_t up_to, const data::Schema& schema) {
  data::Table table(schema);
  data::Schema columns;
  std::uint64_t offset = 0;
  for (;;) {
    KEELSON_ASSIGN_OR_RETURN(const auto read, io::ReadFrames(path, offset));
    if (read.frames.empty()) return table;
    for (const std::string& frame : read.frames) {
      const auto taken = TakeFrame(frame, up_to, columns, table, schema);
      if (!taken) return Fail(taken.error().code, taken.error().message, path);
      if (!*taken) return table;
    }
    offset = read.end;
  }
}

}  // namespace keelson::control
