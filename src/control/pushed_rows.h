#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "data/table.h"

namespace keelson::control {

// What stands before the rows of a batch's frame (row_codec.h). kDataLoss for bytes that EncodeBatch did not make.
struct RowBatchHead {
  std::uint64_t sequence = 0;
  Instant clock;
};
Result<RowBatchHead> DecodeBatchHead(std::string_view frame);

// The rows of a batch's frame put behind those of a table of its columns; on an error the table is of no use any more.
Status AppendBatch(std::string_view frame, data::Table& rows);

// All rows of the batches of a row log (row_log.h) up to a sequence, in order, with the columns of `schema`: the bulk
// form of RowLog::Read, for workers. A log that is not there has none.
Result<data::Table> ReadPushedRows(const std::string& path, std::uint64_t up_to, const data::Schema& schema);

}  // namespace keelson::control
