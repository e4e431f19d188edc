#include "wire/mlflow_database/export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/database_testing.h"
#include "io/files.h"
#include "io/foreign_database.h"
#include "io/temp_folder.h"
#include "tracking/evaluation_datasets.h"
#include "tracking/runs.h"
#include "tracking/store.h"
#include "tracking/traces.h"
#include "wire/mlflow_database/import.h"
#include "wire/mlflow_database/tables.h"

namespace keelson::wire::mlflow_database {
namespace {

using testing::Contains;
using testing::HasSubstr;

// What Keelson's own projects and MLflow's clients write, exported and taken back into another data folder.
class ExportTest : public testing::Test {
 protected:
  void Fill() {
    const std::string experiment = store_->EnsureExperiment("flights")->id;
    ASSERT_TRUE(store_->CreateRun(experiment, "r1", "train", {{"k", "größe"}}).has_value());
    const double nan = std::numeric_limits<double>::quiet_NaN();
    ASSERT_TRUE(
        store_
            ->LogBatch("r1", {{"depth", "6"}},
                       {{"auc", 0.5, clock_.WallNow(), 1}, {"auc", 0.7, clock_.WallNow(), 2}, {"bad", nan, {}, 0}}, {})
            .has_value());
    ASSERT_TRUE(store_->EndRun("r1", tracking::RunStatus::kFinished).has_value());
    const std::string model = folder_.File("artifacts/r1/model");
    ASSERT_TRUE(io::MakeFolders(model).has_value());
    ASSERT_TRUE(io::WriteFileAtomically(model + "/MLmodel", "flavors: {}").has_value());
    ASSERT_TRUE(store_->RegisterVersion("clf", "r1", model, {{"gate", "passed"}}).has_value());
    ASSERT_TRUE(store_->SetAlias("clf", "champion", 1, "gate", "first").has_value());
    tracking::SpanBatch batch;
    batch.trace_id = "tr-1";
    tracking::SpanRecord& span = batch.spans.emplace_back();
    span.id = "a";
    span.name = "x";
    span.status = "OK";
    span.started_ns = 5;
    span.model.costs = {0.5, std::nullopt, 0.5};
    span.content = "{}";
    ASSERT_TRUE(tracking::Traces(*database_, clock_).LogSpans(0, {batch}).has_value());
    tracking::EvaluationDatasets datasets(*database_, clock_);
    const std::string set = datasets.Create("q", {{"t", nullptr}}, {"0"})->id;
    ASSERT_TRUE(datasets
                    .Upsert(set, *tracking::ReadEvaluationInputs(tracking::ParseOrdered(
                                     R"([{"inputs": {"q": "ü"}, "outputs": {"a": 1}}, {"outputs": null}])")))
                    .has_value());
  }
  Result<ExportReport> Run(tracking::ArtifactStore* copies = nullptr) {
    return Export(*database_, clock_,
                  {.file = folder_.File("mlflow.db"), .artifact_root = folder_.File("artifacts"), .copies = copies});
  }

  io::TempFolder folder_ = *io::TempFolder::Make();
  ManualClock clock_{*ParseInstant("2026-01-01T00:00:00.123456Z")};  // finer than MLflow's times
  std::unique_ptr<io::Database> database_ = *io::OpenTestDatabase(folder_.File("ours.db"));
  std::unique_ptr<tracking::Store> store_ = *tracking::Store::Open(*database_, clock_, folder_.File("artifacts"));
};

TEST_F(ExportTest, WhatIsWrittenComesBackTheSame) {
  Fill();
  const auto copies = tracking::OpenFolderArtifacts(folder_.File("copies"));
  const auto exported = Run(copies.get());
  ASSERT_TRUE(exported.has_value()) << exported.error().ToString();
  EXPECT_EQ(exported->artifacts.files, 1u);
  EXPECT_EQ(*io::ReadFile(folder_.File("copies/r1/model/MLmodel")), "flavors: {}");
  EXPECT_THAT(exported->left, Contains(HasSubstr("1 changes of aliases")));
  EXPECT_FALSE(io::Exists(folder_.File("mlflow.db.part")));

  const auto theirs = *io::OpenForeignDatabase("sqlite:///" + folder_.File("mlflow.db"));
  const auto source = theirs->Query("SELECT source, storage_location, current_stage FROM model_versions");
  EXPECT_EQ(io::AsText((*source)[0][0]), "mlflow-artifacts:/r1/model");
  const auto latest = theirs->Query("SELECT value, step FROM latest_metrics WHERE key = 'auc'");
  EXPECT_EQ(io::AsDouble((*latest)[0][0]), 0.7);
  const auto back = std::move(*io::Database::Open(folder_.File("back.db")));
  const auto store = std::move(*tracking::Store::Open(*back, clock_, folder_.File("back")));
  const auto artifacts = tracking::OpenFolderArtifacts(folder_.File("back"));
  const auto imported = Import(*theirs, *back, clock_, *artifacts, {.artifacts = folder_.File("copies")});
  ASSERT_TRUE(imported.has_value()) << imported.error().ToString();
  ASSERT_EQ(imported->kinds.size(), exported->kinds.size());
  for (std::size_t i = 0; i < imported->kinds.size(); ++i) {
    EXPECT_EQ(imported->kinds[i].hash, exported->kinds[i].hash) << imported->kinds[i].name;
  }
}

TEST_F(ExportTest, EveryTableHasItsWayBack) {
  for (const Table& table : Tables()) {
    EXPECT_THAT(std::string(table.take), testing::StartsWith("INSERT INTO ")) << table.name;
  }
}

TEST_F(ExportTest, IsThereWholeOrNotAtAll) {
  Fill();
  ASSERT_TRUE(io::WriteFileAtomically(folder_.File("mlflow.db.part"), "of one that was interrupted").has_value());
  ASSERT_TRUE(Run().has_value());
  EXPECT_EQ(Run().error().code, ErrorCode::kAlreadyExists);
  const Status failed = io::WriteForeignDatabase(folder_.File("other.db"), "CREATE TABLE t (x)", [](io::SqlSession&) {
    return Status(Fail(ErrorCode::kDataLoss, "no"));
  });
  EXPECT_EQ(failed.error().code, ErrorCode::kDataLoss);
  EXPECT_FALSE(io::Exists(folder_.File("other.db")));
  EXPECT_FALSE(io::Exists(folder_.File("other.db.part")));
}

}  // namespace
}  // namespace keelson::wire::mlflow_database
