#include "data/snapshot.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "io/files.h"
#include "io/temp_folder.h"

namespace keelson::data {
namespace {

class SnapshotTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto engine = Engine::Open({});
    ASSERT_TRUE(engine.has_value()) << engine.error().ToString();
    engine_ = *std::move(engine);
    auto folder = io::TempFolder::Make();
    ASSERT_TRUE(folder.has_value());
    folder_.emplace(*std::move(folder));
  }
  Snapshot Take(const std::string& sql) {
    auto snapshot = TakeSnapshot(*engine_, sql, folder_->path(), "a test");
    EXPECT_TRUE(snapshot.has_value()) << snapshot.error().ToString();
    return *snapshot;
  }

  std::unique_ptr<Engine> engine_;
  std::optional<io::TempFolder> folder_;
};

constexpr const char* kRows = "SELECT range AS i, range / 3 AS x, 'row ' || range AS s FROM range(5000)";

TEST_F(SnapshotTest, IsNamedByItsContentAndReadsBack) {
  const Snapshot snapshot = Take(kRows);
  EXPECT_EQ(snapshot.rows, 5000u);
  EXPECT_EQ(snapshot.path, folder_->File(snapshot.hash + ".parquet"));
  const auto table = LoadSnapshot(*engine_, snapshot.path);
  ASSERT_TRUE(table.has_value()) << table.error().ToString();
  EXPECT_EQ(HashTable(*table), snapshot.hash);  // in one part or in many: the same
  EXPECT_EQ(table->schema(), snapshot.schema);
  EXPECT_TRUE(VerifySnapshot(*engine_, snapshot.path).has_value());
  const auto described = DescribeSnapshot(snapshot.path);
  EXPECT_EQ(described->schema, snapshot.schema);
  EXPECT_EQ(described->rows, 5000u);
  EXPECT_EQ(described->origin, "a test");
}

TEST_F(SnapshotTest, RepeatingWritesNothingAndLeavesNothing) {
  const Snapshot snapshot = Take(kRows);
  const auto written = std::filesystem::last_write_time(snapshot.path);
  EXPECT_EQ(Take(kRows).hash, snapshot.hash);
  EXPECT_EQ(std::filesystem::last_write_time(snapshot.path), written);
  EXPECT_EQ(io::ListFolder(folder_->path())->size(), 2u);
  // Of a crash between the two files the next taking makes good.
  std::filesystem::remove(folder_->File(snapshot.hash + ".json"));
  EXPECT_EQ(Take(kRows).hash, snapshot.hash);
  EXPECT_TRUE(VerifySnapshot(*engine_, snapshot.path).has_value());
}

TEST_F(SnapshotTest, EveryDifferenceOfContentIsAnotherHash) {
  std::set<std::string> hashes;
  const std::vector<std::string> queries = {"SELECT 1 AS a",
                                            "SELECT 2 AS a",
                                            "SELECT 1 AS b",
                                            "SELECT 1.0::DOUBLE AS a",
                                            "SELECT '1' AS a",
                                            "SELECT true AS a",
                                            "SELECT to_timestamp(0.000001) AS a",
                                            "SELECT NULL::BIGINT AS a",
                                            "SELECT 0 AS a",
                                            "SELECT 1 AS a, 1 AS b",
                                            "SELECT unnest(['ab', 'c']) AS a",
                                            "SELECT unnest(['a', 'bc']) AS a",
                                            "SELECT unnest(['bc', 'a']) AS a",
                                            "SELECT 1 AS a WHERE false",
                                            "SELECT NULL::VARCHAR AS a",
                                            "SELECT '' AS a"};
  for (const std::string& sql : queries) EXPECT_TRUE(hashes.insert(Take(sql).hash).second) << sql;
  EXPECT_TRUE(hashes.contains(Take("SELECT 1::SMALLINT AS a").hash));  // our types, not DuckDB's
}

TEST_F(SnapshotTest, DamageIsSeen) {
  const Snapshot snapshot = Take(kRows);
  const Snapshot other = Take("SELECT range AS i, range / 3 AS x, 'ROW ' || range AS s FROM range(5000)");
  std::filesystem::copy_file(other.path, snapshot.path, std::filesystem::copy_options::overwrite_existing);
  EXPECT_EQ(VerifySnapshot(*engine_, snapshot.path).error().code, ErrorCode::kDataLoss);
  std::filesystem::copy_file(Take("SELECT 1 AS a").path, snapshot.path,
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_EQ(LoadSnapshot(*engine_, snapshot.path).error().code, ErrorCode::kDataLoss);
  std::filesystem::resize_file(other.path, std::filesystem::file_size(other.path) / 2);
  EXPECT_EQ(LoadSnapshot(*engine_, other.path).error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(VerifySnapshot(*engine_, other.path).error().code, ErrorCode::kDataLoss);
  std::ofstream(folder_->File(other.hash + ".json")) << "{";
  EXPECT_EQ(DescribeSnapshot(other.path).error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(DescribeSnapshot(folder_->File("none.parquet")).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(DescribeSnapshot("x").error().code, ErrorCode::kInvalidArgument);
}

TEST_F(SnapshotTest, AFailedTakingLeavesNothing) {
  EXPECT_FALSE(TakeSnapshot(*engine_, "SELECT nothing", folder_->path(), "").has_value());
  EXPECT_FALSE(TakeSnapshot(*engine_, "SELECT [1] AS a", folder_->path(), "").has_value());
  EXPECT_TRUE(io::ListFolder(folder_->path())->empty());
  EXPECT_EQ(engine_->Query("SELECT count(*) FROM duckdb_tables()")->At(0, 0), Value(std::int64_t{0}));
}

}  // namespace
}  // namespace keelson::data
