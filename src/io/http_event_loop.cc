#include "io/http_event_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <future>

#include "base/log.h"
#include "io/short_slice.h"

namespace keelson::io {
namespace {

thread_local EventLoop* current_loop = nullptr;

}  // namespace

EventLoop::Timer::Timer(EventLoop& loop, std::function<void()> fire) : loop_(loop), fire_(std::move(fire)) {
  loop_.timers_.push_back(this);
}

EventLoop::Timer::~Timer() {
  std::erase(loop_.timers_, this);
}

Result<std::shared_ptr<EventLoop>> EventLoop::Start() {
  std::shared_ptr<EventLoop> loop(new EventLoop);
  loop->epoll_.Reset(epoll_create1(EPOLL_CLOEXEC));
  loop->wake_.Reset(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!loop->epoll_ || !loop->wake_) {
    return Fail(ErrorCode::kResourceExhausted, "no descriptors left for an I/O thread: raise the limit of open files");
  }
  loop->Add(loop->wake_.get(), nullptr, EPOLLIN);
  loop->now_ = Clock::now();
  loop->thread_ = std::thread([raw = loop.get()] { raw->Run(); });
  return loop;
}

EventLoop* EventLoop::Current() {
  return current_loop;
}

const std::shared_ptr<EventLoop>& EventLoop::Background() {
  // Never stopped: a client may live in any static object. The thread ends with the process.
  static const auto* const loop = [] {
    auto started = Start();
    if (!started.has_value()) {
      LogError(started.error().ToString());
      std::abort();
    }
    return new std::shared_ptr<EventLoop>(*std::move(started));
  }();
  return *loop;
}

EventLoop::~EventLoop() {
  Stop();
}

bool EventLoop::Post(Task task) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (stopped_) return false;
    wake = tasks_.empty();
    tasks_.push_back(std::move(task));
  }
  if (wake) eventfd_write(wake_.get(), 1);
  return true;
}

void EventLoop::Call(const std::function<void()>& task) {
  std::promise<void> done;
  const bool posted = Post([&] {
    task();
    done.set_value();
  });
  if (posted) done.get_future().wait();
}

void EventLoop::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  eventfd_write(wake_.get(), 1);
  if (thread_.joinable()) thread_.join();
}

void EventLoop::Add(int fd, EventHandler* handler, std::uint32_t events) {
  epoll_event event{.events = events, .data = {.ptr = handler}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) LogError("epoll refused a descriptor");
}

void EventLoop::Modify(int fd, EventHandler* handler, std::uint32_t events) {
  epoll_event event{.events = events, .data = {.ptr = handler}};
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void EventLoop::Remove(int fd, const EventHandler* handler) {
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  auto* events = static_cast<epoll_event*>(batch_);
  for (int i = 0; i < batch_size_; ++i) {
    if (events[i].data.ptr == handler) events[i].events = 0;
  }
}

void EventLoop::AtStop(const void* owner, Task task) {
  at_stop_.emplace_back(owner, std::move(task));
}

void EventLoop::ForgetAtStop(const void* owner) {
  std::erase_if(at_stop_, [&](const auto& entry) { return entry.first == owner; });
}

int EventLoop::MillisecondsToWait() const {
  auto due = Clock::time_point::max();
  for (const Timer* timer : timers_) due = std::min(due, timer->due_);
  if (due == Clock::time_point::max()) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(due - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

void EventLoop::RunTasks() {
  std::vector<Task> tasks;
  {
    const std::lock_guard lock(mutex_);
    tasks.swap(tasks_);
  }
  for (Task& task : tasks) task();
}

void EventLoop::RunTimers() {
  for (std::size_t i = 0; i < timers_.size(); ++i) {
    Timer* timer = timers_[i];
    if (timer->due_ > now_) continue;
    timer->Cancel();
    timer->fire_();
  }
}

void EventLoop::Run() {
  // sendfile cannot be told to send no signal for a connection that the other side has closed.
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  current_loop = this;
  AskForShortSlices();
  std::array<epoll_event, 128> events{};
  batch_ = events.data();
  for (;;) {
    const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), MillisecondsToWait());
    now_ = Clock::now();
    batch_size_ = std::max(count, 0);
    bool woken = false;
    for (int i = 0; i < batch_size_; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      if (event.events == 0) continue;
      if (event.data.ptr == nullptr) {
        eventfd_t value = 0;
        eventfd_read(wake_.get(), &value);
        woken = true;
      } else {
        static_cast<EventHandler*>(event.data.ptr)->OnEvents(event.events);
      }
    }
    batch_size_ = 0;
    if (woken) RunTasks();
    RunTimers();
    if (woken) {
      const std::lock_guard lock(mutex_);
      if (stopping_ && tasks_.empty()) break;
      if (stopping_) eventfd_write(wake_.get(), 1);
    }
  }
  while (!at_stop_.empty()) {
    Task task = std::move(at_stop_.back().second);
    at_stop_.pop_back();
    task();
  }
  std::vector<Task> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    dropped.swap(tasks_);
  }
}

}  // namespace keelson::io
