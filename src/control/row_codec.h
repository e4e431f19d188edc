#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "data/table.h"

namespace keelson::control {

// The frames of a row log, little-endian (base/bytes.h):
//   columns: 'C', u32 count, each: u8 type, text name
//   batch:   'B', u64 sequence, i64 clock in microseconds, u32 rows, then row by row, cell by cell: u8 1 when there is
//   a
//            value, and then 8 bytes for a number, 1 for a truth value, a text for a text
struct RowBatch {
  std::uint64_t sequence = 0;
  Instant clock;
  data::Table rows;
};

std::string EncodeColumns(const data::Schema& schema);
std::string EncodeBatch(std::uint64_t sequence, Instant clock, const data::Table& rows);
void EncodeCell(const data::Column& column, std::size_t row, std::string& out);

// Whether the frame tells columns; else it is a batch, or damaged.
bool IsColumnsFrame(std::string_view frame);
// kDataLoss for bytes that Encode... did not make.
Result<data::Schema> DecodeColumns(std::string_view frame);
Result<RowBatch> DecodeBatch(std::string_view frame, const data::Schema& schema);

}  // namespace keelson::control
