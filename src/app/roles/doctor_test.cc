#include "app/roles/doctor.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/clock.h"
#include "control/documents.h"
#include "control/project_files.h"
#include "control/row_log.h"
#include "control/types.h"
#include "data/duckdb.h"
#include "data/snapshot.h"
#include "data/table_io.h"
#include "io/database.h"
#include "io/files.h"
#include "io/temp_folder.h"
#include "project/bundle.h"
#include "tracking/store.h"

namespace keelson::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

data::Table Rows(int count) {
  data::Table table({{"id", data::ColumnType::kString}, {"x", data::ColumnType::kDouble}});
  for (int i = 0; i < count; ++i) EXPECT_TRUE(table.AppendRow({"r" + std::to_string(i), 0.5 * i}));
  return table;
}

// A data folder with one of everything that can be damaged.
class DoctorTest : public testing::Test {
 protected:
  DoctorTest() : data_(folder_.File("data")), project_(data_, "trips") {
    MakeStored();
    MakeFiles();
  }

  void MakeStored() {
    ASSERT_TRUE(io::MakeFolders(data_));
    const auto database = io::Database::Open(data_ + "/keelson.db").value();
    const SystemClock clock;
    const auto tracking = tracking::Store::Open(*database, clock, data_ + "/artifacts").value();
    const auto experiment = tracking->EnsureExperiment("trips").value();
    ASSERT_TRUE(tracking->CreateRun(experiment.id, "r1", "r1", {}));
    model_ = tracking->ArtifactFolder("r1") + "/model";
    ASSERT_TRUE(io::MakeFolders(model_));
    ASSERT_TRUE(io::WriteFileAtomically(model_ + "/MLmodel", "flavors: {}\n"));
    ASSERT_TRUE(tracking->RegisterVersion("trips", "r1", model_, {}));

    online_ = data_ + "/jobs/j000001/1/output/online";
    ASSERT_TRUE(io::MakeFolders(online_));
    ASSERT_TRUE(data::WriteTableFile(Rows(3), online_ + "/trips.table"));
    control::ProjectState state;
    state.name = "trips";
    state.online_ready = true;
    state.online_file = online_;
    control::Job job;
    job.id = "j000001";
    const auto documents = control::DocumentStore::Open(*database).value();
    ASSERT_TRUE(documents->MoveTo(data_));
    ASSERT_TRUE(documents->Commit({.put = {{"project", "trips", "trips", ToJson(state).dump()},
                                           {"job", "j000001", "trips", ToJson(job).dump()},
                                           {"pipeline", "p1", "trips", ToJson(control::Pipeline{}).dump()},
                                           {"rollout", "trips", "trips", ToJson(control::Rollout{}).dump()}},
                                   .remove = {},
                                   .events = {}}));
  }
  void MakeFiles() {
    project::Bundle bundle;
    bundle.files = {{project::Bundle::kProjectFile, "kind: Project\n"}, {"prepare/trips.sql", "SELECT 1"}};
    revision_ = project_.Revision(bundle.Revision());
    ASSERT_TRUE(io::MakeFolders(revision_ + "/files/prepare"));
    for (const auto& [name, content] : bundle.files)
      ASSERT_TRUE(io::WriteFileAtomically(revision_ + "/files/" + name, content));
    ASSERT_TRUE(io::WriteFileAtomically(revision_ + "/bundle.json", bundle.ToJson()));

    ASSERT_TRUE(io::MakeFolders(data_ + "/projects/trips/rows"));
    const auto rows = control::RowLog::Open(project_.Rows("trips"), "id", [](const auto&) { return Status{}; }).value();
    ASSERT_TRUE(rows->Append(Rows(2), Instant{}));
    ASSERT_TRUE(rows->Append(Rows(5), Instant{}));
    segment_ = project_.Payload(1, "replica") + "/000001.seg";
    ASSERT_TRUE(io::MakeFolders(project_.Payload(1, "replica")));
    const auto segment = io::FrameLog::OpenForAppend(segment_).value();
    for (const char* frame : {"head", "one", "two"}) ASSERT_TRUE(segment->Append(frame));

    const auto engine = data::Engine::Open({}).value();
    ASSERT_TRUE(engine->Register("trips", Rows(100)));
    snapshot_ = data::TakeSnapshot(*engine, "SELECT * FROM trips", project_.Tables(), "trips.csv").value().path;
  }

  static void FlipByte(const std::string& path, std::size_t at) {
    std::string content = io::ReadFile(path).value();
    ASSERT_LT(at, content.size()) << path;
    content[at] = static_cast<char>(content[at] ^ 0x40);
    ASSERT_TRUE(io::WriteFileAtomically(path, content));
  }
  std::vector<std::string> Found() {
    const auto damages = Diagnose(data_);
    if (!damages) return {"not looked: " + damages.error().ToString()};
    std::vector<std::string> texts;
    for (const auto& damage : *damages) {
      EXPECT_FALSE(damage.advice.empty());
      texts.push_back(damage.what + " / " + damage.advice);
    }
    return texts;
  }

  const io::TempFolder folder_ = io::TempFolder::Make().value();
  const std::string data_;
  const control::ProjectFolders project_;
  std::string model_, online_, revision_, segment_, snapshot_;
};

TEST_F(DoctorTest, ASoundFolderIsSoundAndStaysAsItIs) {
  const auto before = std::filesystem::last_write_time(data_ + "/keelson.db");
  const std::string content = io::ReadFile(data_ + "/keelson.db").value();
  EXPECT_THAT(Found(), IsEmpty());
  EXPECT_EQ(std::filesystem::last_write_time(data_ + "/keelson.db"), before);
  EXPECT_EQ(io::ReadFile(data_ + "/keelson.db").value(), content);
}

TEST_F(DoctorTest, AMovedFolderIsSound) {
  ASSERT_TRUE(io::Rename(data_, folder_.File("elsewhere")));
  const auto damages = Diagnose(folder_.File("elsewhere"));
  ASSERT_TRUE(damages) << damages.error().ToString();
  EXPECT_TRUE(damages->empty()) << damages->front().what;
}

TEST_F(DoctorTest, AChangedOrMissingFileOfAVersion) {
  ASSERT_TRUE(io::WriteFileAtomically(model_ + "/MLmodel", "flavors: {x: 1}\n"));
  EXPECT_THAT(Found(), ElementsAre(AllOf(HasSubstr("trips version 1: its files have changed"), HasSubstr(model_),
                                         HasSubstr("roll back"))));
  ASSERT_TRUE(io::RemoveTree(model_));
  EXPECT_THAT(Found(), ElementsAre(AllOf(HasSubstr("trips version 1"), HasSubstr(model_))));
}

TEST_F(DoctorTest, ADamagedPageOfTheDatabase) {
  std::string content = io::ReadFile(data_ + "/keelson.db").value();
  ASSERT_GT(content.size(), 8'192u);
  content.replace(4'096, content.size() - 4'096, content.size() - 4'096, '\xa5');
  ASSERT_TRUE(io::WriteFileAtomically(data_ + "/keelson.db", content));
  const auto found = Found();
  ASSERT_FALSE(found.empty());
  EXPECT_THAT(found.front(), AllOf(HasSubstr("keelson.db"), HasSubstr("keelson restore")));
}

TEST_F(DoctorTest, StoredDocumentsThatDoNotReadBack) {
  {
    const auto database = io::Database::Open(data_ + "/keelson.db").value();
    const auto documents = control::DocumentStore::Open(*database).value();
    ASSERT_TRUE(documents->Commit({.put = {{"project", "trips", "trips", "{}"},
                                           {"job", "j000001", "trips", "no json"},
                                           {"pipeline", "p1", "trips", "[]"},
                                           {"rollout", "trips", "trips", R"({"project": 7})"}},
                                   .remove = {},
                                   .events = {}}));
  }
  EXPECT_THAT(Found(), ElementsAre(HasSubstr("job j000001"), HasSubstr("pipeline p1"), HasSubstr("rollout trips"),
                                   HasSubstr("project trips")));
}

TEST_F(DoctorTest, WhatTheOnlineFeaturesBeginWith) {
  FlipByte(online_ + "/trips.table", 60);
  EXPECT_THAT(Found(), ElementsAre(AllOf(HasSubstr(online_ + "/trips.table"), HasSubstr("checksum"))));
  ASSERT_TRUE(io::RemoveTree(online_));
  EXPECT_THAT(Found(), ElementsAre(AllOf(HasSubstr(online_), HasSubstr("trips's online features"))));
}

TEST_F(DoctorTest, ADamagedLogOfPushedRows) {
  const std::string log = project_.Rows("trips");
  FlipByte(log, io::ReadFile(log).value().size() / 2);
  EXPECT_THAT(Found(), ElementsAre(AllOf(HasSubstr(log), HasSubstr("keelson restore"))));
}

TEST_F(DoctorTest, ALogThatAKillHasCutIsSound) {
  std::filesystem::resize_file(project_.Rows("trips"), std::filesystem::file_size(project_.Rows("trips")) - 3);
  std::filesystem::resize_file(segment_, std::filesystem::file_size(segment_) - 1);
  EXPECT_THAT(Found(), IsEmpty());
}

TEST_F(DoctorTest, AFrameOfTheRowsThatIsWholeButNotRows) {
  const auto log = io::FrameLog::OpenForAppend(project_.Rows("trips")).value();
  ASSERT_TRUE(log->Append("Bnonsense"));
  EXPECT_THAT(Found(), ElementsAre(HasSubstr(project_.Rows("trips"))));
}

TEST_F(DoctorTest, ADamagedSegmentOfPredictions) {
  FlipByte(segment_, 10);
  EXPECT_THAT(Found(), ElementsAre(AllOf(HasSubstr(segment_), HasSubstr("loses them only"))));
}

TEST_F(DoctorTest, ASnapshotThatHasChangedIsMissingOrHasNoDescription) {
  const std::string description = snapshot_.substr(0, snapshot_.size() - 8) + ".json";
  const std::string whole = io::ReadFile(snapshot_).value();
  for (const std::size_t at : {whole.size() / 3, whole.size() - 1}) {
    FlipByte(snapshot_, at);
    EXPECT_THAT(Found(), ElementsAre(AllOf(HasSubstr(snapshot_), HasSubstr("makes it anew")))) << at;
    ASSERT_TRUE(io::WriteFileAtomically(snapshot_, whole));
  }
  ASSERT_TRUE(io::RemoveTree(snapshot_));
  EXPECT_THAT(Found(), ElementsAre(HasSubstr(snapshot_)));
  ASSERT_TRUE(io::WriteFileAtomically(snapshot_, whole));
  ASSERT_TRUE(io::WriteFileAtomically(description, "{}"));
  EXPECT_THAT(Found(), ElementsAre(HasSubstr(snapshot_)));
}

TEST_F(DoctorTest, ARevisionThatHasChanged) {
  const std::string sql = revision_ + "/files/prepare/trips.sql";
  ASSERT_TRUE(io::WriteFileAtomically(sql, "SELECT 2"));
  EXPECT_THAT(Found(), ElementsAre(AllOf(HasSubstr(sql), HasSubstr("changed"), HasSubstr("apply"))));
  ASSERT_TRUE(io::RemoveTree(sql));
  EXPECT_THAT(Found(), ElementsAre(HasSubstr(sql)));
  ASSERT_TRUE(io::WriteFileAtomically(sql, "SELECT 1"));
  ASSERT_TRUE(io::WriteFileAtomically(revision_ + "/bundle.json", "{"));
  EXPECT_THAT(Found(), ElementsAre(HasSubstr(revision_ + "/bundle.json")));
  project::Bundle other;
  other.files = {{project::Bundle::kProjectFile, "kind: Other\n"}};
  ASSERT_TRUE(io::WriteFileAtomically(revision_ + "/bundle.json", other.ToJson()));
  EXPECT_THAT(Found(), ElementsAre(AllOf(HasSubstr(revision_ + "/bundle.json"), HasSubstr("changed"))));
  ASSERT_TRUE(io::RemoveTree(revision_ + "/bundle.json"));
  EXPECT_THAT(Found(), IsEmpty()) << "an apply that was killed";
}

TEST_F(DoctorTest, AllOfItIsToldAtOnce) {
  FlipByte(segment_, 10);
  FlipByte(online_ + "/trips.table", 60);
  ASSERT_TRUE(io::RemoveTree(model_));
  EXPECT_EQ(Found().size(), 3u);
}

TEST_F(DoctorTest, NoDataFolderAndOneThatAServerHasAreErrors) {
  EXPECT_EQ(Diagnose(folder_.File("none")).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(Diagnose(folder_.path()).error().code, ErrorCode::kNotFound);
  const auto lock = io::FileLock::Acquire(data_ + "/lock").value();
  EXPECT_EQ(Diagnose(data_).error().code, ErrorCode::kFailedPrecondition);
}

TEST_F(DoctorTest, ADatabaseOfANewerKeelsonIsAnErrorAndNoDamage) {
  {
    const auto database = io::Database::Open(data_ + "/keelson.db").value();
    ASSERT_TRUE(database->Write([](io::SqlSession& session) -> Status {
      KEELSON_RETURN_IF_ERROR(session.Execute("UPDATE keelson_schema SET version = 99"));
      return {};
    }));
  }
  EXPECT_EQ(Diagnose(data_).error().code, ErrorCode::kFailedPrecondition);
}

}  // namespace
}  // namespace keelson::app
