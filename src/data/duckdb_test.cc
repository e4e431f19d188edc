#include "data/duckdb.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>

namespace keelson::data {
namespace {

std::unique_ptr<Engine> Open(Engine::Options options = {}) {
  auto engine = Engine::Open(options);
  EXPECT_TRUE(engine.has_value()) << engine.error().ToString();
  return *std::move(engine);
}

class TempFolder {
 public:
  TempFolder() {
    std::string pattern = std::filesystem::temp_directory_path() / "keelson_duckdb_XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

Table Mixed(std::size_t rows) {
  Table table({{"b", ColumnType::kBool},
               {"i", ColumnType::kInt64},
               {"d", ColumnType::kDouble},
               {"s", ColumnType::kString},
               {"t", ColumnType::kTimestamp}});
  for (std::size_t i = 0; i < rows; ++i) {
    const auto n = static_cast<std::int64_t>(i);
    if (i % 7 == 3) {
      EXPECT_TRUE(table.AppendRow({{}, {}, {}, {}, {}}).has_value());
    } else {
      EXPECT_TRUE(table
                      .AppendRow({i % 2 == 0, n - 5, static_cast<double>(n) / 3, std::string(i % 40, 'x') + "é",
                                  InstantFromMicros(1'364'788'800'000'000 + n)})
                      .has_value());
    }
  }
  return table;
}

void ExpectEqual(const Table& a, const Table& b) {
  ASSERT_EQ(a.schema(), b.schema());
  ASSERT_EQ(a.rows(), b.rows());
  for (std::size_t i = 0; i < a.columns().size(); ++i) {
    EXPECT_EQ(a.columns()[i].valid, b.columns()[i].valid) << a.columns()[i].name;
    EXPECT_EQ(a.columns()[i].ints, b.columns()[i].ints) << a.columns()[i].name;
    EXPECT_EQ(a.columns()[i].doubles, b.columns()[i].doubles) << a.columns()[i].name;
    EXPECT_EQ(a.columns()[i].strings, b.columns()[i].strings) << a.columns()[i].name;
  }
}

TEST(EngineTest, WhatIsRegisteredComesBackExactlyAndInOrder) {
  auto engine = Open();
  const Table table = Mixed(5000);  // more than two of DuckDB's vectors
  ASSERT_TRUE(engine->Register("mixed", table).has_value());
  const auto back = engine->Query("SELECT * FROM mixed");
  ASSERT_TRUE(back.has_value()) << back.error().ToString();
  ExpectEqual(table, *back);
  ASSERT_TRUE(engine->Register("mixed", Mixed(3)).has_value());
  EXPECT_EQ(engine->Query("SELECT * FROM mixed")->rows(), 3u);
}

TEST(EngineTest, EveryTypeOfDuckDbBecomesOursOrIsRefusedByName) {
  auto engine = Open();
  const auto table = engine->Query(
      "SELECT true b, 1::TINYINT t, 2::USMALLINT u, sum(3) h, 4::UBIGINT ub, 1.25::DECIMAL(9,2) d, 1.5::FLOAT f, "
      "'nan'::DOUBLE n, 'x'::ENUM('y', 'x') e, DATE '1969-12-31' AS d1, TIMESTAMP_S '2013-01-01 00:00:01' s, "
      "TIMESTAMP_NS '1969-12-31 23:59:59.999999999' ns, TIMESTAMPTZ '2013-01-01 01:00:00+01' z, NULL AS missing");
  ASSERT_TRUE(table.has_value()) << table.error().ToString();
  const std::vector<Value> expected = {true,
                                       std::int64_t{1},
                                       std::int64_t{2},
                                       std::int64_t{3},
                                       std::int64_t{4},
                                       1.25,
                                       1.5,
                                       std::monostate{},
                                       std::string("x"),
                                       *ParseInstant("1969-12-31"),
                                       *ParseInstant("2013-01-01T00:00:01Z"),
                                       InstantFromMicros(-1),
                                       *ParseInstant("2013-01-01"),
                                       std::monostate{}};
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(table->At(0, i), expected[i]) << i;

  for (const char* sql : {"SELECT [1, 2] AS odd", "SELECT INTERVAL 1 DAY AS odd", "SELECT 'a'::BLOB AS odd",
                          "SELECT 18446744073709551615::UBIGINT AS odd", "SELECT 'infinity'::TIMESTAMP AS odd",
                          "SELECT 170141183460469231731687303715884105727::HUGEINT AS odd"}) {
    const auto refused = engine->Query(sql);
    ASSERT_FALSE(refused.has_value()) << sql;
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(refused.error().message.find("\"odd\""), std::string::npos) << refused.error().message;
  }
}

TEST(EngineTest, ErrorsCarryDuckDbsMessage) {
  auto engine = Open();
  EXPECT_NE(engine->Query("SELECT nothing FROM nowhere").error().message.find("nowhere"), std::string::npos);
  EXPECT_NE(engine->Execute("SELEKT 1").error().message.find("SELEKT"), std::string::npos);
  EXPECT_EQ(engine->Execute("").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(engine->Execute(std::string_view("SELECT 1\0;", 10)).error().code, ErrorCode::kInvalidArgument);
  EXPECT_FALSE(engine->Query("SELECT 'x'::INTEGER").has_value());
  EXPECT_EQ(engine->Query("SELECT 1; SELECT 2 AS two")->At(0, 0), Value(std::int64_t{2}));
}

TEST(EngineTest, StreamGivesTheRowsInOrderAndStopsAtAnError) {
  auto engine = Open();
  std::int64_t next = 0;
  const auto schema = engine->Stream("SELECT range AS i FROM range(10000)", [&](const Table& part) -> Status {
    for (const std::int64_t value : part.columns()[0].ints) EXPECT_EQ(value, next++);
    return {};
  });
  EXPECT_EQ(next, 10000);
  EXPECT_EQ(*schema, (Schema{{"i", ColumnType::kInt64}}));
  const auto stopped =
      engine->Stream("SELECT 1", [](const Table&) -> Status { return Fail(ErrorCode::kDataLoss, "no"); });
  EXPECT_EQ(stopped.error().code, ErrorCode::kDataLoss);
}

TEST(EngineTest, TheSameRowsGiveTheSameParquetBytes) {
  const TempFolder folder;
  auto engine = Open();
  ASSERT_TRUE(engine->Register("mixed", Mixed(5000)).has_value());
  for (const char* name : {"a.parquet", "it's.parquet"}) {
    const auto written = engine->WriteParquet("SELECT * FROM mixed", folder / name);
    ASSERT_TRUE(written.has_value()) << written.error().ToString();
  }
  const auto back = engine->Query("SELECT * FROM read_parquet(" + QuoteText(folder / "it's.parquet") + ")");
  ExpectEqual(Mixed(5000), *back);
  EXPECT_EQ(std::filesystem::file_size(folder / "a.parquet"), std::filesystem::file_size(folder / "it's.parquet"));
}

TEST(EngineTest, LockedDownItReachesNoFileButItsFolders) {
  const TempFolder open;
  const TempFolder closed;
  Engine::Options options;
  options.folders = {open.path()};
  auto engine = Open(options);
  ASSERT_TRUE(engine->WriteParquet("SELECT 1", closed / "secret.parquet").has_value());
  ASSERT_TRUE(engine->LockDown().has_value());
  EXPECT_FALSE(engine->Query("SELECT * FROM read_parquet(" + QuoteText(closed / "secret.parquet") + ")").has_value());
  EXPECT_FALSE(engine->Query("SELECT * FROM " + QuoteText(closed / "secret.parquet")).has_value());
  EXPECT_FALSE(engine->WriteParquet("SELECT 1", closed / "out.parquet").has_value());
  EXPECT_FALSE(engine->Execute("SET enable_external_access = true").has_value());
  EXPECT_FALSE(engine->Execute("INSTALL httpfs").has_value());
  EXPECT_TRUE(engine->WriteParquet("SELECT 1", open / "out.parquet").has_value());
}

TEST(EngineTest, ALongQueryIsInterrupted) {
  auto engine = Open();
  std::atomic<bool> done = false;
  std::thread other([&] {
    while (!done) {
      engine->Interrupt();
      std::this_thread::yield();
    }
  });
  const auto result = engine->Query("SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b");
  done = true;
  other.join();
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::kAborted);
  EXPECT_TRUE(engine->Query("SELECT 1").has_value());
}

TEST(EngineTest, MemoryIsLimited) {
  Engine::Options options;
  options.memory_bytes = 32u << 20;
  auto engine = Open(options);
  const auto result = engine->Query("SELECT list(range::VARCHAR) IS NULL FROM range(20000000)");
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::kResourceExhausted);
}

}  // namespace
}  // namespace keelson::data
