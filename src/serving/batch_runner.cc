#include "serving/batch_runner.h"

#include <algorithm>
#include <utility>

namespace keelson::serving {
namespace {

constexpr auto kIdle = std::chrono::seconds(10);  // before a thread without work ends

}  // namespace

BatchRunner::BatchRunner(const BatchPolicy& policy, const Clock& clock, Compute compute)
    : clock_(clock), compute_(std::move(compute)), queue_(policy) {}

BatchRunner::~BatchRunner() {
  std::unordered_map<std::uint64_t, std::unique_ptr<Task>> waiting;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    waiting.swap(tasks_);
  }
  changed_.notify_all();
  for (const auto& [id, task] : waiting) task->Refuse(BatchQueue::Admission::kEnded);
  std::list<std::thread> threads;
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      threads.splice(threads.end(), ended_);
      if (threads.empty() && threads_.empty()) break;
    }
    for (auto& thread : threads) thread.join();
    threads.clear();
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !ended_.empty() || threads_.empty(); });
  }
}

void BatchRunner::SetPolicy(const BatchPolicy& policy) {
  {
    const std::lock_guard lock(mutex_);
    queue_.SetPolicy(policy);
  }
  changed_.notify_all();
}

BatchPolicy BatchRunner::policy() const {
  const std::lock_guard lock(mutex_);
  return queue_.policy();
}

std::size_t BatchRunner::waiting() const {
  const std::lock_guard lock(mutex_);
  return queue_.waiting();
}

bool BatchRunner::idle() const {
  const std::lock_guard lock(mutex_);
  return queue_.waiting() == 0 && queue_.running() == 0;
}

void BatchRunner::Offer(std::unique_ptr<Task> task) {
  std::unique_lock lock(mutex_);
  task->ask.id = next_id_++;
  const auto admission = queue_.Offer(task->ask, clock_.MonotonicNow());
  if (admission != BatchQueue::Admission::kWaits) {
    lock.unlock();
    return task->Refuse(admission);
  }
  tasks_.emplace(task->ask.id, std::move(task));
  // One more than compute at once: it tells those whose time runs out while all others compute.
  if (idle_threads_ == 0 && threads_.size() <= queue_.policy().instances) {
    Reap();
    threads_.emplace_front();
    threads_.front() = std::thread([this, self = threads_.begin()] { Work(self); });
  }
  lock.unlock();
  changed_.notify_one();
}

void BatchRunner::Reap() {
  for (auto& thread : ended_) thread.join();  // they hold no lock and have nothing left to do
  ended_.clear();
}

BatchRunner::Tasks BatchRunner::Take(const std::vector<std::uint64_t>& ids) {
  Tasks taken;
  taken.reserve(ids.size());
  for (const auto id : ids) taken.push_back(std::move(tasks_.extract(id).mapped()));
  return taken;
}

void BatchRunner::Work(std::list<std::thread>::iterator self) {
  std::unique_lock lock(mutex_);
  auto idle_until = clock_.MonotonicNow() + kIdle;
  while (!stopping_) {
    const auto plan = queue_.Next(clock_.MonotonicNow());
    Tasks expired = Take(plan.expired);
    Tasks batch = Take(plan.batch);
    if (expired.empty() && batch.empty()) {
      if (queue_.waiting() == 0 && clock_.MonotonicNow() >= idle_until) break;
      ++idle_threads_;
      const auto until = queue_.waiting() == 0 ? idle_until : plan.look_again;
      if (until == BatchQueue::Time::max()) {
        changed_.wait(lock);
      } else {
        changed_.wait_for(lock, until - clock_.MonotonicNow());
      }
      --idle_threads_;
      continue;
    }
    // Whoever takes something leaves another to look at what still waits.
    if (queue_.waiting() != 0 && idle_threads_ != 0) changed_.notify_one();
    lock.unlock();
    for (const auto& task : expired) task->Refuse(BatchQueue::Admission::kExpired);
    if (!batch.empty()) compute_(std::move(batch));
    expired.clear();
    lock.lock();
    if (!plan.batch.empty()) queue_.Finish();
    idle_until = clock_.MonotonicNow() + kIdle;
  }
  ended_.splice(ended_.end(), threads_, self);
  changed_.notify_all();
}

}  // namespace keelson::serving
