#include "serving/batch_runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace keelson::serving {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;

// What became of the requests, and a gate that the model's computing waits at.
struct World {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::vector<int>> batches;
  std::vector<int> expired, refused;
  bool open = false;
  int computing = 0;

  template <typename Condition>
  void Await(Condition condition) {
    std::unique_lock lock(mutex);
    changed.wait(lock, condition);
  }
  void Open() {
    {
      const std::lock_guard lock(mutex);
      open = true;
    }
    changed.notify_all();
  }
};

class TestTask final : public BatchRunner::Task {
 public:
  TestTask(World& world, int number, std::chrono::nanoseconds timeout) : number(number), world_(world) {
    ask.shape = 7;
    if (timeout.count() != 0) ask.deadline = std::chrono::steady_clock::now() + timeout;
  }
  void Refuse(BatchQueue::Admission why) override {
    {
      const std::lock_guard lock(world_.mutex);
      (why == BatchQueue::Admission::kExpired ? world_.expired : world_.refused).push_back(number);
    }
    world_.changed.notify_all();
  }
  const int number;

 private:
  World& world_;
};

BatchRunner::Compute ComputeIn(World& world) {
  return [&world](const BatchRunner::Tasks& batch) {
    std::unique_lock lock(world.mutex);
    ++world.computing;
    world.changed.notify_all();
    world.changed.wait(lock, [&] { return world.open; });
    --world.computing;
    std::vector<int> numbers;
    for (const auto& task : batch) numbers.push_back(static_cast<TestTask&>(*task).number);
    world.batches.push_back(std::move(numbers));
    world.changed.notify_all();
  };
}

BatchPolicy Policy(std::size_t max_rows, std::size_t instances, std::size_t limit = 100) {
  BatchPolicy policy;
  policy.max_rows = max_rows;
  policy.instances = instances;
  policy.queue_limit = limit;
  return policy;
}

class BatchRunnerTest : public testing::Test {
 protected:
  void Offer(BatchRunner& runner, int number, milliseconds timeout = milliseconds(0)) {
    runner.Offer(std::make_unique<TestTask>(world_, number, timeout));
  }
  SystemClock clock_;
  World world_;
};

TEST_F(BatchRunnerTest, ComputesTogetherWhatCameWhileItWasAtWork) {
  {
    BatchRunner runner(Policy(8, 1), clock_, ComputeIn(world_));
    Offer(runner, 1);
    world_.Await([&] { return world_.computing == 1; });
    for (int number = 2; number <= 5; ++number) Offer(runner, number);
    EXPECT_EQ(runner.waiting(), 4u);
    EXPECT_FALSE(runner.idle());
    world_.Open();
    world_.Await([&] { return world_.batches.size() == 2; });
  }
  EXPECT_THAT(world_.batches, ElementsAre(ElementsAre(1), ElementsAre(2, 3, 4, 5)));
}

TEST_F(BatchRunnerTest, RefusesWhatIsTooMuch) {
  {
    BatchRunner runner(Policy(1, 2, /*limit=*/3), clock_, ComputeIn(world_));
    for (int number = 1; number <= 2; ++number) {
      Offer(runner, number);
      world_.Await([&] { return world_.computing == number; });
    }
    for (int number = 3; number <= 7; ++number) Offer(runner, number);
    EXPECT_THAT(world_.refused, ElementsAre(6, 7));
    world_.Open();
    world_.Await([&] { return world_.batches.size() == 5; });
  }
}

TEST_F(BatchRunnerTest, EndingRefusesWhatWaitsAndLetsEndWhatIsComputed) {
  std::thread opener;
  {
    BatchRunner runner(Policy(1, 1), clock_, ComputeIn(world_));
    Offer(runner, 1);
    world_.Await([&] { return world_.computing == 1; });
    Offer(runner, 2);
    opener = std::thread([&] {
      world_.Await([&] { return !world_.refused.empty(); });
      world_.Open();
    });
  }
  opener.join();
  EXPECT_THAT(world_.refused, ElementsAre(2));
  EXPECT_THAT(world_.batches, ElementsAre(ElementsAre(1)));
}

TEST_F(BatchRunnerTest, RefusesTheExpiredInTimeThoughEveryInstanceIsStuck) {
  {
    BatchRunner runner(Policy(1, 2), clock_, ComputeIn(world_));
    for (int number = 1; number <= 2; ++number) {
      Offer(runner, number);
      world_.Await([&] { return world_.computing == number; });
    }
    Offer(runner, 3, milliseconds(20));
    Offer(runner, 4);
    world_.Await([&] { return !world_.expired.empty(); });  // while the two are still computed
    EXPECT_EQ(world_.computing, 2);
    world_.Open();
    world_.Await([&] { return world_.batches.size() == 3; });
  }
  EXPECT_THAT(world_.expired, ElementsAre(3));
}

TEST_F(BatchRunnerTest, AStuckModelDelaysNoOther) {
  World other;
  other.open = true;
  {
    BatchRunner stuck(Policy(1, 1), clock_, ComputeIn(world_));
    BatchRunner free(Policy(1, 1), clock_, ComputeIn(other));
    for (int number = 0; number < 20; ++number) Offer(stuck, number);
    for (int number = 0; number < 20; ++number) free.Offer(std::make_unique<TestTask>(other, number, milliseconds(0)));
    other.Await([&] { return other.batches.size() == 20; });
    EXPECT_TRUE(world_.batches.empty());
    world_.Open();
    world_.Await([&] { return world_.batches.size() == 20; });
  }
}

TEST_F(BatchRunnerTest, AnswersEveryRequestOnceUnderLoadFromSeveralThreads) {
  world_.open = true;
  constexpr int kThreads = 4, kEach = 500;
  {
    BatchRunner runner(Policy(16, 3, /*limit=*/40), clock_, ComputeIn(world_));
    std::vector<std::thread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([&, thread] {
        for (int i = 0; i < kEach; ++i) {
          Offer(runner, thread * kEach + i, i % 5 == 0 ? milliseconds(1) : milliseconds(0));
          if (i == kEach / 2) runner.SetPolicy(Policy(4, 2, 40));
        }
      });
    }
    for (auto& thread : threads) thread.join();
  }
  std::vector<int> all = world_.expired;
  all.insert(all.end(), world_.refused.begin(), world_.refused.end());
  for (const auto& batch : world_.batches) all.insert(all.end(), batch.begin(), batch.end());
  std::sort(all.begin(), all.end());
  ASSERT_EQ(all.size(), static_cast<std::size_t>(kThreads * kEach));
  for (int i = 0; i < kThreads * kEach; ++i) ASSERT_EQ(all[static_cast<std::size_t>(i)], i);
}

}  // namespace
}  // namespace keelson::serving
