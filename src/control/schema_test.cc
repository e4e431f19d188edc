// The control schema over time: databases of every release open, and a migration that was cut anywhere is gone or done.
#include <gtest/gtest.h>

#include "control/documents.h"
#include "control/job_runner.h"
#include "control/pipeline_runner.h"
#include "io/files.h"
#include "io/temp_folder.h"
#include "substrate/fake_substrate.h"

namespace keelson::control {
namespace {

constexpr int kReleasedSchemas = 5;

class ControlSchemaTest : public testing::Test {
 protected:
  // testdata/schema_vN.sql is the dump of a database written by schema version N. It is never edited.
  void Load(int version, const std::string& path) {
    auto old = io::Database::Open(path).value();
    const std::string dump =
        io::ReadFile(KEELSON_SOURCE_DIR "/src/control/testdata/schema_v" + std::to_string(version) + ".sql").value();
    const Status loaded = old->Migrate("dump", {{1, dump}});
    ASSERT_TRUE(loaded) << loaded.error().ToString();
  }
  // All that control makes of what is stored, as text.
  std::string StateOf(DocumentStore& store) {
    std::string text;
    substrate::FakeSubstrate substrate;
    ManualClock clock;
    const auto jobs = JobRunner::Open({.data_folder = folder_.path(), .server_address = "", .queues = {}}, store,
                                      substrate, clock, [](const Job&) {});
    if (!jobs) return jobs.error().ToString();
    for (const auto& [id, job] : (*jobs)->jobs()) text += ToJson(job).dump() + "\n";
    const auto pipelines = PipelineRunner::Open(folder_.path(), store, **jobs, clock, {});
    if (!pipelines) return pipelines.error().ToString();
    for (const auto& [id, pipeline] : (*pipelines)->pipelines()) text += ToJson(pipeline).dump() + "\n";
    const auto projects = store.List("project").value();
    for (const auto& stored : projects) {
      const auto state = ProjectStateFromJson(stored.body);
      text += state ? ToJson(*state).dump() + "\n" : state.error().ToString();
    }
    const auto rollouts = store.List("rollout").value();
    for (const auto& stored : rollouts) {
      const auto rollout = RolloutFromJson(stored.body);
      text += rollout ? ToJson(*rollout).dump() + "\n" : rollout.error().ToString();
    }
    const auto events = store.Events("trips", 0, 100).value();
    for (const auto& event : events) text += event.message + "\n";
    return text;
  }

  const io::TempFolder folder_ = io::TempFolder::Make().value();
};

TEST_F(ControlSchemaTest, OpensADatabaseOfEveryReleasedSchema) {
  for (int version = 1; version <= kReleasedSchemas; ++version) {
    SCOPED_TRACE(version);
    const std::string path = folder_.File("v" + std::to_string(version) + ".db");
    Load(version, path);
    auto database = io::Database::Open(path).value();
    auto opened = DocumentStore::Open(*database);
    ASSERT_TRUE(opened) << opened.error().ToString();
    DocumentStore& store = **opened;
    EXPECT_EQ(store.List("job")->size(), 11u);
    EXPECT_EQ(store.List("step_output")->size(), 7u);

    substrate::FakeSubstrate substrate;
    ManualClock clock;
    auto jobs = JobRunner::Open({.data_folder = folder_.path(), .server_address = "", .queues = {}}, store, substrate,
                                clock, [](const Job&) {});
    ASSERT_TRUE(jobs) << jobs.error().ToString();
    EXPECT_EQ((*jobs)->Find("j000001")->state, JobState::kSucceeded);
    EXPECT_EQ((*jobs)->Find("j000011")->state, JobState::kRunning);
    auto pipelines = PipelineRunner::Open(folder_.path(), store, **jobs, clock, {});
    ASSERT_TRUE(pipelines) << pipelines.error().ToString();
    const Pipeline* first = (*pipelines)->Find("trips-p0001");
    ASSERT_NE(first, nullptr);
    EXPECT_EQ(first->version, 1);
    EXPECT_TRUE(first->effect_done);
    EXPECT_EQ((*pipelines)->Running("trips")->id, "trips-p0002");
    EXPECT_EQ((*pipelines)->Find("trips-p0002")->Find("train")->state, StepState::kRunning);
    const auto state = ProjectStateFromJson(store.List("project")->at(0).body);
    ASSERT_TRUE(state) << state.error().ToString();
    EXPECT_EQ(state->frozen, 1);
    EXPECT_EQ(state->pipelines_made, 2u);
    EXPECT_EQ(RolloutFromJson(store.List("rollout")->at(0).body)->champion, 1);
    EXPECT_EQ(store.Events("trips", 0, 100)->size(), 7u);
    EXPECT_TRUE(database->CheckIntegrity()->empty());
  }
}

TEST_F(ControlSchemaTest, OpeningAgainChangesNothing) {
  const std::string path = folder_.File("again.db");
  Load(1, path);
  std::string first;
  for (int time = 0; time < 3; ++time) {
    auto database = io::Database::Open(path).value();
    auto store = DocumentStore::Open(*database);
    ASSERT_TRUE(store) << store.error().ToString();
    if (time == 0) first = StateOf(**store);
    EXPECT_EQ(StateOf(**store), first);
  }
}

// What a kill leaves of an opening: every prefix of what SQLite had written to the log by then.
TEST_F(ControlSchemaTest, AnOpeningThatWasKilledAnywhereIsMadeAgain) {
  constexpr std::size_t kHeader = 32;
  constexpr std::size_t kFrame = 24 + 4'096;
  for (int version = 0; version <= kReleasedSchemas; ++version) {  // 0: a fresh folder
    SCOPED_TRACE(version);
    const std::string path = folder_.File("whole" + std::to_string(version) + ".db");
    if (version > 0) Load(version, path);
    if (version == 0) io::Database::Open(path).value().reset();
    const std::string before = io::ReadFile(path).value();
    std::string log;
    std::string whole;
    {
      auto database = io::Database::Open(path).value();
      auto store = DocumentStore::Open(*database).value();
      if (io::Exists(path + "-wal")) log = io::ReadFile(path + "-wal").value();
      whole = StateOf(*store);
    }
    std::vector<std::size_t> cuts = {0, log.size()};
    for (std::size_t cut = kHeader; cut < log.size(); cut += kFrame) {
      cuts.push_back(cut);
      cuts.push_back(cut + kFrame / 2);
    }
    for (const std::size_t cut : cuts) {
      SCOPED_TRACE(cut);
      const std::string killed = folder_.File("killed" + std::to_string(version) + "-" + std::to_string(cut) + ".db");
      ASSERT_TRUE(io::WriteFileAtomically(killed, before));
      ASSERT_TRUE(io::WriteFileAtomically(killed + "-wal", log.substr(0, cut)));
      auto database = io::Database::Open(killed).value();
      auto store = DocumentStore::Open(*database);
      ASSERT_TRUE(store) << store.error().ToString();
      EXPECT_EQ(StateOf(**store), whole);
      EXPECT_TRUE(database->CheckIntegrity()->empty());
    }
  }
}

TEST_F(ControlSchemaTest, ANewerDatabaseIsRefused) {
  const std::string path = folder_.File("newer.db");
  Load(1, path);
  auto database = io::Database::Open(path).value();
  ASSERT_TRUE(database->Write([](io::SqlSession& session) -> Status {
    KEELSON_RETURN_IF_ERROR(session.Execute("UPDATE keelson_schema SET version = 99 WHERE component = 'control'"));
    return {};
  }));
  const auto store = DocumentStore::Open(*database);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::kFailedPrecondition);
}

}  // namespace
}  // namespace keelson::control
