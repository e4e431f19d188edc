#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/result.h"
#include "io/http_sockets.h"

namespace keelson::io {

// Told by an EventLoop, on its thread, what happened to a descriptor (EPOLLIN, EPOLLOUT, ...).
class EventHandler {
 public:
  virtual ~EventHandler() = default;
  virtual void OnEvents(std::uint32_t events) = 0;
};

// One I/O thread: epoll, tasks posted from other threads, and timers. Shared by whatever lives on it; the one who
// started it calls Stop. Only Post, Call, InLoop and Stop may be called from other threads.
class EventLoop : public std::enable_shared_from_this<EventLoop> {
 public:
  using Clock = std::chrono::steady_clock;
  using Task = std::move_only_function<void()>;

  // A time at which something is to be looked at; set and set anew without cost. Lives on one loop's thread.
  class Timer {
   public:
    Timer(EventLoop& loop, std::function<void()> fire);
    ~Timer();
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    void Set(Clock::time_point due) { due_ = due; }
    void Cancel() { due_ = Clock::time_point::max(); }
    Clock::time_point due() const { return due_; }

   private:
    friend class EventLoop;
    EventLoop& loop_;
    std::function<void()> fire_;
    Clock::time_point due_ = Clock::time_point::max();
  };

  static Result<std::shared_ptr<EventLoop>> Start();
  static EventLoop* Current();  // the loop whose thread this is, or null
  static const std::shared_ptr<EventLoop>&
  Background();  // one for the process, for clients without a loop of their own
  ~EventLoop();

  bool InLoop() const { return Current() == this; }
  // Runs the task on the loop's thread, in the order posted; false, and the task destroyed, after the loop has stopped.
  bool Post(Task task);
  // Posts the task and waits for its end; after the loop has stopped nothing happens. Not from the loop itself.
  void Call(const std::function<void()>& task);
  // Runs what was posted, then what AtStop was given, and ends the thread. Not from the loop itself.
  void Stop();

  // On the loop's thread.
  void Add(int fd, EventHandler* handler, std::uint32_t events);
  void Modify(int fd, EventHandler* handler, std::uint32_t events);
  void Remove(int fd, const EventHandler* handler);  // no event reaches the handler after this
  void AtStop(const void* owner, Task task);         // run once when the loop stops
  void ForgetAtStop(const void* owner);
  Clock::time_point now() const { return now_; }  // read once a turn

 private:
  EventLoop() = default;
  void Run();
  void RunTasks();
  void RunTimers();
  int MillisecondsToWait() const;

  UniqueFd epoll_;
  UniqueFd wake_;
  std::thread thread_;

  std::mutex mutex_;
  std::vector<Task> tasks_;  // guarded by mutex_, as are the two below
  bool stopping_ = false;
  bool stopped_ = false;

  Clock::time_point now_{};
  std::vector<Timer*> timers_;
  std::vector<std::pair<const void*, Task>> at_stop_;
  void* batch_ = nullptr;  // the events of the present turn, so that Remove can strike some out
  int batch_size_ = 0;
};

}  // namespace keelson::io
