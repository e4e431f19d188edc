#include "control/controller.h"

#include <future>

#include "control/loop_testing.h"

namespace keelson::control {
namespace {

class ControllerTest : public LoopFixture {
 protected:
  static std::optional<ErrorCode> CodeOf(const Status& status) {
    return status ? std::nullopt : std::optional(status.error().code);
  }
};

TEST_F(ControllerTest, PostedWorkRunsInItsOrderAndOnlyInATurn) {
  std::string done;
  controller_->Post([&] { done += 'a'; });
  controller_->Post([&] {
    done += 'b';
    controller_->Post([&] { done += 'd'; });
  });
  controller_->Post([&] { done += 'c'; });
  EXPECT_EQ(done, "");
  controller_->Turn(/*look=*/false);
  EXPECT_EQ(done, "abc") << "what work posts is for the next turn: one caller cannot hold the loop";
  Turn();
  EXPECT_EQ(done, "abcd");
}

TEST_F(ControllerTest, AnExceptionIsOneRequestsMisfortune) {
  std::string done;
  controller_->Post([&] { done += 'a'; });
  controller_->Post([] { throw std::runtime_error("our mistake"); });
  controller_->Post([&] {
    done += 'b';
    controller_->AfterSync([](const Status&) { throw std::out_of_range("in an acknowledgement"); });
    controller_->AfterSync([&](const Status& synced) { done += synced ? "c" : "?"; });
  });
  Turn();
  EXPECT_EQ(done, "abc");
  Apply();
  EXPECT_NE(controller_->Find(kName), nullptr) << "the loop still works";
}

TEST_F(ControllerTest, AcknowledgementsOfOneTurnComeTogetherAfterAllItsWork) {
  std::string order;
  for (const char* name : {"1", "2"}) {
    controller_->Post([&, name] {
      order += name;
      controller_->AfterSync(
          [&, name](const Status& synced) { order += (synced ? "ack" : "err") + std::string(name); });
    });
  }
  controller_->Post([&] { order += '3'; });
  controller_->Turn(/*look=*/false);
  EXPECT_EQ(order, "123ack1ack2") << "one sync for both, after everything that was posted close together";
  Turn();
  EXPECT_EQ(order, "123ack1ack2") << "each is told once";
}

TEST_F(ControllerTest, AProjectIsAppliedFoundAndComesBackAfterARestart) {
  EXPECT_EQ(controller_->Find(kName), nullptr);
  Apply();
  EXPECT_EQ(controller_->ProjectNames(), std::vector<std::string>{kName});
  const std::string revision = Project().state().revision;
  Apply();
  EXPECT_EQ(Said("applied"), 1) << "applying the same again changes nothing";
  serve_ = "{replicas: {min: 2, max: 2}}";
  Apply();
  EXPECT_NE(Project().state().revision, revision);
  EXPECT_EQ(Said("applied"), 2);
  const std::string second = Project().state().revision;
  Restart();
  EXPECT_EQ(Project().state().revision, second);
  EXPECT_EQ(Project().spec().serve->min_replicas, 2);
}

TEST_F(ControllerTest, WhatIsNoProjectChangesNothing) {
  EXPECT_EQ(CodeOf(controller_->Apply("{", "")), ErrorCode::kInvalidArgument);
  more_ = "unknown: field\n";
  EXPECT_EQ(CodeOf(TryApply()), ErrorCode::kFailedPrecondition);
  EXPECT_TRUE(controller_->ProjectNames().empty());
  EXPECT_EQ(CodeOf(controller_->Delete(kName)), ErrorCode::kNotFound);
}

TEST_F(ControllerTest, ADamagedProjectIsShownAsSuchAndStopsNothingElse) {
  Apply();
  ASSERT_TRUE(controller_->store().Commit({.put = {{"project", "broken", "broken", "{"}}, .remove = {}, .events = {}}));
  Restart();
  EXPECT_EQ(controller_->ProjectNames(), std::vector<std::string>{kName});
  ASSERT_TRUE(controller_->broken().contains("broken"));
  EXPECT_NE(controller_->broken().at("broken").find("does not read back"), std::string::npos);
  ASSERT_TRUE(controller_->Delete("broken"));
  EXPECT_TRUE(controller_->broken().empty());
  Restart();
  EXPECT_TRUE(controller_->broken().empty()) << "it is gone for good";
}

TEST_F(ControllerTest, AProjectThatCannotBeLoadedIsNotAppliedOver) {
  Apply();
  const std::string revision = Project().state().revision;
  ASSERT_TRUE(io::RemoveTree(folder_.File("projects/trips/revisions/" + revision)));
  Restart();
  EXPECT_TRUE(controller_->broken().contains(kName));
  EXPECT_EQ(CodeOf(TryApply()), ErrorCode::kFailedPrecondition);
  // Its replicas are not taken for those of a project that was deleted.
  substrate::WorkloadSpec replica;
  replica.name = "trips-v1-x";
  replica.kind = "replica";
  replica.labels = {{"endpoint", kName}, {"version", "1"}};
  ASSERT_TRUE(substrate_.Start(replica));
  Turn(2);
  EXPECT_TRUE(substrate_.IsRunning("trips-v1-x"));
}

TEST_F(ControllerTest, ReplicasOfProjectsThatAreGoneAreEndedAndForgotten) {
  substrate::WorkloadSpec replica;
  replica.name = "gone-v1-x";
  replica.kind = "replica";
  replica.labels = {{"endpoint", "gone"}, {"version", "1"}};
  ASSERT_TRUE(substrate_.Start(replica));
  Turn(2);
  EXPECT_FALSE(substrate_.IsRunning("gone-v1-x"));
  EXPECT_TRUE(substrate_.List()->empty());
}

TEST_F(ControllerTest, DeleteTakesEverythingOfAProject) {
  Serve();
  train_ = "{label: tip > 0, inputs: [a], trainer: {xgboost: {rounds: 6}}}";
  Apply();
  Run();
  Turn(2);
  EXPECT_FALSE(RunningJobs().empty());
  ASSERT_TRUE(controller_->Delete(kName));
  Turn(2);
  EXPECT_EQ(controller_->Find(kName), nullptr);
  EXPECT_TRUE(controller_->jobs().jobs().empty());
  EXPECT_TRUE(controller_->pipelines().pipelines().empty());
  EXPECT_TRUE(substrate_.List()->empty()) << "neither job nor replica is left";
  EXPECT_FALSE(scripted_.Has(kName));
  EXPECT_EQ(registry_->Find(kName), nullptr);
  EXPECT_TRUE(tracking_->ListVersions(kName)->empty());
  EXPECT_FALSE(io::Exists(folder_.File("projects/trips")));
  EXPECT_EQ(AllSaid(), "");
  Restart();
  EXPECT_EQ(controller_->Find(kName), nullptr);
  Apply();
  EXPECT_EQ(Run(), "trips-p0001") << "a project of that name begins anew";
}

TEST_F(ControllerTest, ADeletedProjectsFolderGoesWhenNothingRunsForItAnyMore) {
  Serve();
  Job job;  // of no pipeline
  job.project = kName;
  job.kind = job.step = "payload";
  job.resources = {.cpu_milli = 100, .memory_bytes = 1 << 20};
  const std::string id = controller_->jobs().Submit(job).value();
  Turn(2);
  const std::string worker = controller_->jobs().Find(id)->Workload();
  const std::string replica = Replicas(1).at(0);
  ASSERT_TRUE(substrate_.IsRunning(worker));
  substrate_.KeepRunning();
  ASSERT_TRUE(controller_->Delete(kName));
  EXPECT_EQ(controller_->Find(kName), nullptr);
  const auto stopped = substrate_.stopped();
  EXPECT_EQ(std::ranges::count(stopped, worker), 1);
  EXPECT_EQ(CodeOf(TryApply()), ErrorCode::kUnavailable) << "who still runs writes where the new one would be";
  Restart();
  substrate_.Fail(worker, -9, "killed");
  Turn(2);
  Write("projects/trips/payload/1/replica/000001.log", "in its grace");
  EXPECT_EQ(CodeOf(TryApply()), ErrorCode::kUnavailable) << "the replica is still there";
  EXPECT_TRUE(io::Exists(folder_.File("jobs/" + id)));
  substrate_.Fail(replica, -9, "killed");
  Turn(2);
  EXPECT_FALSE(io::Exists(folder_.File("projects/trips")));
  EXPECT_FALSE(io::Exists(folder_.File("jobs/" + id)));
  Apply();
  Restart();
  EXPECT_NE(controller_->Find(kName), nullptr) << "the deletion is over";
}

TEST_F(ControllerTest, TheNumberOfAJobIsNotGivenAgain) {
  Apply();
  Run();
  Turn();
  const std::string former = RunningJobs().at(0);
  ASSERT_TRUE(controller_->Delete(kName));
  Turn(2);
  Restart();
  Apply();
  Run();
  Turn();
  EXPECT_GT(RunningJobs().at(0), former) << "it would begin with the checkpoint of another";
}

TEST_F(ControllerTest, ALookThatFailsIsMadeAgain) {
  Serve();
  substrate_.FailNextLists(2, {ErrorCode::kUnavailable, "the substrate is away", ""});
  substrate_.Fail(Replicas(1).at(0), -9, "killed by signal 9");
  Turn(2);
  EXPECT_TRUE(Replicas(1).empty());
  Turn();
  EXPECT_EQ(Replicas(1).size(), 1u);
}

TEST_F(ControllerTest, AStepBeginsInTheLookThatSeesTheOneBeforeItEnded) {
  Apply();
  Run();
  Turn();
  std::string begun;
  while (!RunningJobs().empty()) {
    const std::string job = RunningJobs().front();
    begun += controller_->jobs().Find(job)->step + " ";
    ASSERT_TRUE(FinishJob(job));
    Turn();
  }
  EXPECT_EQ(begun, "ingest:trips prepare features train evaluate ");
}

// The real thread: work that is posted is done without anybody turning, and the end waits for nothing.
TEST_F(ControllerTest, StartTurnsOnAThreadOfItsOwn) {
  controller_.reset();
  const SystemClock clock;
  auto started = Controller::Start({.data_folder = folder_.path(), .server_address = "", .queues = {}},
                                   {.database = database_.get(),
                                    .tracking = tracking_.get(),
                                    .substrate = &substrate_,
                                    .gateway = &scripted_,
                                    .registry = registry_.get(),
                                    .clock = &clock});
  ASSERT_TRUE(started) << started.error().ToString();
  std::promise<std::thread::id> ran;
  (*started)->Post([&] { ran.set_value(std::this_thread::get_id()); });
  EXPECT_NE(ran.get_future().get(), std::this_thread::get_id());
  std::promise<void> after;
  (*started)->Post([] { throw std::runtime_error("our mistake"); });
  (*started)->Post([&] { after.set_value(); });
  after.get_future().get();
}

}  // namespace
}  // namespace keelson::control
