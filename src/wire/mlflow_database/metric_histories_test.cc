#include "wire/mlflow_database/metric_histories.h"

#include <gtest/gtest.h>

#include "io/database_testing.h"
#include "io/files.h"
#include "io/foreign_database.h"
#include "io/temp_folder.h"
#include "tracking/runs.h"
#include "tracking/store.h"
#include "wire/mlflow_database/version_hashes.h"

namespace keelson::wire::mlflow_database {
namespace {

// Our tables with two runs, and MLflow's table of metrics.
class MetricHistoriesTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* run : {"r1", "r2"}) ASSERT_TRUE(store_->CreateRun("0", run, run, {}).has_value());
    ASSERT_TRUE(Run(*theirs_,
                    "CREATE TABLE metrics (key TEXT, value REAL, timestamp INTEGER, step INTEGER, is_nan "
                    "BOOLEAN, run_uuid TEXT)"));
  }
  static Status Run(io::Database& database, std::string_view sql, const std::vector<io::SqlValue>& values = {}) {
    return database.Write([&](io::SqlSession& session) -> Status {
      KEELSON_RETURN_IF_ERROR(session.Execute(sql, values));
      return {};
    });
  }
  void Log(const std::string& run, const std::string& key, double value, std::int64_t ms, std::int64_t step,
           bool is_nan = false) {
    ASSERT_TRUE(Run(*theirs_, "INSERT INTO metrics VALUES (?, ?, ?, ?, ?, ?)",
                    {key, value, ms, step, std::int64_t{is_nan}, run}));
  }
  auto Foreign() { return *io::OpenForeignDatabase("sqlite:///" + folder_.File("theirs.db")); }
  void ExpectTheSame(std::uint64_t rows) {
    const auto theirs = SumOfTheirs(*Foreign());
    const auto ours = SumOfOurs(*database_, clock_);
    ASSERT_TRUE(theirs.has_value());
    ASSERT_TRUE(ours.has_value());
    EXPECT_EQ(theirs->Hex(), ours->Hex());
    EXPECT_EQ(ours->rows(), rows);
  }

  io::TempFolder folder_ = *io::TempFolder::Make();
  ManualClock clock_{*ParseInstant("2026-01-01T00:00:00Z")};
  std::unique_ptr<io::Database> theirs_ = *io::Database::Open(folder_.File("theirs.db"));
  std::unique_ptr<io::Database> database_ = *io::OpenTestDatabase(folder_.File("ours.db"));
  std::unique_ptr<tracking::Store> store_ = *tracking::Store::Open(*database_, clock_, folder_.File("artifacts"));
};

TEST_F(MetricHistoriesTest, ComeOverWholeAndOnce) {
  for (int i = 0; i < 2500; ++i) Log("r1", "loss", 1.0 / (i + 1), 1000 + i / 2, i % 7);
  Log("r1", "bad", 0, 5, 1, /*is_nan=*/true);
  Log("r2", "loss", -0.0, 5, -3);
  Log("r2", "huge", 1.7976931348623157e308, 5, 0);
  for (int again = 0; again < 2; ++again) {
    const Status put = PutHistories(*Foreign(), *database_);
    ASSERT_TRUE(put.has_value()) << put.error().message;
    ExpectTheSame(2503);
  }
  tracking::Runs runs(*database_, clock_);
  EXPECT_EQ(runs.Get("r1")->metrics.size(), 2u);
  Log("r2", "loss", 0.5, 5, -3);
  EXPECT_FALSE(*SumOfTheirs(*Foreign()) == *SumOfOurs(*database_, clock_));
}

TEST_F(MetricHistoriesTest, OfARunThatIsNotThereAreAnError) {
  Log("nobody", "loss", 1, 1, 1);
  const Status put = PutHistories(*Foreign(), *database_);
  ASSERT_FALSE(put.has_value());
  EXPECT_EQ(put.error().code, ErrorCode::kNotFound);
}

TEST_F(MetricHistoriesTest, VersionsThatCameOverAreHashedWhereTheirFilesAre) {
  const auto artifacts = tracking::OpenFolderArtifacts(folder_.File("artifacts"));
  ASSERT_TRUE(artifacts->Put("0/r1/artifacts/model/MLmodel", "x").has_value());
  ASSERT_TRUE(Run(*database_, "UPDATE run SET artifact_uri = 'mlflow-artifacts:/0/r1/artifacts' WHERE id = 'r1'"));
  ASSERT_TRUE(Run(*database_, "INSERT INTO model (name, created_us) VALUES ('m', 1)"));
  std::int64_t number = 0;
  for (const std::string source : {"runs:/r1/model", "mlflow-artifacts:/0/r1/artifacts/model", "s3://bucket/model",
                                   "mlflow-artifacts:/0/r1/artifacts/none", "runs:/nobody/model"}) {
    ASSERT_TRUE(Run(*database_,
                    "INSERT INTO version (model, version, run_id, source, location, content_hash, created_us, "
                    "updated_us) VALUES ('m', ?, '', ?, ?, '', 1, 1)",
                    {++number, source, source}));
  }
  ASSERT_TRUE(HashVersions(*database_, *artifacts).has_value());
  std::vector<std::string> hashes;
  ASSERT_TRUE(database_->Read([&](io::SqlSession& session) {
    return session.ForEach("SELECT content_hash FROM version ORDER BY version", {}, [&](io::SqlRow& row) -> Status {
      hashes.push_back(io::AsText(row[0]));
      return {};
    });
  }));
  const std::string hash = *io::HashTree(folder_.File("artifacts/0/r1/artifacts/model"));
  EXPECT_EQ(hashes, (std::vector<std::string>{hash, hash, "", "", ""}));
}

}  // namespace
}  // namespace keelson::wire::mlflow_database
