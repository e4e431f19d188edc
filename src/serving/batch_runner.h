#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "serving/batch_queue.h"

namespace keelson::serving {

// Computes the requests of one model on threads of the model's own, as BatchQueue decides. No two models share a thread
// or a lock here, so that one that is slow, or stuck, delays no other: the kernel divides the processor between them.
// Threads are made when they are needed and end when they were idle for a while.
//
// Safe from any thread. The destructor refuses what waits (kEnded) and lets end what is computed; it must not run on
// one of these threads.
class BatchRunner {
 public:
  // A request on its way. Ends by being computed or by Refuse, once.
  class Task {
   public:
    virtual ~Task() = default;
    // Why it is not computed. On the thread that offered it, one of the model's, or the one that ends the runner.
    virtual void Refuse(BatchQueue::Admission why) = 0;

    BatchQueue::Request ask;  // the id is given by Offer
  };
  using Tasks = std::vector<std::unique_ptr<Task>>;
  // Computes and answers one batch, in the order of the tasks. On one of the model's threads; must not throw.
  using Compute = std::function<void(Tasks batch)>;

  BatchRunner(const BatchPolicy& policy, const Clock& clock, Compute compute);
  ~BatchRunner();
  BatchRunner(const BatchRunner&) = delete;
  BatchRunner& operator=(const BatchRunner&) = delete;

  void Offer(std::unique_ptr<Task> task);
  void SetPolicy(const BatchPolicy& policy);
  BatchPolicy policy() const;
  std::size_t waiting() const;
  bool idle() const;  // nothing waits and nothing is computed

 private:
  void Work(std::list<std::thread>::iterator self);
  void Reap();  // joins the threads that have ended
  Tasks Take(const std::vector<std::uint64_t>& ids);

  const Clock& clock_;
  const Compute compute_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // All guarded by mutex_, which is not held while anything is computed or refused.
  BatchQueue queue_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Task>> tasks_;  // those that wait
  std::uint64_t next_id_ = 1;
  std::list<std::thread> threads_;
  std::list<std::thread> ended_;  // to be joined
  std::size_t idle_threads_ = 0;  // that wait for something to do, or for a deadline
  bool stopping_ = false;
};

}  // namespace keelson::serving
