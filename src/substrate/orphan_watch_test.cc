#include "substrate/orphan_watch.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <future>
#include <optional>

#include "io/files.h"
#include "io/temp_folder.h"

namespace keelson::substrate {
namespace {

using std::chrono::milliseconds;

TEST(OrphanWatchTest, EndsWhenTheLockStaysFreeAndNotBefore) {
  const io::TempFolder folder = *io::TempFolder::Make();
  const std::string path = folder.File("lock");
  std::optional<io::FileLock> lock = *io::FileLock::Acquire(path);
  std::promise<void> ended;
  auto future = ended.get_future();
  const OrphanWatch watch(
      path, [&] { ended.set_value(); }, milliseconds(200), milliseconds(5));
  EXPECT_EQ(future.wait_for(milliseconds(400)), std::future_status::timeout);
  lock.reset();  // the server restarts in time
  lock = *io::FileLock::Acquire(path);
  EXPECT_EQ(future.wait_for(milliseconds(400)), std::future_status::timeout);
  lock.reset();
  const auto freed = std::chrono::steady_clock::now();
  EXPECT_EQ(future.wait_for(std::chrono::seconds(30)), std::future_status::ready);
  EXPECT_GE(std::chrono::steady_clock::now() - freed, milliseconds(150));
}

TEST(OrphanWatchTest, EndsTheWholeGroup) {
  const io::TempFolder folder = *io::TempFolder::Make();
  int alive[2];  // its end is seen when no process of the group holds it any more
  ASSERT_EQ(pipe(alive), 0);
  const pid_t leader = fork();
  if (leader == 0) {
    setpgid(0, 0);
    close(alive[0]);
    if (fork() == 0) {
      for (;;) pause();
    }
    const OrphanWatch watch(folder.File("none"), OrphanWatch::EndOwnGroup, milliseconds(10), milliseconds(1));
    for (;;) pause();
  }
  close(alive[1]);
  char byte = 0;
  EXPECT_EQ(read(alive[0], &byte, 1), 0);
  close(alive[0]);
  int status = 0;
  waitpid(leader, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

}  // namespace
}  // namespace keelson::substrate
