#include "substrate/orphan_watch.h"

#include <unistd.h>

#include <csignal>
#include <optional>

#include "base/log.h"
#include "io/files.h"

namespace keelson::substrate {

OrphanWatch::OrphanWatch(std::string lock_path, std::function<void()> end, std::chrono::milliseconds patience,
                         std::chrono::milliseconds interval)
    : lock_path_(std::move(lock_path)), end_(std::move(end)), patience_(patience), interval_(interval), thread_([this] {
        Watch();
      }) {}

OrphanWatch::~OrphanWatch() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_.notify_all();
  thread_.join();
}

void OrphanWatch::Watch() {
  std::optional<std::chrono::steady_clock::time_point> free_since;
  std::unique_lock lock(mutex_);
  while (!stop_.wait_for(lock, interval_, [this] { return stopping_; })) {
    lock.unlock();
    const auto now = std::chrono::steady_clock::now();
    if (!io::FileLock::IsFree(lock_path_)) {
      free_since.reset();
    } else if (!free_since.has_value()) {
      free_since = now;
    } else if (now - *free_since >= patience_) {
      LogWarning("the server is gone for good: ending", {{"lock", lock_path_}});
      end_();
      return;
    }
    lock.lock();
  }
}

void OrphanWatch::EndOwnGroup() {
  if (getpgrp() == getpid()) kill(0, SIGKILL);
  _exit(1);
}

}  // namespace keelson::substrate
