#include "tracking/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <thread>

#include "io/database_testing.h"
#include "io/files.h"
#include "io/temp_folder.h"
#include "tracking/schema.h"

namespace keelson::tracking {
namespace {

using testing::ElementsAre;
using testing::Pair;

class StoreTest : public testing::Test {
 protected:
  void SetUp() override { Open(); }
  void Open() {
    store_.reset();
    database_.reset();
    auto database = io::OpenTestDatabase(folder_.File("keelson.db"));
    ASSERT_TRUE(database.has_value());
    database_ = std::move(*database);
    auto store = Store::Open(*database_, clock_, folder_.File("artifacts"));
    ASSERT_TRUE(store.has_value()) << store.error().ToString();
    store_ = std::move(*store);
  }
  std::string ModelFolder(const std::string& name, const std::string& content) {
    const std::string folder = folder_.File(name);
    EXPECT_TRUE(io::MakeFolders(folder).has_value());
    EXPECT_TRUE(io::WriteFileAtomically(folder + "/MLmodel", content).has_value());
    return folder;
  }
  void MakeRun(const std::string& id) { ASSERT_TRUE(store_->CreateRun("0", id, id, {}).has_value()); }

  ManualClock clock_{*ParseInstant("2013-04-01T00:00:00Z")};
  io::TempFolder folder_ = *io::TempFolder::Make();
  std::unique_ptr<io::Database> database_;
  std::unique_ptr<Store> store_;
};

TEST_F(StoreTest, ExperimentsAreMadeOnce) {
  const auto first = *store_->EnsureExperiment("flights");
  clock_.Advance(std::chrono::hours(1));
  const auto again = *store_->EnsureExperiment("flights");
  EXPECT_EQ(again.id, first.id);
  EXPECT_EQ(again.created, first.created);
  EXPECT_EQ((*store_->EnsureExperiment("Default")).id, "0");
  Open();
  const auto all = *store_->ListExperiments();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].name, "Default");
  EXPECT_EQ(all[1].id, "1");
  for (const std::string& bad : {std::string(), std::string("a\nb"), std::string(251, 'a'), std::string("\xff")}) {
    EXPECT_EQ(store_->EnsureExperiment(bad).error().code, ErrorCode::kInvalidArgument);
  }
}

TEST_F(StoreTest, ARunKeepsWhatWasLogged) {
  const auto created = *store_->CreateRun("0", "r1", "first", {{"kind", "trial"}});
  EXPECT_EQ(created.status, RunStatus::kRunning);
  EXPECT_EQ(created.artifact_uri, store_->ArtifactFolder("r1"));
  const Instant now = clock_.WallNow();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<Metric> metrics = {
      {"auc", 0.7, now, 2}, {"auc", 0.6, now, 1}, {"loss", nan, now, 1}, {"loss", HUGE_VAL, now, 0}};
  for (int repeated = 0; repeated < 2; ++repeated) {
    ASSERT_TRUE(store_->LogBatch("r1", {{"eta", "0.1"}}, metrics, {{"kind", "search"}}).has_value());
  }
  clock_.Advance(std::chrono::minutes(5));
  ASSERT_TRUE(store_->EndRun("r1", RunStatus::kFinished).has_value());
  clock_.Advance(std::chrono::minutes(5));
  ASSERT_TRUE(store_->EndRun("r1", RunStatus::kFinished).has_value());
  Open();
  const auto run = *store_->GetRun("r1");
  EXPECT_EQ(run.name, "first");
  EXPECT_EQ(run.status, RunStatus::kFinished);
  EXPECT_EQ(*run.ended - run.started, std::chrono::minutes(5));
  EXPECT_THAT(run.params, ElementsAre(Pair("eta", "0.1")));
  EXPECT_THAT(run.tags, ElementsAre(Pair("kind", "search")));
  EXPECT_EQ(run.metrics.at("auc"), 0.7);
  EXPECT_TRUE(std::isnan(run.metrics.at("loss")));
  const auto history = *store_->MetricHistory("r1", "auc");
  ASSERT_EQ(history.size(), 2u);
  EXPECT_EQ(history[0].value, 0.6);
  EXPECT_EQ((*store_->MetricHistory("r1", "loss"))[0].value, HUGE_VAL);
  EXPECT_TRUE((*store_->MetricHistory("r1", "none")).empty());
}

TEST_F(StoreTest, RepeatedOrConflictingRunsAreToldApart) {
  const auto experiment = *store_->EnsureExperiment("e");
  MakeRun("r1");
  ASSERT_TRUE(store_->LogBatch("r1", {}, {}, {{"a", "1"}}).has_value());
  EXPECT_EQ(store_->CreateRun("0", "r1", "r1", {})->tags.size(), 1u);
  EXPECT_EQ(store_->CreateRun("0", "r1", "other", {}).error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(store_->CreateRun(experiment.id, "r1", "r1", {}).error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(store_->CreateRun("77", "r2", "r2", {}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store_->CreateRun("x", "r2", "r2", {}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(store_->CreateRun("0", "../r2", "r2", {}).error().code, ErrorCode::kInvalidArgument);

  ASSERT_TRUE(store_->LogBatch("r1", {{"p", "1"}}, {}, {}).has_value());
  const Status conflict =
      store_->LogBatch("r1", {{"o", "1"}, {"p", "2"}}, {{"m", 1, clock_.WallNow(), 0}}, {{"t", "1"}});
  EXPECT_EQ(conflict.error().code, ErrorCode::kAlreadyExists);
  const auto run = *store_->GetRun("r1");
  EXPECT_THAT(run.params, ElementsAre(Pair("p", "1")));  // all or nothing
  EXPECT_TRUE(run.metrics.empty());
  EXPECT_EQ(run.tags.count("t"), 0u);

  EXPECT_EQ(store_->LogBatch("none", {}, {}, {}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store_->LogBatch("r1", {{"", "1"}}, {}, {}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(store_->LogBatch("r1", {{"k", std::string(70'000, 'x')}}, {}, {}).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(store_->GetRun("none").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store_->MetricHistory("none", "k").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store_->EndRun("r1", RunStatus::kRunning).error().code, ErrorCode::kInvalidArgument);
  ASSERT_TRUE(store_->EndRun("r1", RunStatus::kKilled).has_value());
  EXPECT_EQ(store_->EndRun("r1", RunStatus::kFinished).error().code, ErrorCode::kFailedPrecondition);
}

TEST_F(StoreTest, RunsAreListedNewestFirst) {
  for (const char* id : {"a", "b", "c"}) MakeRun(id);
  const auto two = *store_->ListRuns("0", 2);
  ASSERT_EQ(two.size(), 2u);
  EXPECT_EQ(two[0].id, "c");
  EXPECT_EQ(two[1].id, "b");
  EXPECT_TRUE((*store_->ListRuns("0", -1)).empty());
  EXPECT_TRUE((*store_->ListRuns("9", 5)).empty());
}

TEST_F(StoreTest, VersionsCountWithoutHolesAndAreRegisteredOnce) {
  MakeRun("r1");
  MakeRun("r2");
  const std::string one = ModelFolder("one", "1");
  const std::string two = ModelFolder("two", "2");
  const auto first = *store_->RegisterVersion("delays", "r1", one, {{"gate", "passed"}});
  EXPECT_EQ(first.version, 1);
  EXPECT_EQ(first.content_hash, *io::HashTree(one));
  EXPECT_EQ((*store_->RegisterVersion("delays", "r1", one, {})).version, 1);
  EXPECT_EQ((*store_->RegisterVersion("delays", "r2", two, {})).version, 2);
  EXPECT_EQ((*store_->RegisterVersion("other", "", two, {})).version, 1);
  EXPECT_THAT(*store_->ListModels(), ElementsAre("delays", "other"));
  EXPECT_THAT((*store_->GetVersion("delays", 1)).tags, ElementsAre(Pair("gate", "passed")));

  EXPECT_EQ(store_->RegisterVersion("delays", "r9", one, {}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store_->RegisterVersion("delays", "r1", folder_.File("none"), {}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store_->RegisterVersion("a/b", "r1", one, {}).error().code, ErrorCode::kInvalidArgument);
  ASSERT_TRUE(io::WriteFileAtomically(one + "/MLmodel", "changed").has_value());
  EXPECT_EQ(store_->RegisterVersion("delays", "r1", one, {}).error().code, ErrorCode::kAlreadyExists);
  ASSERT_TRUE(io::RemoveTree(one).has_value());
  EXPECT_EQ((*store_->RegisterVersion("delays", "r1", one, {})).version, 1);  // a late retry
  EXPECT_EQ((*store_->ListVersions("delays")).size(), 2u);
  EXPECT_EQ(store_->GetVersion("delays", 3).error().code, ErrorCode::kNotFound);

  ASSERT_TRUE(store_->SetVersionTag("delays", 2, "auc", "0.7").has_value());
  ASSERT_TRUE(store_->SetVersionTag("delays", 2, "auc", "0.8").has_value());
  EXPECT_THAT((*store_->GetVersion("delays", 2)).tags, ElementsAre(Pair("auc", "0.8")));
  EXPECT_EQ(store_->SetVersionTag("delays", 3, "a", "b").error().code, ErrorCode::kNotFound);
}

TEST_F(StoreTest, RacingRegistrationsGiveEachRunOneVersion) {
  for (int i = 0; i < 8; ++i) MakeRun("r" + std::to_string(i / 2));
  const std::string model = ModelFolder("m", "m");
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back(
        [&, i] { EXPECT_TRUE(store_->RegisterVersion("delays", "r" + std::to_string(i / 2), model, {}).has_value()); });
  }
  for (auto& thread : threads) thread.join();
  const auto versions = *store_->ListVersions("delays");
  ASSERT_EQ(versions.size(), 4u);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(versions[static_cast<std::size_t>(i)].version, i + 1);
}

TEST_F(StoreTest, AliasesMoveAndTheirHistoryIsKept) {
  MakeRun("r1");
  MakeRun("r2");
  const std::string folder = ModelFolder("m", "m");
  ASSERT_TRUE(store_->RegisterVersion("delays", "r1", folder, {}).has_value());
  ASSERT_TRUE(store_->RegisterVersion("delays", "r2", folder, {}).has_value());
  EXPECT_FALSE((*store_->GetByAlias("delays", "champion")).has_value());
  for (int repeated = 0; repeated < 2; ++repeated) {
    ASSERT_TRUE(store_->SetAlias("delays", "champion", 1, "gate", "first").has_value());
  }
  clock_.Advance(std::chrono::hours(1));
  ASSERT_TRUE(store_->SetAlias("delays", "champion", 2, "canary", "passed").has_value());
  EXPECT_EQ((**store_->GetByAlias("delays", "champion")).version, 2);
  EXPECT_THAT((*store_->GetVersion("delays", 2)).aliases, ElementsAre("champion"));
  EXPECT_TRUE((*store_->GetVersion("delays", 1)).aliases.empty());
  EXPECT_EQ(store_->SetAlias("delays", "champion", 3, "", "").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store_->SetAlias("delays", "a b", 1, "", "").error().code, ErrorCode::kInvalidArgument);
  for (int repeated = 0; repeated < 2; ++repeated) {
    ASSERT_TRUE(store_->SetAlias("delays", "champion", std::nullopt, "ann", "wrong").has_value());
  }
  const auto history = *store_->AliasHistory("delays");
  ASSERT_EQ(history.size(), 3u);
  EXPECT_EQ(history[1].from, 1);
  EXPECT_EQ(history[1].to, 2);
  EXPECT_EQ(history[1].who, "canary");
  EXPECT_EQ(history[1].when - history[0].when, std::chrono::hours(1));
  EXPECT_EQ(history[2].to, std::nullopt);
}

TEST_F(StoreTest, DeletingTakesWhatBelongsAndNothingElse) {
  const auto experiment = *store_->EnsureExperiment("e");
  ASSERT_TRUE(store_->CreateRun(experiment.id, "r1", "", {{"a", "b"}}).has_value());
  const std::string folder = ModelFolder("m", "m");
  ASSERT_TRUE(store_->RegisterVersion("delays", "r1", folder, {{"t", "1"}}).has_value());
  ASSERT_TRUE(store_->RegisterVersion("other", "", folder, {}).has_value());
  ASSERT_TRUE(store_->SetAlias("delays", "champion", 1, "gate", "").has_value());
  const Status refused = store_->DeleteExperiment(experiment.id);
  EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(refused.error().message.find("version 1 of model delays"), std::string::npos);
  EXPECT_EQ(store_->DeleteExperiment("0").error().code, ErrorCode::kInvalidArgument);

  for (int repeated = 0; repeated < 2; ++repeated) ASSERT_TRUE(store_->DeleteModel("delays").has_value());
  EXPECT_THAT(*store_->ListModels(), ElementsAre("other"));
  EXPECT_FALSE((*store_->GetByAlias("delays", "champion")).has_value());
  EXPECT_EQ((*store_->AliasHistory("delays")).back().to, std::nullopt);
  EXPECT_TRUE(io::Exists(folder));
  for (int repeated = 0; repeated < 2; ++repeated) ASSERT_TRUE(store_->DeleteExperiment(experiment.id).has_value());
  EXPECT_EQ(store_->GetRun("r1").error().code, ErrorCode::kNotFound);
  EXPECT_NE((*store_->EnsureExperiment("e")).id, experiment.id);  // a new one, not the old one's number
  EXPECT_TRUE(database_->CheckIntegrity()->empty());
}

TEST_F(StoreTest, LineageGoesUpAndDownButNotSideways) {
  const std::vector<LineageEdge> edges = {{"snapshot:s", "table:t", "sql"},   {"table:t", "run:r1", "features"},
                                          {"table:t", "run:r2", "features"},  {"run:r1", "version:d/1", "made"},
                                          {"run:r2", "version:d/2", "made"},  {"version:d/1", "endpoint:d", "serves"},
                                          {"run:loop", "run:loop", "a cycle"}};
  for (int repeated = 0; repeated < 2; ++repeated) ASSERT_TRUE(store_->AddLineage(edges).has_value());
  std::vector<std::string> seen;
  const auto lineage = *store_->Lineage("version:d/1");
  for (const auto& edge : lineage) seen.push_back(edge.from + ">" + edge.to);
  EXPECT_THAT(seen,
              ElementsAre("run:r1>version:d/1", "snapshot:s>table:t", "table:t>run:r1", "version:d/1>endpoint:d"));
  EXPECT_EQ((*store_->Lineage("snapshot:s")).size(), 6u);
  EXPECT_EQ((*store_->Lineage("run:loop")).size(), 1u);
  EXPECT_TRUE((*store_->Lineage("run:none")).empty());
  EXPECT_EQ(store_->AddLineage({{"plain", "run:r", ""}}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(store_->AddLineage({{"run:", "run:r", ""}}).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(StoreTest, AMovedFolderOfArtifactsTakesItsVersionsAlong) {
  const std::string old_root = folder_.File("artifacts");
  const std::string outside = folder_.File("outside");
  for (const std::string& folder : {store_->ArtifactFolder("r1") + "/model", outside}) {
    ASSERT_TRUE(io::MakeFolders(folder));
    ASSERT_TRUE(io::WriteFileAtomically(folder + "/MLmodel", "flavors: {}\n"));
  }
  const auto experiment = *store_->EnsureExperiment("e");
  ASSERT_TRUE(store_->CreateRun(experiment.id, "r1", "r1", {}));
  const std::string source = store_->ArtifactFolder("r1") + "/model";
  EXPECT_EQ(store_->RegisterVersion("m", "r1", source, {})->source, source);
  EXPECT_EQ(store_->RegisterVersion("m", "r1", source, {})->version, 1) << "the same again";
  ASSERT_EQ(store_->RegisterVersion("m", "r1", outside, {})->version, 2);
  // As a database of before keeps it.
  ASSERT_TRUE(database_->Write([&](io::SqlSession& session) -> Status {
    KEELSON_RETURN_IF_ERROR(session.Execute("UPDATE version SET source = ? WHERE version = 1", {source}));
    return {};
  }));
  ASSERT_TRUE(Store::Open(*database_, clock_, old_root));

  const std::string moved = folder_.File("moved%_é");
  ASSERT_TRUE(io::Rename(old_root, moved));
  const auto store = Store::Open(*database_, clock_, moved).value();
  const auto version = *store->GetVersion("m", 1);
  EXPECT_EQ(version.source, moved + "/r1/model");
  EXPECT_EQ(*io::HashTree(version.source), version.content_hash);
  EXPECT_EQ(store->GetVersion("m", 2)->source, outside);
}

// testdata/schema_vN.sql is the dump of a database written by schema version N. It is never edited.
TEST_F(StoreTest, OpensADatabaseOfEveryReleasedSchema) {
  for (std::size_t version = 1; version <= SchemaMigrations().size(); ++version) {
    const std::string name = "schema_v" + std::to_string(version) + ".sql";
    SCOPED_TRACE(name);
    const std::string path = folder_.File(name + ".db");
    {
      auto old = std::move(*io::Database::Open(path));
      const std::string dump = *io::ReadFile(KEELSON_SOURCE_DIR "/src/tracking/testdata/" + name);
      const Status loaded = old->Migrate("dump", {{1, dump}});
      ASSERT_TRUE(loaded.has_value()) << loaded.error().ToString();
    }
    auto database = std::move(*io::Database::Open(path));
    auto opened = Store::Open(*database, clock_, folder_.File("artifacts"));
    ASSERT_TRUE(opened.has_value()) << opened.error().ToString();
    Store& store = **opened;
    const auto run = *store.GetRun("0123456789abcdef0123456789abcdef");
    EXPECT_EQ(run.status, RunStatus::kFinished);
    EXPECT_EQ(*run.ended - run.started, std::chrono::minutes(1));
    EXPECT_THAT(run.params, ElementsAre(Pair("max_depth", "6")));
    EXPECT_THAT(run.tags, ElementsAre(Pair("keelson.job", "train-1")));
    EXPECT_EQ(run.metrics.at("auc"), 0.69);
    EXPECT_TRUE(std::isnan(run.metrics.at("loss")));
    EXPECT_EQ((*store.MetricHistory(run.id, "auc")).size(), 2u);
    const auto champion = **store.GetByAlias("flight-delays", "champion");
    EXPECT_EQ(champion.version, 2);
    EXPECT_THAT(champion.tags, ElementsAre(Pair("auc", "0.69")));
    EXPECT_EQ((*store.AliasHistory("flight-delays")).size(), 2u);
    EXPECT_EQ((*store.Lineage("version:flight-delays/2")).size(), 2u);
    EXPECT_TRUE(database->CheckIntegrity()->empty());
  }
}

}  // namespace
}  // namespace keelson::tracking
