#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "data/duckdb.h"
#include "data/table.h"

namespace keelson::data {

// A table that never changes again: FOLDER/HASH.parquet with FOLDER/HASH.json beside it. The hash is of what the table
// says (its schema and its values in their order), not of the file's bytes, so equal tables have one snapshot however
// they came about.
struct Snapshot {
  std::string hash;  // 64 hexadecimal digits
  Schema schema;
  std::uint64_t rows = 0;
  std::string path;    // of the Parquet file
  std::string origin;  // what it was made from, for people: "data/flights.csv"; of the first making
};

// The hash of a table's content, fed part by part; how the rows are parted changes nothing.
class ContentHash {
 public:
  ContentHash();
  ~ContentHash();
  void Update(const Table& part);         // parts all have the same schema
  std::string Hex(const Schema& schema);  // ends the hash

 private:
  struct State;
  std::unique_ptr<State> state_;
};
std::string HashTable(const Table& table);

// Makes the snapshot of a query's result (`sql` is a SELECT). The files appear whole or not at all, the JSON last; when
// the snapshot is there already nothing is written.
Result<Snapshot> TakeSnapshot(Engine& engine, std::string_view sql, const std::string& folder,
                              const std::string& origin);

// What HASH.json says of the Parquet file at `path`; opens no DuckDB. kDataLoss when it is not ours or damaged.
Result<Snapshot> DescribeSnapshot(const std::string& path);
// The rows. kDataLoss when the file is damaged or has not the schema or the number of rows that its description says.
Result<Table> LoadSnapshot(Engine& engine, const std::string& path);
// Reads it whole and compares its content with its hash: kDataLoss when they differ.
Status VerifySnapshot(Engine& engine, const std::string& path);

}  // namespace keelson::data
