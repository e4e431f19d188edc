#include "data/table_io.h"

#include <gtest/gtest.h>

#include "base/hash.h"
#include "base/random.h"
#include "base/strings.h"
#include "data/snapshot.h"
#include "io/files.h"
#include "io/temp_folder.h"

namespace keelson::data {
namespace {

Table Sample(std::size_t rows) {
  Table table({{"b", ColumnType::kBool},
               {"i", ColumnType::kInt64},
               {"d", ColumnType::kDouble},
               {"s", ColumnType::kString},
               {"t", ColumnType::kTimestamp}});
  Random random(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    const auto n = static_cast<std::int64_t>(random.Next());
    std::vector<Value> row = {n % 2 == 0, n, random.Normal(), std::string(random.Below(20), 'x'), InstantFromMicros(n)};
    if (i % 5 == 0) row[random.Below(5)] = {};
    EXPECT_TRUE(table.AppendRow(row).has_value());
  }
  return table;
}

std::string Sealed(const std::string& body) {
  return body + *HexDecode(Sha256::Hex(body));
}

TEST(TableIoTest, WhatIsWrittenReadsBack) {
  auto folder = io::TempFolder::Make();
  ASSERT_TRUE(folder.has_value());
  for (const std::size_t rows : {0u, 1u, 1000u}) {
    const Table table = Sample(rows);
    ASSERT_TRUE(WriteTableFile(table, folder->File("t")).has_value());
    const auto back = ReadTableFile(folder->File("t"));
    ASSERT_TRUE(back.has_value()) << back.error().ToString();
    EXPECT_EQ(back->schema(), table.schema());
    EXPECT_EQ(HashTable(*back), HashTable(table));
  }
  EXPECT_EQ(ReadTableFile(folder->File("none")).error().code, ErrorCode::kNotFound);
}

TEST(TableIoTest, EveryChangedOrMissingByteIsSeen) {
  const std::string bytes = EncodeTable(Sample(3));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string changed = bytes;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_EQ(DecodeTable(changed).error().code, ErrorCode::kDataLoss) << i;
    EXPECT_FALSE(DecodeTable(bytes.substr(0, i)).has_value()) << i;
  }
}

TEST(TableIoTest, LyingCountsBehindARightChecksumAreRefused) {
  const std::string bytes = EncodeTable(Sample(3));
  const std::string body = bytes.substr(0, bytes.size() - 32);
  ASSERT_TRUE(DecodeTable(Sealed(body)).has_value());
  for (std::size_t i = 12; i < body.size(); ++i) {  // every cut and every huge byte: an error or a table, never a crash
    EXPECT_FALSE(DecodeTable(Sealed(body.substr(0, i))).has_value()) << i;
    std::string changed = body;
    changed[i] = '\xff';
    const auto table = DecodeTable(Sealed(changed));
    if (table.has_value()) {
      EXPECT_EQ(table->rows(), 3u);
    }
  }
  EXPECT_FALSE(DecodeTable(Sealed(body + "x")).has_value());
}

}  // namespace
}  // namespace keelson::data
