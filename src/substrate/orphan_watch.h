#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace keelson::substrate {

// Ends a worker or replica whose server is gone for good. A thread looks at the data directory's lock; when it has been
// free without a break for `patience`, `end` is called once, from that thread. A server that restarts in time takes the
// lock again and adopts the process. Made once by the role's main function, with the path from the environment variable
// KEELSON_LOCK.
class OrphanWatch {
 public:
  // `end` defaults to EndOwnGroup.
  explicit OrphanWatch(std::string lock_path, std::function<void()> end = EndOwnGroup,
                       std::chrono::milliseconds patience = std::chrono::seconds(30),
                       std::chrono::milliseconds interval = std::chrono::seconds(1));
  ~OrphanWatch();  // stops looking
  OrphanWatch(const OrphanWatch&) = delete;
  OrphanWatch& operator=(const OrphanWatch&) = delete;

  // Kills the whole process group that this process leads (a command trainer's children too); just this process when it
  // leads none.
  static void EndOwnGroup();

 private:
  void Watch();

  const std::string lock_path_;
  const std::function<void()> end_;
  const std::chrono::milliseconds patience_;
  const std::chrono::milliseconds interval_;
  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace keelson::substrate
