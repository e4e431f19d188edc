#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

namespace keelson::serving {

// How the requests of one model wait and are computed.
struct BatchPolicy {
  std::size_t max_rows = 1;            // of a batch; 1: every request by itself
  std::chrono::nanoseconds delay{0};   // that a batch may wait for more rows, while the model is at work
  std::size_t queue_limit = 256;       // requests that may wait
  std::size_t instances = 2;           // batches that are computed at once
  std::uint32_t default_priority = 2;  // of a request that says none
  std::uint32_t priority_levels = 0;   // a lower one is taken for the default; 0: there is no lowest
  std::optional<std::chrono::nanoseconds> default_timeout = std::nullopt;
  bool timeout_override = true;  // whether a request may say a timeout of its own

  // The priority that a request of this one has; nothing or 0 is one that says none.
  std::uint32_t PriorityOf(std::optional<std::uint64_t> asked) const;
  // The shorter of the timeouts that hold; nothing when none does.
  std::optional<std::chrono::nanoseconds> TimeoutOf(std::optional<std::chrono::nanoseconds> asked) const;

  bool operator==(const BatchPolicy&) const = default;
};

// The requests of one model that wait, and the decision what is computed next. Knows no clock and no thread: the caller
// says the time, computes what Next names and tells when it is done.
//
// It promises: at most `queue_limit` wait and `instances` batches are computed; a request that arrives while the model
// has nothing to do is computed at once, whatever the delay; of those that wait the one of the highest priority goes
// first, in one priority the oldest; a batch has requests of one shape and at most `max_rows` rows, unless it is one
// request; nothing is computed whose deadline has come; each request is named once by Next, or refused by Offer.
class BatchQueue {
 public:
  using Time = std::chrono::steady_clock::time_point;

  struct Request {
    std::uint64_t id = 0;
    std::size_t rows = 1;
    std::uint64_t shape = 0;     // only requests of one shape are computed together; 0: this one by itself
    std::uint32_t priority = 2;  // 1 goes first
    Time deadline = Time::max();
  };
  enum class Admission { kWaits, kFull, kExpired, kEnded };  // kEnded: never from here, but where a queue is given up
  struct Plan {
    std::vector<std::uint64_t> expired;  // to be refused
    std::vector<std::uint64_t> batch;    // to be computed together, now; empty: nothing
    Time look_again = Time::max();       // when something may be due though nothing arrives or ends
  };

  explicit BatchQueue(BatchPolicy policy) : policy_(policy) {}

  Admission Offer(const Request& request, Time now);
  // Ask again until the batch is empty.
  Plan Next(Time now);
  void Finish() { --running_; }  // of a batch

  void SetPolicy(const BatchPolicy& policy) { policy_ = policy; }
  const BatchPolicy& policy() const { return policy_; }
  std::size_t waiting() const { return waiting_; }
  std::size_t running() const { return running_; }

 private:
  struct Entry {
    Request request;
    Time arrival;
  };
  // Those that the first one would be computed with, first to last.
  struct Batch {
    std::vector<std::uint64_t> ids;
    std::size_t rows = 0;
    Time oldest = Time::max();
    Time first_deadline = Time::max();
  };

  void Expire(Time now, std::vector<std::uint64_t>* expired);
  Batch Gather() const;
  void Remove(const std::vector<std::uint64_t>& ids);

  BatchPolicy policy_;
  std::map<std::uint32_t, std::deque<Entry>> levels_;  // by priority; none is empty
  std::vector<std::uint64_t> overdue_;                 // found by Offer, told by the next Next
  std::size_t waiting_ = 0;
  std::size_t running_ = 0;
  Time first_deadline_ = Time::max();  // of those that wait, or earlier
};

}  // namespace keelson::serving
