#include "substrate/local/local_substrate.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <functional>
#include <thread>

#include "base/strings.h"
#include "io/files.h"
#include "io/process.h"
#include "io/temp_folder.h"
#include "substrate/local/workload_record.h"

namespace keelson::substrate {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

bool Eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + seconds(30);
  while (std::chrono::steady_clock::now() < deadline) {
    if (condition()) return true;
    std::this_thread::sleep_for(milliseconds(2));
  }
  return condition();
}

class LocalSubstrateTest : public testing::Test {
 protected:
  ~LocalSubstrateTest() override {
    if (substrate_ == nullptr) return;
    const auto all = substrate_->List();
    for (const auto& status : *all) {
      EXPECT_TRUE(substrate_->Stop(status.name, Duration(0)).has_value());
      End(status.name);
      EXPECT_TRUE(substrate_->Forget(status.name).has_value());
    }
  }
  void Open(bool cgroups = false) {
    substrate_.reset();
    LocalOptions options;
    options.data_folder = folder_.path();
    options.cgroups = cgroups;
    auto opened = LocalSubstrate::Open(options, clock_);
    ASSERT_TRUE(opened.has_value()) << opened.error().ToString();
    substrate_ = std::move(*opened);
  }
  static WorkloadSpec Shell(const std::string& name, const std::string& script) {
    WorkloadSpec spec;
    spec.name = name;
    spec.kind = "job";
    spec.project = "p";
    spec.command = {"sh", "-c", script};
    spec.labels = {{"job", "1"}};
    return spec;
  }
  void Start(const WorkloadSpec& spec) {
    const Status started = substrate_->Start(spec);
    ASSERT_TRUE(started.has_value()) << started.error().ToString();
  }
  WorkloadStatus Get(const std::string& name) {
    const auto all = substrate_->List();
    for (const auto& status : *all) {
      if (status.name == name) return status;
    }
    return {};
  }
  WorkloadStatus End(const std::string& name) {
    EXPECT_TRUE(Eventually([&] {
      const auto phase = Get(name).phase;
      return phase == WorkloadPhase::kSucceeded || phase == WorkloadPhase::kFailed;
    }));
    return Get(name);
  }
  std::string Log(const std::string& name) { return substrate_->ReadLog(name, 0, 1 << 20).value_or("(none)"); }
  io::ProcessId ProcessIn(const std::string& file) {
    EXPECT_TRUE(Eventually([&] { return io::ReadFile(folder_.File(file)).value_or("").ends_with('\n'); }));
    const auto text = io::ReadFile(folder_.File(file)).value_or("0");
    return io::FindProcess(static_cast<pid_t>(ParseInt(Trim(text)).value_or(0))).value_or(io::ProcessId{});
  }
  // Runs a server of its own that starts `specs`, and kills it with SIGKILL. Before Open: a fork wants no threads.
  void ServerThatIsKilled(const std::vector<WorkloadSpec>& specs) {
    int ready[2];
    ASSERT_EQ(pipe(ready), 0);
    const pid_t server = fork();
    if (server == 0) {
      Open();
      for (const auto& spec : specs) Start(spec);
      if (write(ready[1], "r", 1) == 1) pause();
      _exit(1);
    }
    char byte = 0;
    ASSERT_EQ(read(ready[0], &byte, 1), 1);
    kill(server, SIGKILL);
    waitpid(server, nullptr, 0);
    close(ready[0]);
    close(ready[1]);
  }
  io::ProcessId Recorded(const std::string& name) {
    const std::string path = folder_.File("run/" + name + ".json");
    const auto record = ReadRecord(io::ReadFile(path).value_or(""), path);
    return record.has_value() ? record->process.value_or(io::ProcessId{}) : io::ProcessId{};
  }

  SystemClock clock_;
  io::TempFolder folder_ = *io::TempFolder::Make();
  std::unique_ptr<Substrate> substrate_;
};

TEST_F(LocalSubstrateTest, RunsAJobOnceAndTellsItsEnd) {
  Open();
  const auto spec =
      Shell("good", "echo $KEELSON_WORKLOAD $MINE $OMP_NUM_THREADS; env | cut -d= -f1 | sort | tr '\\n' ' '");
  auto mine = spec;
  mine.environment = {{"MINE", "yes"}};
  mine.resources.cpu_milli = 1500;
  Start(mine);
  Start(mine);
  EXPECT_EQ(End("good").phase, WorkloadPhase::kSucceeded);
  Start(mine);  // ended is not gone
  EXPECT_EQ(Log("good"),
            "good yes 2\nHOME KEELSON_EXIT_FILE KEELSON_LOCK KEELSON_WORKLOAD LANG MINE OMP_NUM_THREADS "
            "OMP_WAIT_POLICY PATH PWD TZ ");
  EXPECT_EQ(substrate_->ReadLog("good", 5, 3).value_or(""), "yes");
  EXPECT_EQ(Get("good").labels, spec.labels);
  ASSERT_TRUE(Get("good").usage.has_value());
  EXPECT_GT(Get("good").usage->peak_memory_bytes, 256 << 10);
  const auto used = Get("good").usage;
  Open();
  EXPECT_EQ(Get("good").usage, used);  // a restarted server knows it too

  Start(Shell("bad", "exit 3"));
  EXPECT_EQ(End("bad").reason, "exit code 3");
  EXPECT_EQ(Get("bad").exit_code, 3);
  Start(Shell("crash", "kill -11 $$"));
  EXPECT_EQ(End("crash").reason, "killed by signal 11");
  auto missing = Shell("missing", "");
  missing.command = {"/no/such/trainer"};
  Start(missing);
  EXPECT_EQ(Get("missing").phase, WorkloadPhase::kFailed);
  EXPECT_THAT(Get("missing").reason, HasSubstr("/no/such/trainer"));

  EXPECT_TRUE(substrate_->Forget("good").has_value());
  EXPECT_TRUE(substrate_->Forget("good").has_value());
  EXPECT_EQ(Get("good").name, "");
  EXPECT_THAT(Log("good"), HasSubstr("good yes"));  // logs stay
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);     // no zombie
  EXPECT_EQ(substrate_->ReadLog("never", 0, 1).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(substrate_->ReadLog("../x", 0, 1).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(LocalSubstrateTest, RefusesWhatIsMalformed) {
  Open();
  for (const char* name : {"", "A", "a/b", "..", "a_b"}) {
    EXPECT_EQ(substrate_->Start(Shell(name, "")).error().code, ErrorCode::kInvalidArgument) << name;
  }
  auto spec = Shell("a", "");
  spec.kind = "daemon";
  EXPECT_EQ(substrate_->Start(spec).error().code, ErrorCode::kInvalidArgument);
  spec = Shell("a", "");
  spec.command.clear();
  EXPECT_EQ(substrate_->Start(spec).error().code, ErrorCode::kInvalidArgument);
  LocalOptions options;
  options.data_folder = "relative";
  EXPECT_EQ(LocalSubstrate::Open(options, clock_).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(LocalSubstrateTest, StopsWithGraceAndThenKills) {
  Open();
  Start(Shell("polite", "trap 'exit 0' TERM; echo up; while :; do sleep 0.01; done"));
  Start(Shell("plain", "exec sleep 1000"));
  Start(Shell("stubborn", "trap '' TERM; echo up; while :; do sleep 0.01; done"));
  EXPECT_TRUE(Eventually([&] { return Log("polite") == "up\n" && Log("stubborn") == "up\n"; }));
  EXPECT_EQ(substrate_->Forget("plain").error().code, ErrorCode::kFailedPrecondition);
  EXPECT_TRUE(substrate_->Stop("polite", seconds(60)).has_value());
  EXPECT_TRUE(substrate_->Stop("plain", seconds(60)).has_value());
  EXPECT_TRUE(substrate_->Stop("stubborn", seconds(1000)).has_value());
  EXPECT_TRUE(substrate_->Stop("stubborn", milliseconds(20)).has_value());  // a shorter grace counts
  EXPECT_TRUE(substrate_->Stop("nobody", seconds(1)).has_value());
  EXPECT_EQ(End("polite").phase, WorkloadPhase::kSucceeded);
  EXPECT_EQ(End("plain").reason, "stopped");
  EXPECT_EQ(End("stubborn").reason, "stopped: killed after its grace ran out");
  EXPECT_TRUE(substrate_->Stop("stubborn", seconds(1)).has_value());
}

TEST_F(LocalSubstrateTest, GrandchildrenEndWithTheGroup) {
  Open();
  const std::string file = folder_.File("pid");
  Start(Shell("parent", "(trap '' TERM HUP; echo up; while :; do sleep 0.01; done) & echo $! > " + file + "; exit 0"));
  const auto grandchild = ProcessIn("pid");
  EXPECT_EQ(End("parent").phase, WorkloadPhase::kSucceeded);
  EXPECT_TRUE(Eventually([&] { return !io::IsAlive(grandchild); }));
}

TEST_F(LocalSubstrateTest, AReplicaHasASocketOfItsOwn) {
  Open();
  auto spec = Shell("r1", "echo {socket} $ADDRESS; exec sleep 1000");
  spec.kind = "replica";
  spec.environment = {{"ADDRESS", "unix:{socket}"}};
  Start(spec);
  const std::string socket = folder_.File("run/r1.sock");
  EXPECT_EQ(Get("r1").address, "unix:" + socket);
  EXPECT_TRUE(Eventually([&] { return Log("r1") == socket + " unix:" + socket + "\n"; }));
  EXPECT_TRUE(substrate_->Stop("r1", seconds(10)).has_value());
  EXPECT_EQ(End("r1").address, "");
}

TEST_F(LocalSubstrateTest, ALongDataFolderStillGivesAUsableSocket) {
  LocalOptions options;
  options.data_folder = folder_.File(std::string(120, 'd'));
  options.runtime_folder = folder_.path();
  options.cgroups = false;
  substrate_ = std::move(*LocalSubstrate::Open(options, clock_));
  auto spec = Shell("r1", "exec sleep 1000");
  spec.kind = "replica";
  Start(spec);
  const std::string address = Get("r1").address;
  ASSERT_TRUE(address.starts_with("unix:" + folder_.File("keelson-")));
  EXPECT_LE(address.size() - 5, sizeof(sockaddr_un{}.sun_path) - 1);
}

TEST_F(LocalSubstrateTest, ARestartedServerAdoptsWhatRunsAndLearnsWhatEnded) {
  auto replica = Shell("replica", "exec sleep 1000");
  replica.kind = "replica";
  ServerThatIsKilled(
      {replica, Shell("done", "exec sleep 1000"), Shell("killed", "exec sleep 1000"), Shell("ended", "exit 0")});
  for (const char* name : {"done", "killed"}) {
    EXPECT_TRUE(io::SignalGroup(Recorded(name), SIGKILL).has_value());
    EXPECT_TRUE(Eventually([&] { return !io::IsAlive(Recorded(name)); }));
  }
  ASSERT_TRUE(io::WriteFileAtomically(folder_.File("run/done.exit"), "0\n").has_value());
  EXPECT_TRUE(io::IsAlive(Recorded("replica")));
  EXPECT_TRUE(Eventually([&] { return !io::IsAlive(Recorded("ended")); }));

  Open();
  EXPECT_EQ(Get("replica").phase, WorkloadPhase::kRunning);
  EXPECT_EQ(Get("replica").address, "unix:" + folder_.File("run/replica.sock"));
  Start(replica);  // is the same one
  EXPECT_EQ(End("done").phase, WorkloadPhase::kSucceeded);
  EXPECT_EQ(End("killed").phase, WorkloadPhase::kFailed);
  EXPECT_THAT(Get("killed").reason, HasSubstr("exit unknown"));
  const auto process = Recorded("replica");
  EXPECT_TRUE(substrate_->Stop("replica", seconds(10)).has_value());
  EXPECT_EQ(End("replica").reason, "stopped");
  EXPECT_FALSE(io::IsAlive(process));
  Open();  // and what was learnt stays learnt
  EXPECT_EQ(Get("done").phase, WorkloadPhase::kSucceeded);
  EXPECT_EQ(Get("replica").reason, "stopped");
}

TEST_F(LocalSubstrateTest, AServerKilledBeforeTheSpawnHasStartedNothing) {
  WorkloadRecord record;
  record.status.name = "half";
  record.status.kind = "job";
  ASSERT_TRUE(io::MakeFolders(folder_.File("run")).has_value());
  ASSERT_TRUE(io::WriteFileAtomically(folder_.File("run/half.json"), WriteRecord(record)).has_value());
  Open();
  EXPECT_EQ(Get("half").name, "");
  Start(Shell("half", "echo ran"));
  EXPECT_EQ(End("half").phase, WorkloadPhase::kSucceeded);
  EXPECT_EQ(Log("half"), "ran\n");
}

TEST_F(LocalSubstrateTest, ADamagedRecordIsSaidSo) {
  ASSERT_TRUE(io::MakeFolders(folder_.File("run")).has_value());
  WorkloadRecord record;
  record.status.name = "w";
  const std::string good = WriteRecord(record);
  for (const std::string& text : {std::string(), std::string("{"), good.substr(0, good.size() / 2), std::string("[]"),
                                  std::string(R"({"schema":2})")}) {
    ASSERT_TRUE(io::WriteFileAtomically(folder_.File("run/w.json"), text).has_value());
    LocalOptions options;
    options.data_folder = folder_.path();
    const auto opened = LocalSubstrate::Open(options, clock_);
    ASSERT_FALSE(opened.has_value());
    EXPECT_EQ(opened.error().code, ErrorCode::kDataLoss);
    EXPECT_EQ(opened.error().where, folder_.File("run/w.json"));
  }
}

TEST_F(LocalSubstrateTest, LimitsAreAppliedAndSaid) {
  Open(false);
  auto spec = Shell("limited", "ulimit -v; nice");
  spec.resources = {500, std::int64_t{64} << 20};
  Start(spec);
  EXPECT_EQ(End("limited").phase, WorkloadPhase::kSucceeded);
  const int nice = std::min(19, getpriority(PRIO_PROCESS, 0) + 5);
  EXPECT_EQ(Log("limited"), fmt::format("{}\n{}\n", (64 << 10) + (2 << 20), nice));
  EXPECT_EQ(Get("limited").limits, "rlimit: memory 64 MiB (and 2 GiB of mappings); cpu: nice 5 only");

  Open(true);  // where groups may be made they hold; else the same as above
  auto hungry = Shell("hungry", "head -c 300000000 /dev/zero | tail -c 200000000 | wc -c; exit 9");
  hungry.resources = {1000, std::int64_t{64} << 20};
  Start(hungry);
  const auto ended = End("hungry");
  EXPECT_EQ(ended.phase, WorkloadPhase::kFailed);
  if (ended.limits.starts_with("cgroup")) {
    EXPECT_THAT(ended.limits, HasSubstr("memory 64 MiB, cpu 1 cores"));
    EXPECT_THAT(ended.reason, HasSubstr("out of memory"));
  } else {
    EXPECT_THAT(ended.limits, HasSubstr("rlimit"));
    EXPECT_EQ(ended.reason, "exit code 9");
  }
}

}  // namespace
}  // namespace keelson::substrate
