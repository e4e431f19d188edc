// The whole loop, killed at every commit: a server that dies right before or right after any write of its database
// comes to the same end as one that lives.
#include <fmt/format.h>

#include "control/loop_testing.h"

namespace keelson::control {
namespace {

struct Killed {};  // no std::exception: nothing between here and the test may catch it

// Passes everything on until the n-th write, and dies before or after it.
class MortalDatabase final : public io::Database {
 public:
  explicit MortalDatabase(io::Database& real) : real_(real) {}
  Status Migrate(std::string_view component, const std::vector<io::Migration>& migrations) override {
    return real_.Migrate(component, migrations);
  }
  Status Write(const std::function<Status(io::SqlSession&)>& work) override {
    ++writes_;
    if (dies_ && writes_ == at_ && before_) throw Killed{};
    const Status written = real_.Write(work);
    if (dies_ && writes_ == at_) throw Killed{};
    return written;
  }
  Status Read(const std::function<Status(io::SqlSession&)>& work) override { return real_.Read(work); }
  Status BackupTo(const std::string& path) override { return real_.BackupTo(path); }
  Result<std::vector<std::string>> CheckIntegrity() override { return real_.CheckIntegrity(); }
  Result<std::vector<std::string>> CheckTables(const std::atomic<bool>& stop) override {
    return real_.CheckTables(stop);
  }

  void DieAt(int write, bool before) {
    dies_ = true;
    at_ = write;
    before_ = before;
  }
  void Live() { dies_ = false; }
  int writes() const { return writes_; }

 private:
  io::Database& real_;
  bool dies_ = false;
  bool before_ = false;
  int at_ = 0;
  int writes_ = 0;
};

class MortalLoop : public LoopFixture {
 public:
  MortalLoop() {
    serve_ = "{replicas: {min: 1, max: 1}, canary: {steps: [10, 100], interval: 1h}}";
    Restart();  // with the mortal database: the base's constructor could not know it
  }
  void TestBody() override {}
  io::Database& database() override {
    if (mortal_ == nullptr) mortal_ = std::make_unique<MortalDatabase>(*database_);
    return *mortal_;
  }
  MortalDatabase& mortal() { return *mortal_; }

  // What a client does who wants two versions in service, one after the other, and does not remember what it has done.
  void Live() {
    Apply();
    if (controller_->pipelines().pipelines().empty()) Run();
    Play();
    Turn(6);
    if (controller_->pipelines().pipelines().size() < 2) {
      serve_ = "{replicas: {min: 1, max: 1}, canary: {steps: [10, 100], interval: 1h}, resources: {cpu: 0.5}}";
      Write("source/trips.csv", "trip_id,started_at,a,tip,paid_at\nt,2026-01-01,1,2,2026-01-02\n");
      Run();
    }
    Play();
    Turn(3);
    TurnFor(std::chrono::hours(3), std::chrono::minutes(30));
  }
  // A killed server's memory is gone; what runs goes on.
  void Bury() {
    mortal_->Live();
    Restart();
  }
  // Everything that must not depend on when a server died.
  std::string End() {
    std::string text = fmt::format("champion {} challenger {} previous {}\n", Alias("champion").value_or(0),
                                   Alias("challenger").value_or(0), Project().rollout().previous.value_or(0));
    const auto versions = tracking_->ListVersions(kName).value();
    for (const auto& version : versions) {
      text += fmt::format("version {} of {}: gate {}, run {}\n", version.version, version.tags.at("keelson.pipeline"),
                          version.tags.at("keelson.gate"), static_cast<int>(tracking_->GetRun(version.run_id)->status));
    }
    for (const auto& [id, pipeline] : controller_->pipelines().pipelines()) {
      text += fmt::format("{} {} version {} effect {}:", id, PipelineStateName(pipeline.state),
                          pipeline.version.value_or(0), pipeline.effect_done);
      for (const auto& step : pipeline.steps) text += fmt::format(" {} {}", step.name, StepStateName(step.state));
      text += '\n';
    }
    text += "served " + scripted_.Split(kName) + "\n";
    return text;
  }
  // Holds at any time after a kill has been lived through.
  void ExpectSound() {
    EXPECT_FALSE(controller_->jobs().busy());
    std::map<std::string, int> succeeded;
    for (const auto& [id, job] : controller_->jobs().jobs()) {
      succeeded[job.pipeline + "/" + job.step] += job.state == JobState::kSucceeded ? 1 : 0;
      EXPECT_FALSE(substrate_.IsRunning(job.Workload())) << id << " has left a worker";
    }
    for (const auto& [step, count] : succeeded) EXPECT_EQ(count, 1) << step << " was done more than once";
    std::set<std::string> names;
    for (const auto& spec : substrate_.started()) EXPECT_TRUE(names.insert(spec.name).second) << spec.name;
    EXPECT_EQ(Replicas(1).size() + Replicas(2).size(), 1u);
    const auto history = tracking_->AliasHistory(kName).value();
    int changes = 0;
    for (const auto& change : history) changes += change.alias == "champion" ? 1 : 0;
    EXPECT_EQ(changes, 2) << "no alias was moved twice";
    EXPECT_EQ(Said("version 2 passed the gate"), 1);
    EXPECT_EQ(Said("version 2 is the champion"), 1);
  }

 private:
  std::unique_ptr<MortalDatabase> mortal_;
};

TEST(KillTest, AtEveryCommitTheEndIsTheSame) {
  // In memory, when the machine has such a folder: what is on disk after a power cut is the database's own test.
  if (io::Exists("/dev/shm") && getenv("TMPDIR") == nullptr) setenv("TMPDIR", "/dev/shm", 0);
  std::string expected;
  int writes = 0;
  {
    MortalLoop undisturbed;
    const int before = undisturbed.mortal().writes();
    undisturbed.Live();
    writes = undisturbed.mortal().writes() - before;
    expected = undisturbed.End();
    undisturbed.ExpectSound();
  }
  EXPECT_NE(expected.find("champion 2 challenger 0 previous 1"), std::string::npos) << expected;
  ASSERT_GT(writes, 30);
  for (int write = 1; write <= writes; ++write) {
    for (const bool before : {true, false}) {
      SCOPED_TRACE(fmt::format("killed {} write {} of {}", before ? "before" : "after", write, writes));
      MortalLoop world;
      world.mortal().DieAt(world.mortal().writes() + write, before);
      try {
        world.Live();
        ADD_FAILURE() << "nothing was killed";
      } catch (const Killed&) {
        world.Bury();
      }
      world.Live();
      EXPECT_EQ(world.End(), expected);
      world.ExpectSound();
      if (testing::Test::HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace keelson::control
