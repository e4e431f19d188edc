#include "io/process.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <functional>
#include <thread>

#include "base/strings.h"
#include "io/files.h"
#include "io/temp_folder.h"

namespace keelson::io {
namespace {

// Waits for what must come, by looking again and again; false after half a minute.
bool Eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (std::chrono::steady_clock::now() < deadline) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return condition();
}

ExitStatus WaitExited(const ProcessId& process) {
  std::optional<ExitStatus> status;
  EXPECT_TRUE(Eventually([&] { return (status = TryReap(process)).has_value(); }));
  return status.value_or(ExitStatus{});
}

ProcessId Launch(const SpawnOptions& options) {
  const auto process = Spawn(options);
  EXPECT_TRUE(process.has_value()) << process.error().ToString();
  return process.value_or(ProcessId{});
}

class ProcessTest : public testing::Test {
 protected:
  SpawnOptions Shell(const std::string& script) const {
    SpawnOptions options;
    options.command = {"sh", "-c", script};
    options.environment = {{"PATH", "/usr/bin:/bin"}};
    options.output = folder_.File("out");
    return options;
  }
  std::string Output() const { return ReadFile(folder_.File("out")).value_or("(none)"); }
  pid_t PidIn(const std::string& name) const {
    pid_t pid = 0;
    EXPECT_TRUE(Eventually([&] {
      const auto text = ReadFile(folder_.File(name));
      if (!text.has_value() || !text->ends_with('\n')) return false;
      pid = static_cast<pid_t>(ParseInt(Trim(*text)).value_or(0));
      return true;
    }));
    return pid;
  }

  TempFolder folder_ = *TempFolder::Make();
};

TEST_F(ProcessTest, TellsHowAChildEnded) {
  EXPECT_EQ(WaitExited(Launch(Shell("exit 3"))), (ExitStatus{3, 0}));
  EXPECT_EQ(WaitExited(Launch(Shell("kill -9 $$"))), (ExitStatus{-1, SIGKILL}));
  const auto process = Launch(Shell("true"));
  EXPECT_EQ(WaitExited(process), (ExitStatus{0, 0}));
  EXPECT_EQ(TryReap(process), ExitStatus{});     // known once only
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);  // and no zombie is left
}

TEST_F(ProcessTest, CountsWhatAChildAndItsOwnHaveUsed) {
  // A hundred thousand turns of a shell are some tens of milliseconds; of a child of the child, that it waits for.
  const auto process = Launch(Shell("sh -c 'i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done'; true"));
  ProcessUsage used;
  ASSERT_TRUE(Eventually([&] { return TryReap(process, &used).has_value(); }));
  EXPECT_GT(used.cpu, std::chrono::milliseconds(5));
  EXPECT_GT(used.peak_memory_bytes, 256 << 10);
  EXPECT_FALSE(UsageOf(process).has_value());  // it is gone
}

TEST(UsageTest, OfOneThatRunsIsReadAndGrows) {
  const auto self = *Self();
  const auto first = UsageOf(self);
  ASSERT_TRUE(first.has_value());
  std::vector<char> large(64 << 20, 'x');  // touched, so resident
  EXPECT_TRUE(Eventually([&] {
    large[static_cast<std::size_t>(clock()) % large.size()] = 'y';
    const auto now = UsageOf(self);
    return now.has_value() && now->cpu > first->cpu;
  }));
  EXPECT_GE(UsageOf(self)->peak_memory_bytes, 64 << 20);
}

TEST_F(ProcessTest, GivesTheChildOnlyWhatWasSaid) {
  ASSERT_TRUE(MakeFolders(folder_.File("work")).has_value());
  const int leaked = open("/dev/null", O_RDONLY);  // without O_CLOEXEC, as a library might
  ASSERT_GE(leaked, 0);
  signal(SIGTERM, SIG_IGN);
  SpawnOptions options = Shell(
      "env | sort; pwd; ls /proc/self/fd | wc -l; ps -o pgid= -p $$ | tr -d ' '; echo $$; "
      "grep SigIgn /proc/$$/status; ulimit -c; nice; cat");
  options.environment["COLOUR"] = "green = good";
  options.folder = folder_.File("work");
  options.nice = 5;
  const auto process = Launch(options);
  signal(SIGTERM, SIG_DFL);
  close(leaked);
  EXPECT_EQ(WaitExited(process).code, 0);
  const std::string output = Output();
  const auto lines = Split(output, '\n');
  ASSERT_EQ(lines.size(), 11u) << output;
  EXPECT_EQ(lines[0], "COLOUR=green = good");
  EXPECT_EQ(lines[1], "PATH=/usr/bin:/bin");
  EXPECT_EQ(lines[2], "PWD=" + folder_.File("work"));
  EXPECT_EQ(lines[3], folder_.File("work"));
  EXPECT_EQ(lines[4], "4");  // 0, 1 (the pipe to wc), 2, and the folder that ls reads
  EXPECT_EQ(lines[5], std::to_string(process.pid));
  EXPECT_EQ(lines[6], lines[5]);
  EXPECT_EQ(lines[7], "SigIgn:\t0000000000000000");
  EXPECT_EQ(lines[8], "0");
  EXPECT_EQ(lines[9], std::to_string(std::min(19, getpriority(PRIO_PROCESS, 0) + 5)));
}

TEST_F(ProcessTest, AChildIsNicerThanWeAreHoweverNiceThatIs) {
  const int ours = getpriority(PRIO_PROCESS, 0);
  std::jthread([&] {  // priorities are threads' own, and only a privileged one could go back
    for (const int nice : {ours + 3, 18}) {
      ASSERT_EQ(setpriority(PRIO_PROCESS, 0, nice), 0);
      SpawnOptions options = Shell("nice");
      options.nice = 5;
      EXPECT_EQ(WaitExited(Launch(options)).code, 0);
      EXPECT_THAT(Output(), testing::EndsWith(std::to_string(std::min(19, nice + 5)) + "\n"));
    }
  })
      .join();
}

TEST_F(ProcessTest, AppendsOutputAndLimitsMemory) {
  EXPECT_EQ(WaitExited(Launch(Shell("echo one; echo two >&2"))).code, 0);
  SpawnOptions options = Shell("ulimit -v");
  options.memory_limit_bytes = 512u << 20;
  EXPECT_EQ(WaitExited(Launch(options)).code, 0);
  EXPECT_EQ(Output(), "one\ntwo\n524288\n");
}

TEST_F(ProcessTest, StaysInOurGroupWhenTold) {
  SpawnOptions options = Shell("ps -o pgid= -p $$ | tr -d ' '");
  options.own_group = false;
  EXPECT_EQ(WaitExited(Launch(options)).code, 0);
  EXPECT_EQ(Output(), std::to_string(getpgrp()) + "\n");
}

TEST_F(ProcessTest, SaysWhyAProgramCannotStart) {
  SpawnOptions options = Shell("true");
  options.command = {"no-such-program"};
  EXPECT_EQ(Spawn(options).error().code, ErrorCode::kNotFound);
  options.command = {folder_.File("none")};
  EXPECT_EQ(Spawn(options).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(Spawn(options).error().where, folder_.File("none"));
  ASSERT_TRUE(WriteFileAtomically(folder_.File("text"), "not a program").has_value());
  options.command = {folder_.File("text")};
  EXPECT_EQ(Spawn(options).error().code, ErrorCode::kPermissionDenied);
  options.command = {};
  EXPECT_EQ(Spawn(options).error().code, ErrorCode::kInvalidArgument);
  options = Shell("true");
  options.folder = folder_.File("none");
  EXPECT_EQ(Spawn(options).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(Spawn(options).error().where, folder_.File("none"));
  options = Shell(std::string("true\0", 5));
  EXPECT_EQ(Spawn(options).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
}

TEST_F(ProcessTest, RunsNothingBeforeItWasRecorded) {
  SpawnOptions options = Shell("echo ran");
  options.before_exec = [&](const ProcessId& process) -> Status {
    EXPECT_TRUE(IsAlive(process));
    return Fail(ErrorCode::kResourceExhausted, "the disk is full");
  };
  EXPECT_EQ(Spawn(options).error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(Output(), "");
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
}

TEST_F(ProcessTest, AParentKilledBeforeItRecordedLeavesNoChild) {
  const pid_t parent = fork();
  if (parent == 0) {
    SpawnOptions options = Shell("echo ran");
    options.before_exec = [&](const ProcessId& process) -> Status {
      const Status written = WriteFileAtomically(folder_.File("pid"), std::to_string(process.pid) + "\n");
      kill(getpid(), SIGKILL);
      return written;
    };
    const auto process = Spawn(options);
    _exit(process.has_value() ? 0 : 1);
  }
  waitpid(parent, nullptr, 0);
  const pid_t child = PidIn("pid");
  EXPECT_TRUE(Eventually([&] {
    const auto found = FindProcess(child);
    return !found.has_value() || !IsAlive(*found);
  }));
  EXPECT_EQ(Output(), "");
}

TEST_F(ProcessTest, AZombieIsNotAliveAndAReusedPidIsNotIt) {
  const auto process = Launch(Shell("exit 0"));
  EXPECT_TRUE(Eventually([&] { return !IsAlive(process); }));
  EXPECT_TRUE(FindProcess(process.pid).has_value());  // still there, as a zombie

  ProcessId other = process;
  other.start_ticks += 1;
  EXPECT_EQ(TryReap(other), ExitStatus{});  // must not reap the present owner of the pid
  EXPECT_EQ(WaitExited(process).code, 0);
}

TEST_F(ProcessTest, SignalsNeverReachALaterOwnerOfThePid) {
  const auto process = Launch(Shell("exec sleep 1000"));
  ProcessId other = process;
  other.start_ticks += 1;
  EXPECT_FALSE(IsAlive(other));
  EXPECT_TRUE(SignalGroup(other, SIGKILL).has_value());
  other = process;
  other.boot_id = "another";
  EXPECT_FALSE(IsAlive(other));
  EXPECT_TRUE(SignalGroup(other, SIGKILL).has_value());
  EXPECT_TRUE(SignalGroup(ProcessId{}, SIGKILL).has_value());  // nor everyone, nor our own group
  EXPECT_TRUE(IsAlive(process));
  EXPECT_FALSE(TryReap(process).has_value());
  EXPECT_TRUE(SignalGroup(process, SIGTERM).has_value());
  EXPECT_EQ(WaitExited(process).signal, SIGTERM);
  EXPECT_TRUE(SignalGroup(process, SIGTERM).has_value());  // gone is no error
}

TEST_F(ProcessTest, TheGroupOutlivesItsLeaderAndIsKilledWhole) {
  const auto process = Launch(Shell("sleep 1000 & echo $! > " + folder_.File("pid") + "; exit 0"));
  const auto grandchild = *FindProcess(PidIn("pid"));
  EXPECT_EQ(WaitExited(process).code, 0);
  EXPECT_TRUE(IsAlive(grandchild));
  EXPECT_TRUE(SignalGroup(process, SIGKILL).has_value());
  EXPECT_TRUE(Eventually([&] { return !IsAlive(grandchild); }));
}

TEST_F(ProcessTest, AnAdoptedProcessIsSeenButItsExitIsUnknown) {
  // A parent that dies: its child is adopted by init, and by us in the sense that we know its id.
  const pid_t parent = fork();
  if (parent == 0) {
    const auto process = Spawn(Shell("exec sleep 1000"));
    _exit(process.has_value() && WriteFileAtomically(folder_.File("pid"), std::to_string(process->pid) + "\n") ? 0 : 1);
  }
  int status = 0;
  waitpid(parent, &status, 0);
  ASSERT_EQ(status, 0);
  const auto process = *FindProcess(PidIn("pid"));
  EXPECT_TRUE(IsAlive(process));  // it outlived its parent
  EXPECT_FALSE(TryReap(process).has_value());
  EXPECT_TRUE(SignalGroup(process, SIGKILL).has_value());
  EXPECT_EQ(WaitExited(process), ExitStatus{});
}

TEST(SelfTest, KnowsItself) {
  const auto self = Self();
  ASSERT_TRUE(self.has_value());
  EXPECT_EQ(self->pid, getpid());
  EXPECT_TRUE(IsAlive(*self));
  EXPECT_GT(ProportionalSetSizeKb(self->pid).value_or(0), 500u);
  EXPECT_FALSE(ProportionalSetSizeKb(0).has_value());
  EXPECT_TRUE(ExecutablePath().ends_with("keelson_io_test"));
  EXPECT_EQ(FindProcess(0).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace keelson::io
