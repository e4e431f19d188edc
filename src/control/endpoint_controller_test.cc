#include "control/endpoint_controller.h"

#include <gtest/gtest.h>

#include "control/loop_testing.h"

namespace keelson::control {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

// One endpoint "m" over virtual time: replicas start when told to, are ready when the test says so, and the load is
// what the gateway is scripted to see.
class EndpointControllerTest : public testing::Test {
 protected:
  EndpointControllerTest() { Open(); }
  void Open() {
    EndpointController::Options options{
        .endpoint = "m", .payload_folder = "/payload", .lock_file = "/lock", .serve = serve_};
    endpoint_ = std::make_unique<EndpointController>(
        options, substrate_, gateway_, clock_,
        [this](const std::string& address) { return !deaf_.contains(address) && !all_deaf_; });
  }
  void Want(const std::vector<std::pair<int, int>>& versions_and_weights) {
    std::vector<ServedVersion> wanted;
    for (const auto& [version, weight] : versions_and_weights) {
      wanted.push_back({version, "/models/" + std::to_string(version), "hash" + std::to_string(version), weight});
    }
    endpoint_->Want(std::move(wanted));
  }
  void Look(int times = 1) {
    for (int i = 0; i < times; ++i) {
      const Status done = endpoint_->Reconcile(substrate_.List().value());
      EXPECT_TRUE(done) << done.error().ToString();
    }
  }
  // Looks every second.
  void LookFor(Duration time) {
    for (Duration passed{}; passed < time; passed += seconds(1)) {
      clock_.Advance(seconds(1));
      Look();
    }
  }
  void Load(int in_flight, int held = 0, int version = 1) {
    auto& stats = gateway_.stats("m");
    stats.held = held;
    stats.backends[std::to_string(version)].in_flight = in_flight;
    stats.idle_for = in_flight + held > 0 ? std::nullopt : std::optional(Duration{});
  }
  void Idle(Duration time) { gateway_.stats("m").idle_for = time; }
  std::vector<std::string> Running() const {
    std::vector<std::string> names;
    for (const auto& spec : substrate_.started()) {
      if (substrate_.IsRunning(spec.name)) names.push_back(spec.name);
    }
    return names;
  }
  std::string Address(const std::string& name) const { return "unix:/fake/" + name + ".sock"; }

  project::ServeSpec serve_{.min_replicas = 0,
                            .max_replicas = 4,
                            .target_concurrency = 2,
                            .idle = minutes(5),
                            .canary = {},
                            .resources = {.cpu = 0.5, .memory_bytes = 256u << 20}};
  substrate::FakeSubstrate substrate_;
  ScriptedGateway gateway_;
  ManualClock clock_;
  std::set<std::string> deaf_;
  bool all_deaf_ = false;
  std::unique_ptr<EndpointController> endpoint_;
};

TEST_F(EndpointControllerTest, FromNothingToManyAndBackByConcurrency) {
  Want({{1, 100}});
  EXPECT_EQ(gateway_.Split("m"), "1:100:0") << "known to the gateway at once: requests are held, not refused";
  LookFor(seconds(10));
  EXPECT_TRUE(Running().empty()) << "nobody asks, so nothing runs";

  Load(0, 1);  // one request is held
  Look();
  EXPECT_EQ(Running().size(), 1u);
  Look();
  EXPECT_EQ(gateway_.Split("m"), "1:100:1");
  EXPECT_EQ(endpoint_->ready_replicas(), 1);

  Load(5);
  Look(2);
  EXPECT_EQ(gateway_.Split("m"), "1:100:3") << "five requests at two each";
  Load(50);
  Look(2);
  EXPECT_EQ(gateway_.Split("m"), "1:100:4") << "no more than the most";

  Load(1);
  LookFor(seconds(58));
  EXPECT_EQ(gateway_.Split("m"), "1:100:4") << "a short lull changes nothing";
  LookFor(seconds(5));
  EXPECT_EQ(gateway_.Split("m"), "1:100:1");
  EXPECT_EQ(Running().size(), 1u);

  Load(0);
  Idle(minutes(4));
  LookFor(minutes(2));
  EXPECT_EQ(Running().size(), 1u) << "the last one stays for the idle time";
  Idle(minutes(5));
  Look();
  EXPECT_EQ(gateway_.Split("m"), "1:100:0") << "the gateway sends it nothing any more";
  EXPECT_EQ(Running().size(), 1u) << "before it is told to end";
  LookFor(seconds(1));
  EXPECT_TRUE(Running().empty());
  EXPECT_EQ(substrate_.stopped().size(), 4u);

  Load(0, 3);
  Look(2);
  EXPECT_EQ(gateway_.Split("m"), "1:100:2") << "and up again";
}

TEST_F(EndpointControllerTest, AReplicaIsStartedWithWhatItNeeds) {
  serve_.min_replicas = 1;
  Open();
  Want({{7, 100}});
  Look();
  ASSERT_EQ(substrate_.started().size(), 1u);
  const auto workload = substrate_.started()[0];
  EXPECT_EQ(workload.kind, "replica");
  EXPECT_TRUE(workload.name.starts_with("m-v7-")) << workload.name;
  EXPECT_EQ(workload.labels.at("endpoint"), "m");
  EXPECT_EQ(workload.labels.at("version"), "7");
  EXPECT_EQ(workload.resources.cpu_milli, 500);
  EXPECT_EQ(workload.workload_class, scheduling::WorkloadClass::kInference);
  const std::vector<std::string> command = {"keelson",       "serve",
                                            "--model",       "m=/models/7",
                                            "--version",     "7",
                                            "--hash",        "hash7",
                                            "--unix",        "{socket}",
                                            "--lock",        "/lock",
                                            "--payload-log", "/payload/7/" + workload.name};
  EXPECT_EQ(workload.command, command);
  EXPECT_TRUE(workload.environment.empty()) << "a replica needs no secret";
}

TEST_F(EndpointControllerTest, OnlyReadyReplicasGetTraffic) {
  serve_.min_replicas = 2;
  Open();
  all_deaf_ = true;
  Want({{1, 100}});
  Look(3);
  EXPECT_EQ(Running().size(), 2u);
  EXPECT_EQ(gateway_.Split("m"), "1:100:0");
  EXPECT_FALSE(endpoint_->HasReady(1));
  all_deaf_ = false;
  deaf_ = {Address(Running()[0])};
  Look();
  EXPECT_EQ(gateway_.Split("m"), "1:100:1");
  EXPECT_TRUE(endpoint_->HasReady(1));
  EXPECT_FALSE(endpoint_->HasReady(2));
  std::multiset<std::string> states;
  for (const auto& view : endpoint_->replicas()) {
    states.insert(view.state);
    EXPECT_EQ(view.version, 1);
    EXPECT_EQ(view.limits, "none: nothing runs");
  }
  EXPECT_EQ(states, (std::multiset<std::string>{"ready", "starting"}));
}

TEST_F(EndpointControllerTest, ADeadReplicaLeavesTheGatewayAndIsReplaced) {
  serve_.min_replicas = 2;
  Open();
  Want({{1, 100}});
  Look(2);
  const std::string dead = Running()[0];
  substrate_.Fail(dead, -9, "killed by signal 9");
  all_deaf_ = true;  // so that its successor is not ready yet
  Look();
  EXPECT_EQ(gateway_.Split("m"), "1:100:1");
  EXPECT_EQ(Running().size(), 2u);
  EXPECT_EQ(std::ranges::count(Running(), dead), 0);
  EXPECT_EQ(substrate_.List()->size(), 2u) << "the dead one's record is gone";
  all_deaf_ = false;
  Look();
  EXPECT_EQ(gateway_.Split("m"), "1:100:2");
}

TEST_F(EndpointControllerTest, WhatNeverComesUpIsTriedMoreAndMoreSlowly) {
  serve_.min_replicas = 1;
  Open();
  all_deaf_ = true;
  Want({{1, 100}});
  std::vector<std::size_t> begun;
  for (int second = 0; second < 120; ++second) {
    Look();
    for (const auto& name : Running()) substrate_.Fail(name, 1, "exit code 1");
    clock_.Advance(seconds(1));
    begun.push_back(substrate_.started().size());
  }
  EXPECT_GT(begun[9], 2u) << "quickly at first";
  EXPECT_LE(begun[119] - begun[59], 3u) << "then hardly";
  EXPECT_GE(begun[119], begun[59] + 2) << "but never not at all";
  all_deaf_ = false;
  LookFor(seconds(60));
  EXPECT_TRUE(endpoint_->HasReady(1));
}

TEST_F(EndpointControllerTest, AStartThatFailsIsTriedAgain) {
  serve_.min_replicas = 1;
  Open();
  Want({{1, 100}});
  substrate_.FailNextStarts(1, {ErrorCode::kResourceExhausted, "no room for processes", ""});
  EXPECT_FALSE(endpoint_->Reconcile(substrate_.List().value()));
  EXPECT_TRUE(endpoint_->replicas().empty()) << "what was not started is not counted as starting";
  Look(2);
  EXPECT_TRUE(endpoint_->HasReady(1));
}

TEST_F(EndpointControllerTest, AChangeOfVersionNeverLeavesTheEndpointWithoutOne) {
  serve_.min_replicas = 1;
  Open();
  Want({{1, 100}});
  Look(2);
  Want({{1, 90}, {2, 10}});
  Look(2);
  EXPECT_EQ(gateway_.Split("m"), "1:90:1 2:10:1");
  Want({{2, 100}});
  EXPECT_EQ(gateway_.Split("m"), "2:100:1") << "at once, not at the next look";
  Look();
  EXPECT_EQ(Running().size(), 2u) << "the old one drains before it is told to end";
  LookFor(seconds(2));
  ASSERT_EQ(Running().size(), 1u);
  EXPECT_TRUE(Running()[0].starts_with("m-v2-"));
}

TEST_F(EndpointControllerTest, AVersionThatIsRolledOutHasAReplicaEvenWhenNobodyAsks) {
  Want({{1, 95}, {2, 5}});
  Look(2);
  EXPECT_EQ(gateway_.Split("m"), "1:95:1 2:5:1") << "min is 0, but a canary must be able to answer";
}

TEST_F(EndpointControllerTest, WhatIsHeldIsForTheLargestVersion) {
  serve_.min_replicas = 1;
  Open();
  Want({{1, 95}, {2, 5}});
  Look(2);
  Load(0, 6);
  Look(2);
  EXPECT_EQ(gateway_.Split("m"), "1:95:3 2:5:1");
}

TEST_F(EndpointControllerTest, ARestartedServerTakesOverTheReplicasThatRun) {
  serve_.min_replicas = 2;
  Open();
  Want({{1, 100}});
  Look(2);
  const auto running = Running();
  Open();
  Want({{1, 100}});
  Look();
  EXPECT_EQ(Running(), running);
  EXPECT_EQ(gateway_.Split("m"), "1:100:2");
  EXPECT_EQ(substrate_.started().size(), 2u);
}

TEST_F(EndpointControllerTest, TheGatewayIsToldOnlyWhatIsNew) {
  serve_.min_replicas = 1;
  Open();
  Want({{1, 100}});
  Look(2);
  const int told = gateway_.configured();
  LookFor(seconds(20));
  EXPECT_EQ(gateway_.configured(), told);
}

TEST_F(EndpointControllerTest, ReplicasOfOthersAreLeftAlone) {
  substrate::WorkloadSpec other;
  other.name = "n-v1-x";
  other.kind = "replica";
  other.labels = {{"endpoint", "n"}, {"version", "1"}};
  ASSERT_TRUE(substrate_.Start(other));
  Want({});
  LookFor(seconds(2));
  EXPECT_TRUE(substrate_.IsRunning("n-v1-x"));
  EXPECT_TRUE(endpoint_->replicas().empty());
  ASSERT_TRUE(endpoint_->Close(substrate_.List().value()));
  EXPECT_TRUE(substrate_.IsRunning("n-v1-x"));
}

TEST_F(EndpointControllerTest, CloseEndsEveryReplicaAndTheGatewayForgetsIt) {
  serve_.min_replicas = 2;
  Open();
  Want({{1, 100}});
  Look(2);
  ASSERT_TRUE(endpoint_->Close(substrate_.List().value()));
  EXPECT_TRUE(Running().empty());
  EXPECT_FALSE(gateway_.Has("m"));
}

TEST(ProbeReadyTest, NobodyThereIsNotReady) {
  EXPECT_FALSE(ProbeReady("unix:/nowhere/at-all.sock"));
  EXPECT_FALSE(ProbeReady("what is this"));
}

}  // namespace
}  // namespace keelson::control
