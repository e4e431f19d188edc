#include "tracking/garbage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <limits>

#include "io/database_testing.h"
#include "io/files.h"
#include "io/s3_testing.h"
#include "io/temp_folder.h"
#include "tracking/experiments.h"
#include "tracking/logged_models.h"
#include "tracking/registered_models.h"
#include "tracking/runs.h"

namespace keelson::tracking {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const Instant kNow = *ParseInstant("2026-06-01T00:00:00Z");

Instant DaysAgo(int days) {
  return kNow - std::chrono::days(days);
}

GarbageSnapshot::Run RunOf(const std::string& id, int ended, std::optional<int> deleted = {}, double auc = 0) {
  GarbageSnapshot::Run run;
  run.id = id;
  run.experiment = 1;
  run.folder = "1/" + id;
  run.ended = DaysAgo(ended);
  if (deleted) run.deleted = DaysAgo(*deleted);
  run.metrics = {{"auc", auc}};
  return run;
}

GarbageSnapshot::Version VersionOf(const std::string& name, const std::string& run, bool alias = false) {
  GarbageSnapshot::Version version;
  version.name = name;
  version.run_id = run;
  version.has_alias = alias;
  return version;
}

std::vector<std::string> Plan(const GarbageSnapshot& snapshot, const GarbagePolicy& policy) {
  std::vector<std::string> plan;
  for (const auto& item : PlanGarbage(snapshot, kNow, policy)) {
    plan.push_back(std::string(NameOf(item.kind)) + " " + item.id);
  }
  return plan;
}

GarbagePolicy Deleted(int days) {
  return {std::chrono::days(days), {}};
}

GarbagePolicy Expired(int days) {
  GarbagePolicy policy = Deleted(1000);
  policy.artifacts.emplace_back().age = std::chrono::days(days);
  return policy;
}

TEST(PlanGarbageTest, WhatWasDeletedLongEnoughAgo) {
  GarbageSnapshot snapshot;
  snapshot.experiments = {{0, "Default", "0", DaysAgo(90)},
                          {1, "kept", "1", DaysAgo(90)},
                          {2, "empty", "2", DaysAgo(90)},
                          {3, "fresh", "3", DaysAgo(3)},
                          {4, "there", "4", std::nullopt}};
  snapshot.runs = {RunOf("old", 99, 40), RunOf("new", 99, 5), RunOf("there", 99), RunOf("registered", 99, 40)};
  snapshot.versions = {VersionOf("m/1", "registered")};
  EXPECT_THAT(Plan(snapshot, Deleted(30)), ElementsAre("run old", "experiment 2"));
  EXPECT_THAT(Plan(snapshot, Deleted(0)), ElementsAre("run old", "run new", "experiment 2", "experiment 3"));
  snapshot.runs = {RunOf("old", 99, 40)};
  EXPECT_THAT(Plan(snapshot, Deleted(30)), ElementsAre("run old", "experiment 1", "experiment 2"));
}

TEST(PlanGarbageTest, LoggedModelsGoButNotThoseOfVersions) {
  GarbageSnapshot snapshot;
  snapshot.experiments = {{1, "e", "1", std::nullopt}};
  for (const char* id : {"a", "b", "c"})
    snapshot.models.push_back({id, 1, std::string("1/models/") + id, "", DaysAgo(50)});
  snapshot.models.push_back({"d", 1, "1/models/d", "", std::nullopt});
  snapshot.versions = {VersionOf("m/1", "")};
  snapshot.versions[0].model_id = "b";
  snapshot.versions[0].folders = {"1/models/c/artifacts/model"};
  EXPECT_THAT(Plan(snapshot, Deleted(30)), ElementsAre("logged model a"));
}

TEST(PlanGarbageTest, ArtifactsPastTheirTimeUnlessSomethingNeedsThem) {
  GarbageSnapshot snapshot;
  snapshot.experiments = {{1, "e", "1", std::nullopt}};
  snapshot.runs = {RunOf("plain", 40),    RunOf("young", 10),   RunOf("aliased", 40), RunOf("served", 40),
                   RunOf("upstream", 40), RunOf("version", 40), RunOf("source", 40)};
  snapshot.runs.push_back(RunOf("running", 40));
  snapshot.runs.back().ended.reset();
  snapshot.versions = {VersionOf("m/1", "aliased", true), VersionOf("m/2", "served"), VersionOf("m/3", "version")};
  snapshot.versions[0].folders = {"1/source/model"};
  snapshot.lineage = {{"version:m/2", "endpoint:m", "serves"}, {"run:upstream", "version:m/2", "made"}};
  EXPECT_THAT(Plan(snapshot, Expired(30)), ElementsAre("artifacts plain", "artifacts version"));
  EXPECT_THAT(Plan(snapshot, Expired(41)), IsEmpty());
}

TEST(PlanGarbageTest, RulesByExperimentStageAndBest) {
  GarbageSnapshot snapshot;
  snapshot.experiments = {{1, "e", "1", std::nullopt}};
  snapshot.runs = {RunOf("a", 40, {}, 0.5), RunOf("b", 40, {}, 0.9), RunOf("c", 40, {}, 0.7), RunOf("d", 40, {}, 0.1)};
  snapshot.versions = {VersionOf("m/1", "d")};
  snapshot.versions[0].stage = "Production";
  GarbagePolicy policy = Expired(30);
  ArtifactRule& rule = policy.artifacts[0];
  rule.keep_best = {"auc", 2, true};
  EXPECT_THAT(Plan(snapshot, policy), ElementsAre("artifacts a", "artifacts d"));
  rule.keep_stages = {"Production"};
  EXPECT_THAT(Plan(snapshot, policy), ElementsAre("artifacts a"));
  rule.keep_best->largest = false;
  EXPECT_THAT(Plan(snapshot, policy), ElementsAre("artifacts b", "artifacts c"));
  rule.experiment = "other";
  EXPECT_THAT(Plan(snapshot, policy), IsEmpty());
}

TEST(PlanGarbageTest, ALoggedModelExpiresWithItsRun) {
  GarbageSnapshot snapshot;
  snapshot.experiments = {{1, "e", "1", std::nullopt}};
  snapshot.runs = {RunOf("a", 40), RunOf("b", 4)};
  snapshot.models = {{"ma", 1, "1/models/ma", "a", std::nullopt}, {"mb", 1, "1/models/mb", "b", std::nullopt}};
  EXPECT_THAT(Plan(snapshot, Expired(30)), ElementsAre("artifacts a", "artifacts ma"));
  snapshot.versions = {VersionOf("m/1", "", true)};
  snapshot.versions[0].model_id = "ma";
  EXPECT_THAT(Plan(snapshot, Expired(30)), ElementsAre("artifacts a"));
}

TEST(PlanGarbageTest, OrphansThatNobodyHasTouched) {
  GarbageSnapshot snapshot;
  snapshot.orphans = {{"1/old", DaysAgo(40)}, {"1/new", DaysAgo(1)}};
  EXPECT_THAT(Plan(snapshot, Deleted(30)), ElementsAre("orphan 1/old"));
  snapshot.orphans = {{"1/half", kNow - std::chrono::minutes(61), true}, {"1/goes on", DaysAgo(0), true}};
  EXPECT_THAT(Plan(snapshot, Deleted(30)), ElementsAre("orphan 1/half"));
}

TEST(PlanGarbageTest, AnExperimentStaysWhileWhatAKillLeftBelowItsPlaceIsNotDue) {
  GarbageSnapshot snapshot;
  snapshot.experiments = {{1, "e", "own/place", DaysAgo(40)}};
  snapshot.orphans = {{"own/place/run", DaysAgo(3)}};
  EXPECT_THAT(Plan(snapshot, Deleted(30)), IsEmpty());
  snapshot.orphans = {{"own/placed/run", DaysAgo(3)}, {"own/place/run", DaysAgo(31)}};
  EXPECT_THAT(Plan(snapshot, Deleted(30)), ElementsAre("orphan own/place/run", "experiment 1"));
}

TEST(PlanGarbageTest, AnExperimentDoesNotTakeAwayWhatAnotherHasInItsFolder) {
  GarbageSnapshot snapshot;
  snapshot.experiments = {{1, "gone", "1", DaysAgo(40)}, {2, "there", "1", std::nullopt}};
  snapshot.runs = {RunOf("a", 1)};
  snapshot.runs[0].experiment = 2;
  snapshot.runs[0].folder = "1/a";
  EXPECT_THAT(Plan(snapshot, Deleted(30)), IsEmpty());
  snapshot.runs[0].folder = "2/a";
  EXPECT_THAT(Plan(snapshot, Deleted(30)), ElementsAre("experiment 1"));
}

TEST(PlanGarbageTest, HalfAFileIsCountedWithTheFolderThatGoes) {
  GarbageSnapshot snapshot;
  snapshot.runs = {RunOf("a", 99, 40)};
  snapshot.orphans = {{snapshot.runs[0].folder + "/artifacts/half", DaysAgo(30), true}};
  EXPECT_THAT(Plan(snapshot, Deleted(30)), ElementsAre("run a"));
}

TEST(PlanGarbageTest, WhatLiesInAFolderThatAVersionNeedsWholeStays) {
  GarbageSnapshot snapshot;
  snapshot.experiments = {{1, "e", "1", std::nullopt}};
  snapshot.runs = {RunOf("a", 40), RunOf("ab", 40), RunOf("b", 40)};
  snapshot.versions = {VersionOf("m/1", "", true)};
  snapshot.versions[0].folders = {"1/a/artifacts"};
  EXPECT_THAT(Plan(snapshot, Expired(30)), ElementsAre("artifacts ab", "artifacts b"));
  snapshot.versions[0].folders = {"1"};
  EXPECT_THAT(Plan(snapshot, Expired(30)), IsEmpty());
}

// Somebody else does something just before the extent of a folder is known.
class WatchedArtifacts : public ArtifactStore {
 public:
  explicit WatchedArtifacts(const std::unique_ptr<ArtifactStore>& artifacts) : artifacts_(artifacts) {}
  std::function<void(std::string_view folder)> before_measure = [](std::string_view) {};

  Result<std::optional<ArtifactExtent>> Measure(std::string_view path) override {
    before_measure(path);
    return artifacts_->Measure(path);
  }
  Status Put(std::string_view path, std::string_view content) override { return artifacts_->Put(path, content); }
  Result<StoredArtifact> PutPieces(std::string_view path, const ArtifactPieces& next,
                                   std::optional<std::uint64_t> size) override {
    return artifacts_->PutPieces(path, next, size);
  }
  Result<ArtifactContent> Open(std::string_view path) override { return artifacts_->Open(path); }
  Result<std::vector<ArtifactEntry>> List(std::string_view path) override { return artifacts_->List(path); }
  Status Delete(std::string_view path) override { return artifacts_->Delete(path); }
  Result<std::vector<std::string>> HalfWritten() override { return artifacts_->HalfWritten(); }
  Result<std::optional<std::string>> Hash(std::string_view path) override { return artifacts_->Hash(path); }

 private:
  const std::unique_ptr<ArtifactStore>& artifacts_;
};

class CollectGarbageTest : public testing::Test {
 protected:
  void SetUp() override {
    database_ = std::move(*io::OpenTestDatabase(folder_.File("keelson.db")));
    store_ = std::move(*Store::Open(*database_, clock_, root_));
    runs_ = std::make_unique<Runs>(*database_, clock_);
  }
  std::string MakeRun(std::int64_t experiment = 0) {
    Runs::NewRun run;
    run.experiment_id = experiment;
    run.name = "n";
    const auto made = runs_->Create(run);
    EXPECT_TRUE(made.has_value());
    Write(std::to_string(experiment) + "/" + made->id + "/artifacts/model/weights");
    return made->id;
  }
  void Write(const std::string& path) {
    const std::string place = root_ + "/" + path;
    ASSERT_TRUE(io::MakeFolders(place.substr(0, place.rfind('/'))));
    ASSERT_TRUE(io::WriteFileAtomically(place, std::string(1000, 'x')));
  }
  // In an object store from here on.
  void MoveToS3() { artifacts_ = OpenS3Artifacts(s3_.Client(), "prefix"); }
  // One that has ended, with artifacts that ExpiredRule lets go.
  std::string MakeExpiredRun() {
    const std::string run = MakeRun();
    End(run, ToMicros(clock_.WallNow()) / 1000 - 1'000'000'000);
    return run;
  }
  void End(const std::string& run, std::int64_t ended_ms) {
    Runs::Change ended;
    ended.status = RunStatus::kFinished;
    ended.ended_ms = ended_ms;
    ASSERT_TRUE(runs_->Update(run, ended));
  }
  static ArtifactRule ExpiredRule() {
    ArtifactRule rule;
    rule.age = std::chrono::days(10);
    return rule;
  }
  std::vector<std::string> Collect(int days, bool dry_run = false, std::vector<ArtifactRule> rules = {}) {
    const auto gone =
        CollectGarbage(*database_, clock_, watched_, {std::chrono::days(days), std::move(rules)}, dry_run);
    EXPECT_TRUE(gone.has_value()) << gone.error().ToString();
    std::vector<std::string> ids;
    for (const auto& item : *gone) ids.push_back(item.id);
    bytes_ = 0;
    for (const auto& item : *gone) bytes_ += item.bytes;
    return ids;
  }
  bool HasFiles(const std::string& folder) { return io::Exists(root_ + "/" + folder); }

  ManualClock clock_{*ParseInstant("2040-01-01T00:00:00Z")};  // later than every file of the test
  io::TempFolder folder_ = *io::TempFolder::Make();
  const std::string root_ = folder_.File("artifacts");
  io::testing::FakeS3 s3_;
  std::unique_ptr<ArtifactStore> artifacts_ = OpenFolderArtifacts(root_);
  WatchedArtifacts watched_{artifacts_};
  std::unique_ptr<io::Database> database_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Runs> runs_;
  std::uint64_t bytes_ = 0;
};

TEST_F(CollectGarbageTest, RemovesRowsAndFilesAndNothingElse) {
  const std::string gone = MakeRun();
  const std::string stays = MakeRun();
  ASSERT_TRUE(runs_->Delete(gone));
  EXPECT_THAT(Collect(30), IsEmpty());
  clock_.Advance(std::chrono::days(31));
  EXPECT_THAT(Collect(30, true), ElementsAre(gone));
  EXPECT_EQ(bytes_, 1000u);
  EXPECT_TRUE(runs_->Get(gone).has_value()) << "a dry run removes nothing";
  EXPECT_TRUE(HasFiles("0/" + gone));
  EXPECT_THAT(Collect(30), ElementsAre(gone));
  EXPECT_EQ(runs_->Get(gone).error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(HasFiles("0/" + gone));
  EXPECT_TRUE(runs_->Get(stays).has_value());
  EXPECT_TRUE(HasFiles("0/" + stays + "/artifacts/model/weights"));
  EXPECT_THAT(Collect(0), IsEmpty());
  EXPECT_TRUE(database_->CheckIntegrity()->empty());
}

TEST_F(CollectGarbageTest, AnExperimentGoesWithAllThatItHas) {
  Experiments experiments(*database_, clock_);
  const std::int64_t experiment = *experiments.Create("e", "", {});
  const std::string run = MakeRun(experiment);
  ASSERT_TRUE(experiments.Delete(experiment));
  EXPECT_THAT(Collect(0), ElementsAre(run, std::to_string(experiment)));
  EXPECT_EQ(experiments.Get(experiment).error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(HasFiles(std::to_string(experiment)));
  EXPECT_TRUE(experiments.Create("e", "", {}).has_value()) << "its name is free again";
}

TEST_F(CollectGarbageTest, WhatAVersionWasMadeOfStays) {
  const std::string run = MakeRun();
  ASSERT_TRUE(store_->RegisterVersion("m", run, root_ + "/0/" + run + "/artifacts/model", {}));
  ASSERT_TRUE(runs_->Delete(run));
  EXPECT_THAT(Collect(0), IsEmpty());
  EXPECT_TRUE(HasFiles("0/" + run));
  ASSERT_TRUE(store_->DeleteModel("m"));
  EXPECT_THAT(Collect(0), ElementsAre(run));
}

TEST_F(CollectGarbageTest, ExpiredArtifactsGoAndTheirRunStays) {
  const std::string run = MakeRun();
  End(run, ToMicros(clock_.WallNow()) / 1000);
  EXPECT_THAT(Collect(30, false, {ExpiredRule()}), IsEmpty());
  clock_.Advance(std::chrono::days(11));
  EXPECT_THAT(Collect(30, false, {ExpiredRule()}), ElementsAre(run));
  EXPECT_FALSE(HasFiles("0/" + run + "/artifacts"));
  EXPECT_TRUE(runs_->Get(run).has_value());
  EXPECT_THAT(Collect(30, false, {ExpiredRule()}), IsEmpty());
}

TEST_F(CollectGarbageTest, AnEndAtTheBeginningOfTimeIsLongAgo) {
  const std::string run = MakeRun();
  End(run, std::numeric_limits<std::int64_t>::min());
  EXPECT_THAT(Collect(30, false, {ExpiredRule()}), ElementsAre(run));
}

TEST_F(CollectGarbageTest, WhatIsRegisteredOrGoesOnWhileItIsMeasuredStays) {
  const std::string plain = MakeExpiredRun();
  const std::string registered = MakeExpiredRun();
  const std::string resumed = MakeExpiredRun();
  const std::string deleted = MakeRun();
  ASSERT_TRUE(runs_->Delete(deleted));
  watched_.before_measure = [&](std::string_view folder) {
    if (folder == "0/" + registered) {
      ASSERT_TRUE(store_->RegisterVersion("m", registered, root_ + "/0/" + registered + "/artifacts/model", {}));
      ASSERT_TRUE(store_->SetAlias("m", "champion", 1, "somebody", ""));
    } else if (folder == "0/" + resumed) {
      Runs::Change goes_on;
      goes_on.status = RunStatus::kRunning;
      ASSERT_TRUE(runs_->Update(resumed, goes_on));
    } else if (folder == "0/" + deleted) {
      // By its files alone: no run of it is said.
      RegisteredModels models(*database_, clock_);
      ASSERT_TRUE(models.Create("n", {}, ""));
      RegisteredModels::NewVersion version;
      version.model = "n";
      version.source = "mlflow-artifacts:/0/" + deleted + "/artifacts/model";
      ASSERT_TRUE(models.CreateVersion(version));
    }
  };
  EXPECT_THAT(Collect(0, false, {ExpiredRule()}), ElementsAre(plain));
  EXPECT_FALSE(HasFiles("0/" + plain));
  for (const std::string& run : {registered, resumed, deleted}) {
    EXPECT_TRUE(runs_->Get(run).has_value());
    EXPECT_TRUE(HasFiles("0/" + run + "/artifacts/model/weights"));
  }
}

TEST_F(CollectGarbageTest, ARunThatBeginsWhileOrphansAreLookedForKeepsItsFiles) {
  const std::string id = "0123456789abcdef0123456789abcdef";
  Write("0/" + id + "/artifacts/first");
  watched_.before_measure = [&](std::string_view) {
    ASSERT_TRUE(database_->Write([&](io::SqlSession& session) -> Status {
      KEELSON_RETURN_IF_ERROR(
          session.Execute("INSERT OR IGNORE INTO run (id, experiment_id, name, status, started_ms, user_id, "
                          "artifact_uri) VALUES (?, 0, 'n', 'running', 0, '', ?)",
                          {id, "mlflow-artifacts:/0/" + id + "/artifacts"}));
      return {};
    }));
  };
  EXPECT_THAT(Collect(0), IsEmpty());
  EXPECT_TRUE(HasFiles("0/" + id + "/artifacts/first"));
}

TEST_F(CollectGarbageTest, FoldersWithoutARunGoAndLinksAreLeftAlone) {
  const std::string orphan = "0/0123456789abcdef0123456789abcdef";
  Write(orphan + "/artifacts/left");
  Write("0/other/file");
  const std::string outside = folder_.File("outside");
  ASSERT_TRUE(io::MakeFolders(outside));
  ASSERT_TRUE(io::WriteFileAtomically(outside + "/precious", "x"));
  std::filesystem::create_symlink(outside, root_ + "/0/fedcba9876543210fedcba9876543210");
  Collect(30);
  EXPECT_FALSE(HasFiles(orphan));
  EXPECT_TRUE(HasFiles("0/other/file"));
  EXPECT_TRUE(io::Exists(outside + "/precious"));
}

TEST_F(CollectGarbageTest, WhatAKillOfTheCollectionLeftBelowAnExperimentsOwnPlaceGoesAtTheNext) {
  Experiments experiments(*database_, clock_);
  const std::int64_t experiment = *experiments.Create("e", "mlflow-artifacts:/own/place/", {});
  Runs::NewRun new_run;
  new_run.experiment_id = experiment;
  const std::string run = runs_->Create(new_run)->id;
  const std::string model = "m-0123456789abcdef0123456789abcdef";
  Write("own/place/" + run + "/artifacts/weights");
  Write("own/place/models/" + model + "/artifacts/weights");  // its row is gone
  Write("own/place/readme");
  EXPECT_THAT(Collect(30), ElementsAre("own/place/models/" + model));
  ASSERT_TRUE(experiments.Delete(experiment));
  // Killed between the row and its files.
  ASSERT_TRUE(database_->Write([&](io::SqlSession& session) -> Status {
    KEELSON_RETURN_IF_ERROR(session.Execute("DELETE FROM run WHERE id = ?", {run}));
    return {};
  }));
  EXPECT_THAT(Collect(0), ElementsAre("own/place/" + run, std::to_string(experiment)));
  EXPECT_FALSE(HasFiles("own/place/" + run));
  EXPECT_TRUE(HasFiles("own/place/readme")) << "what is no run's and no model's is not ours";
}

TEST_F(CollectGarbageTest, AnExperimentThatSaysThatItsPlaceIsInARunTakesNothingFromIt) {
  const std::string run = MakeRun();
  const std::string inside = "0/" + run + "/artifacts";
  Write(inside + "/0123456789abcdef0123456789abcdef/of the run");
  ASSERT_TRUE(Experiments(*database_, clock_).Create("e", "mlflow-artifacts:/" + inside, {}));
  EXPECT_THAT(Collect(0), IsEmpty());
}

TEST_F(CollectGarbageTest, WhatAKillLeftOfAnUploadGoesThoughItsRunStays) {
  const std::string run = MakeRun();
  ASSERT_TRUE(store_->RegisterVersion("m", run, root_ + "/0/" + run + "/artifacts/model", {}));
  const std::string folder = "0/" + run + "/artifacts/model";
  auto file = io::AtomicFile::Create(root_ + "/" + folder + "/large");
  ASSERT_TRUE(file.has_value());
  ASSERT_TRUE((*file)->Append(std::string(3000, 'x')));
  std::vector<std::string> half;
  for (const auto& entry : std::filesystem::directory_iterator(root_ + "/" + folder)) {
    if (entry.path().filename() != "weights") half.push_back(folder + "/" + entry.path().filename().string());
  }
  ASSERT_EQ(half.size(), 1u);
  EXPECT_THAT(Collect(30, true), half);
  EXPECT_EQ(bytes_, 3000u);
  EXPECT_THAT(Collect(30), half);
  EXPECT_FALSE(HasFiles(half[0]));
  EXPECT_TRUE(HasFiles(folder + "/weights"));
}

TEST_F(CollectGarbageTest, TheSameInAnObjectStore) {
  const std::string run = MakeRun();
  MoveToS3();
  const std::string orphan = "0/0123456789abcdef0123456789abcdef";
  const std::string model = "0/models/m-0123456789abcdef0123456789abcdef";
  for (const std::string& path : {"0/" + run, orphan, model, std::string("0/other"), orphan + "0"}) {
    ASSERT_TRUE(artifacts_->Put(path + "/artifacts/weights", std::string(100, 'x')));
  }
  ASSERT_TRUE(artifacts_->Put("0/" + run + "/artifacts/more/weights", std::string(100, 'x')));
  ASSERT_TRUE(runs_->Delete(run));
  clock_.Advance(std::chrono::days(31));
  EXPECT_THAT(Collect(30, true), ElementsAre(run, orphan, model));
  EXPECT_EQ(bytes_, 400u);
  EXPECT_EQ(s3_.objects().size(), 6u);
  EXPECT_THAT(Collect(30), ElementsAre(run, orphan, model));
  EXPECT_THAT(Collect(30), IsEmpty());
  std::vector<std::string> left;
  for (const auto& [key, content] : s3_.objects()) left.push_back(key);
  EXPECT_THAT(left, ElementsAre("prefix/" + orphan + "0/artifacts/weights", "prefix/0/other/artifacts/weights"));
}

TEST_F(CollectGarbageTest, AStoreThatDoesNotAnswerRemovesNothing) {
  const std::string run = MakeRun();
  MoveToS3();
  ASSERT_TRUE(artifacts_->Put("0/" + run + "/artifacts/weights", "x"));
  ASSERT_TRUE(runs_->Delete(run));
  clock_.Advance(std::chrono::days(31));
  s3_.SetFault([](const io::HttpRequest&) { return io::testing::FakeS3::Error(403, "AccessDenied"); });
  EXPECT_FALSE(CollectGarbage(*database_, clock_, *artifacts_, {std::chrono::days(30), {}}, false).has_value());
  s3_.SetFault({});
  EXPECT_TRUE(runs_->Get(run).has_value());
  EXPECT_THAT(Collect(30), ElementsAre(run));
}

}  // namespace
}  // namespace keelson::tracking
