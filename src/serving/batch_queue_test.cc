#include "serving/batch_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "base/random.h"

namespace keelson::serving {
namespace {

using std::chrono::microseconds;
using std::chrono::nanoseconds;
using testing::ElementsAre;
using testing::IsEmpty;
using Admission = BatchQueue::Admission;
using Time = BatchQueue::Time;

Time At(std::int64_t micros) {
  return Time{} + microseconds(1'000'000 + micros);
}

BatchPolicy Policy(std::size_t max_rows, std::int64_t delay_us, std::size_t instances = 1, std::size_t limit = 100) {
  BatchPolicy policy;
  policy.max_rows = max_rows;
  policy.delay = microseconds(delay_us);
  policy.instances = instances;
  policy.queue_limit = limit;
  return policy;
}

// A queue with requests 1, 2, 3, ... of one row and one shape that came one microsecond after another.
BatchQueue Filled(const BatchPolicy& policy, std::uint64_t count) {
  BatchQueue queue(policy);
  for (std::uint64_t id = 1; id <= count; ++id) {
    EXPECT_EQ(queue.Offer({.id = id, .shape = 7}, At(static_cast<std::int64_t>(id))), Admission::kWaits);
  }
  return queue;
}

TEST(BatchQueue, ALoneRequestIsComputedAtOnceWhateverTheDelay) {
  auto queue = Filled(Policy(32, 1'000'000), 1);
  EXPECT_THAT(queue.Next(At(1)).batch, ElementsAre(1));
  EXPECT_EQ(queue.running(), 1u);
  EXPECT_EQ(queue.waiting(), 0u);
}

TEST(BatchQueue, WhatCameMeanwhileGoesTogetherWhenTheModelIsFree) {
  auto queue = Filled(Policy(32, 0), 1);
  EXPECT_THAT(queue.Next(At(1)).batch, ElementsAre(1));
  for (std::uint64_t id = 2; id <= 5; ++id) queue.Offer({.id = id, .shape = 7}, At(10));
  EXPECT_THAT(queue.Next(At(10)).batch, IsEmpty());  // one instance, and it is at work
  queue.Finish();
  EXPECT_THAT(queue.Next(At(20)).batch, ElementsAre(2, 3, 4, 5));
}

TEST(BatchQueue, ABatchWaitsForMoreWhileAnotherIsComputedAndNoLonger) {
  auto queue = Filled(Policy(3, 100, /*instances=*/2), 1);
  EXPECT_THAT(queue.Next(At(1)).batch, ElementsAre(1));
  queue.Offer({.id = 2, .shape = 7}, At(10));
  auto plan = queue.Next(At(10));
  EXPECT_THAT(plan.batch, IsEmpty());
  EXPECT_EQ(plan.look_again, At(110));
  queue.Offer({.id = 3, .shape = 7}, At(50));
  EXPECT_EQ(queue.Next(At(50)).look_again, At(110));  // counted from the oldest
  EXPECT_THAT(queue.Next(At(110)).batch, ElementsAre(2, 3));

  auto full = Filled(Policy(3, 100, 2), 1);
  full.Next(At(1));
  for (std::uint64_t id = 2; id <= 4; ++id) full.Offer({.id = id, .shape = 7}, At(10));
  EXPECT_THAT(full.Next(At(10)).batch, ElementsAre(2, 3, 4));

  auto freed = Filled(Policy(3, 100, 2), 1);
  freed.Next(At(1));
  freed.Offer({.id = 2, .shape = 7}, At(10));
  freed.Finish();
  EXPECT_THAT(freed.Next(At(11)).batch, ElementsAre(2));  // lone again
}

TEST(BatchQueue, NobodyWaitsForMoreBeyondADeadline) {
  auto queue = Filled(Policy(8, 100, 2), 1);
  queue.Next(At(1));
  queue.Offer({.id = 2, .shape = 7, .deadline = At(60)}, At(10));
  EXPECT_THAT(queue.Next(At(10)).batch, ElementsAre(2));
}

TEST(BatchQueue, OnlyRequestsOfOneShapeGoTogetherAndOthersKeepTheirPlace) {
  BatchQueue queue(Policy(32, 0));
  queue.Offer({.id = 1, .shape = 7}, At(1));
  queue.Offer({.id = 2, .shape = 8}, At(2));
  queue.Offer({.id = 3, .shape = 7}, At(3));
  queue.Offer({.id = 4, .shape = 0}, At(4));
  queue.Offer({.id = 5, .shape = 0}, At(5));
  for (const auto& expected : {std::vector<std::uint64_t>{1, 3}, {2}, {4}, {5}}) {
    EXPECT_EQ(queue.Next(At(10)).batch, expected);
    queue.Finish();
  }
}

TEST(BatchQueue, ABatchHasAtMostSoManyRowsUnlessItIsOneRequest) {
  BatchQueue queue(Policy(10, 0));
  queue.Offer({.id = 1, .rows = 6, .shape = 7}, At(1));
  queue.Offer({.id = 2, .rows = 6, .shape = 7}, At(2));
  queue.Offer({.id = 3, .rows = 4, .shape = 7}, At(3));
  queue.Offer({.id = 4, .rows = 50, .shape = 7}, At(4));
  for (const auto& expected : {std::vector<std::uint64_t>{1, 3}, {2}, {4}}) {
    EXPECT_EQ(queue.Next(At(10)).batch, expected);
    queue.Finish();
  }
}

TEST(BatchQueue, ByPriorityThenByAge) {
  BatchQueue queue(Policy(1, 0));
  queue.Offer({.id = 1, .priority = 2}, At(1));
  queue.Offer({.id = 2, .priority = 3}, At(2));
  queue.Offer({.id = 3, .priority = 1}, At(3));
  queue.Offer({.id = 4, .priority = 1}, At(4));
  queue.Offer({.id = 5, .priority = 2}, At(5));
  for (const std::uint64_t expected : std::array<std::uint64_t, 5>{3, 4, 1, 5, 2}) {
    EXPECT_THAT(queue.Next(At(10)).batch, ElementsAre(expected));
    queue.Finish();
  }
}

TEST(BatchQueue, WhatHasExpiredIsToldAndNotComputed) {
  BatchQueue queue(Policy(1, 0));
  EXPECT_EQ(queue.Offer({.id = 1, .deadline = At(5)}, At(5)), Admission::kExpired);
  queue.Offer({.id = 2}, At(5));
  queue.Offer({.id = 3, .deadline = At(20)}, At(5));
  queue.Offer({.id = 4, .deadline = At(30)}, At(5));
  EXPECT_THAT(queue.Next(At(6)).batch, ElementsAre(2));
  EXPECT_EQ(queue.Next(At(7)).look_again, At(20));  // to refuse it in time, though nothing can be computed
  const auto plan = queue.Next(At(20));
  EXPECT_THAT(plan.expired, ElementsAre(3));
  EXPECT_THAT(plan.batch, IsEmpty());
  EXPECT_EQ(plan.look_again, At(30));
  queue.Finish();
  EXPECT_THAT(queue.Next(At(29)).batch, ElementsAre(4));
}

TEST(BatchQueue, IsBoundedAndTheExpiredMakeRoom) {
  BatchQueue queue(Policy(1, 0, 1, /*limit=*/2));
  queue.Offer({.id = 1, .deadline = At(50)}, At(1));
  queue.Offer({.id = 2}, At(2));
  EXPECT_EQ(queue.Offer({.id = 3}, At(3)), Admission::kFull);
  EXPECT_EQ(queue.waiting(), 2u);
  EXPECT_EQ(queue.Offer({.id = 4}, At(50)), Admission::kWaits);
  const auto plan = queue.Next(At(51));
  EXPECT_THAT(plan.expired, ElementsAre(1));  // told once, though Offer found it
  EXPECT_THAT(plan.batch, ElementsAre(2));
}

TEST(BatchPolicy, PrioritiesAndTimeoutsAsTheSchedulePolicyHasThem) {
  BatchPolicy policy;
  EXPECT_EQ(policy.PriorityOf(std::nullopt), 2u);
  EXPECT_EQ(policy.PriorityOf(0), 2u);
  EXPECT_EQ(policy.PriorityOf(1), 1u);
  EXPECT_EQ(policy.PriorityOf(1'000), 1'000u);
  EXPECT_EQ(policy.PriorityOf(UINT64_MAX), UINT32_MAX);
  EXPECT_EQ(policy.TimeoutOf(std::nullopt), std::nullopt);
  EXPECT_EQ(policy.TimeoutOf(nanoseconds(9)), nanoseconds(9));
  policy.priority_levels = 5;
  policy.default_priority = 4;
  policy.default_timeout = nanoseconds(10);
  EXPECT_EQ(policy.PriorityOf(5), 5u);
  EXPECT_EQ(policy.PriorityOf(6), 4u);
  EXPECT_EQ(policy.TimeoutOf(std::nullopt), nanoseconds(10));
  EXPECT_EQ(policy.TimeoutOf(nanoseconds(9)), nanoseconds(9));
  EXPECT_EQ(policy.TimeoutOf(nanoseconds(11)), nanoseconds(10));
  policy.timeout_override = false;
  EXPECT_EQ(policy.TimeoutOf(nanoseconds(9)), nanoseconds(10));
}

// One model in virtual time: requests arrive, batches take their time and end. Checks the promises of BatchQueue at
// every step and gives what happened.
class ModelScene {
 public:
  struct Happened {
    std::int64_t at = 0;
    std::vector<std::uint64_t> ids;
    bool operator==(const Happened&) const = default;
  };

  ModelScene(std::uint64_t seed, bool slow) : random_(seed), slow_(slow), queue_(MakePolicy()) {}

  // What comes next for this model, or never.
  std::int64_t next() const {
    std::int64_t at = requests_ < kRequests ? arrival_ : INT64_MAX;
    for (const auto& [id, end] : ends_) at = std::min(at, end);
    return std::min(at, look_again_);
  }

  void Step(std::int64_t now) {
    now_ = now;
    for (auto it = ends_.begin(); it != ends_.end();) {
      if (it->second > now) {
        ++it;
        continue;
      }
      queue_.Finish();
      it = ends_.erase(it);
    }
    const std::uint64_t before = requests_;
    lone_ = 0;
    while (requests_ < kRequests && arrival_ <= now) Arrive();
    for (;;) {
      const auto plan = queue_.Next(At(now));
      Expired(plan.expired);
      look_again_ = plan.look_again == Time::max() ? INT64_MAX : ToMicros(plan.look_again);
      if (plan.batch.empty()) break;
      Start(plan.batch);
    }
    ASSERT_LE(queue_.waiting(), queue_.policy().queue_limit);
    ASSERT_LE(queue_.running(), queue_.policy().instances);
    ASSERT_EQ(queue_.waiting(), waiting_.size());
    if (queue_.waiting() != 0 && queue_.running() == 0) FAIL() << "requests wait though nothing is computed";
    ASSERT_FALSE(requests_ == before + 1 && waiting_.contains(lone_)) << "a lone request was delayed";
    if (queue_.waiting() == 0 || queue_.running() == queue_.policy().instances) return;
    ASSERT_GT(look_again_, now);
    auto first = waiting_.begin();  // by age; then by priority
    for (auto it = waiting_.begin(); it != waiting_.end(); ++it) {
      if (it->second.priority < first->second.priority) first = it;
    }
    ASSERT_GT(At(arrived_.at(first->first)) + queue_.policy().delay, At(now)) << "delayed for longer than it may be";
  }

  bool done() const { return requests_ == kRequests && ends_.empty() && waiting_.empty(); }
  void CheckEnd() const {
    EXPECT_EQ(answered_.size(), kRequests);  // each once: twice would have failed in Answer
    EXPECT_GT(batches_, 0);
  }
  const std::vector<Happened>& happened() const { return happened_; }

 private:
  static constexpr std::uint64_t kRequests = 400;

  static std::int64_t ToMicros(Time time) { return std::chrono::duration_cast<microseconds>(time - At(0)).count(); }

  std::uint64_t Pick(std::uint64_t below) { return random_.Below(below); }

  BatchPolicy MakePolicy() {
    auto policy = Policy(1 + Pick(12), static_cast<std::int64_t>(Pick(3) * 200), 1 + Pick(3), 1 + Pick(20));
    policy.default_priority = 2;
    return policy;
  }

  void Arrive() {
    BatchQueue::Request request;
    request.id = ++requests_;
    request.rows = 1 + Pick(4);
    request.shape = Pick(3);
    request.priority = static_cast<std::uint32_t>(1 + Pick(3));
    if (Pick(3) == 0) request.deadline = At(now_ + static_cast<std::int64_t>(Pick(1'500)));
    const bool idle = queue_.waiting() == 0 && queue_.running() == 0;
    switch (queue_.Offer(request, At(now_))) {
      case Admission::kWaits:
        waiting_[request.id] = request;
        arrived_[request.id] = now_;
        if (idle) lone_ = request.id;
        break;
      case Admission::kFull:
        ASSERT_EQ(queue_.waiting(), queue_.policy().queue_limit);
        Answer(request.id);
        break;
      case Admission::kExpired:
        ASSERT_LE(request.deadline, At(now_));
        Answer(request.id);
        break;
      case Admission::kEnded:
        FAIL() << "a queue does not end by itself";
    }
    // Now and then a crowd.
    arrival_ = now_ + static_cast<std::int64_t>(Pick(4) == 0 ? 0 : Pick(slow_ ? 900 : 200));
  }

  void Expired(const std::vector<std::uint64_t>& ids) {
    for (const auto id : ids) {
      ASSERT_LE(waiting_.at(id).deadline, At(now_));
      waiting_.erase(id);
      Answer(id);
    }
  }

  void Start(const std::vector<std::uint64_t>& ids) {
    ++batches_;
    happened_.push_back({now_, ids});
    std::size_t rows = 0;
    const auto first = waiting_.at(ids.front());
    for (const auto id : ids) {
      const auto request = waiting_.at(id);
      ASSERT_GT(request.deadline, At(now_)) << "computed after its deadline";
      ASSERT_EQ(request.shape, first.shape);
      rows += request.rows;
      waiting_.erase(id);
      Answer(id);
    }
    ASSERT_TRUE(ids.size() == 1 || (first.shape != 0 && rows <= queue_.policy().max_rows));
    for (const auto& [id, other] : waiting_) {
      ASSERT_GE(std::pair(other.priority, arrived_.at(id)), std::pair(first.priority, arrived_.at(first.id)))
          << "request " << id << " was to go first";
    }
    ends_[first.id] = now_ + static_cast<std::int64_t>(1 + Pick(slow_ ? 5'000 : 300));
  }

  void Answer(std::uint64_t id) { ASSERT_TRUE(answered_.insert(id).second) << "request " << id << " answered twice"; }

  Random random_;
  const bool slow_;
  BatchQueue queue_;
  std::int64_t now_ = 0;
  std::int64_t arrival_ = 0;
  std::int64_t look_again_ = INT64_MAX;
  std::uint64_t requests_ = 0;
  std::uint64_t lone_ = 0;  // came in this step, with nothing else there
  int batches_ = 0;
  std::map<std::uint64_t, BatchQueue::Request> waiting_;
  std::map<std::uint64_t, std::int64_t> arrived_;
  std::map<std::uint64_t, std::int64_t> ends_;  // of batches, by their first request
  std::set<std::uint64_t> answered_;
  std::vector<Happened> happened_;
};

void Live(const std::vector<ModelScene*>& models) {
  for (;;) {
    std::int64_t now = INT64_MAX;
    for (const auto* model : models) now = std::min(now, model->next());
    if (now == INT64_MAX) return;
    for (auto* model : models) {
      if (model->next() <= now) model->Step(now);
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(BatchQueueSimulation, KeepsItsPromisesWhateverComes) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    ModelScene fast(seed, false), slow(seed + 1'000'000, true);
    Live({&fast, &slow});
    if (HasFatalFailure()) return;
    ASSERT_TRUE(fast.done() && slow.done());
    fast.CheckEnd();
    slow.CheckEnd();
    // What happens to a model is the same, to the microsecond, without the slow one beside it.
    ModelScene alone(seed, false);
    Live({&alone});
    ASSERT_EQ(alone.happened(), fast.happened());
  }
}

}  // namespace
}  // namespace keelson::serving
