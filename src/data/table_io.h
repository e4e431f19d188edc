#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "data/table.h"

namespace keelson::data {

// A table as bytes, for handing it between our own processes when one of them may not open DuckDB (the server, trials).
// Not a format for keeping: snapshots are Parquet. Little-endian:
//   "keelsontable" u32 version, u32 columns, u64 rows,
//   a column: u8 type, u32 length and bytes of the name, `rows` validity bytes, then 8 bytes a value, or for text u32
//   lengths and then all bytes,
//   and at the end the SHA-256 of all before (32 bytes).
std::string EncodeTable(const Table& table);
// kDataLoss says what is wrong with bytes that EncodeTable did not make: truncated, changed, or of another version.
Result<Table> DecodeTable(std::string_view bytes);

// The same in a file, replaced as a whole.
Status WriteTableFile(const Table& table, const std::string& path);
Result<Table> ReadTableFile(const std::string& path);

}  // namespace keelson::data
