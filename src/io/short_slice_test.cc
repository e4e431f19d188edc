#include "io/short_slice.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <thread>

#include "io/http_event_loop.h"

namespace keelson::io {
namespace {

// The slice of the calling thread in nanoseconds, as the kernel has it; 0 where it keeps none.
std::uint64_t Slice() {
  std::array<char, 48> attributes{};
  EXPECT_EQ(syscall(SYS_sched_getattr, 0, attributes.data(), attributes.size(), 0), 0);
  std::uint64_t slice = 0;
  std::memcpy(&slice, attributes.data() + 24, sizeof(slice));
  return slice;
}

TEST(ShortSlice, IsTheThreadsOwnAndLeavesItsNiceness) {
  if (sched_getscheduler(0) != SCHED_OTHER) GTEST_SKIP() << "the whole process has another policy";
  const std::uint64_t before = Slice();
  if (before == 0) GTEST_SKIP() << "this kernel keeps no slices";
  std::thread([&] {
    ASSERT_EQ(setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), 5), 0);
    AskForShortSlices();
    EXPECT_EQ(Slice(), 100'000u);
    EXPECT_EQ(getpriority(PRIO_PROCESS, static_cast<id_t>(gettid())), 5);
    std::thread([&] { EXPECT_EQ(Slice(), before) << "what it starts is like any other"; }).join();
  }).join();
  EXPECT_EQ(Slice(), before);
}

TEST(ShortSlice, EveryLoopHasIt) {
  if (sched_getscheduler(0) != SCHED_OTHER || Slice() == 0) GTEST_SKIP() << "this kernel keeps no slices";
  const auto loop = EventLoop::Start();
  ASSERT_TRUE(loop.has_value());
  std::uint64_t slice = 0;
  (*loop)->Call([&] { slice = Slice(); });
  EXPECT_EQ(slice, 100'000u);
}

}  // namespace
}  // namespace keelson::io
