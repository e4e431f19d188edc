#include "serving/memory_budget.h"

#include <gmock/gmock.h>

#include <deque>
#include <thread>
#include <vector>

namespace keelson::serving {
namespace {

struct Thing {
  int number = 0;
  std::size_t bytes = 0;
  std::size_t memory_bytes() const { return bytes; }
};

class MemoryBudgetTest : public testing::Test {
 protected:
  Evictable<Thing>& Add(int number, std::size_t bytes) {
    return things_.emplace_back(
        std::make_shared<const Thing>(number, bytes),
        [this, number, bytes]() -> Result<std::unique_ptr<const Thing>> {
          ++loads_;
          if (fail_) return Fail(ErrorCode::kDataLoss, "gone");
          return std::make_unique<const Thing>(number, bytes);
        },
        budget_);
  }

  std::shared_ptr<MemoryBudget> budget_ = std::make_shared<MemoryBudget>(100);
  std::atomic<int> loads_{0};
  bool fail_ = false;
  std::deque<Evictable<Thing>> things_;
};

TEST_F(MemoryBudgetTest, TheLeastRecentlyUsedGivesWay) {
  auto& a = Add(1, 40);
  auto& b = Add(2, 40);
  EXPECT_TRUE(a.Hold().has_value());  // used after b
  auto& c = Add(3, 40);
  EXPECT_TRUE(a.resident());
  EXPECT_FALSE(b.resident());
  EXPECT_TRUE(c.resident());
  EXPECT_EQ(budget_->used(), 80u);
  EXPECT_EQ((*b.Hold())->number, 2);  // comes back, for a has been used longest ago now
  EXPECT_EQ(loads_, 1);
  EXPECT_EQ(budget_->used(), 80u);
}

TEST_F(MemoryBudgetTest, WhatIsHeldLivesUntilItIsLetGo) {
  auto& a = Add(1, 90);
  const auto held = *a.Hold();
  Add(2, 90);
  EXPECT_FALSE(a.resident());
  EXPECT_EQ(held->number, 1);
  fail_ = true;
  EXPECT_EQ(*a.Hold(), held);  // and needs no loading meanwhile
}

TEST_F(MemoryBudgetTest, OneThatIsTooLargeAloneIsServedAllTheSame) {
  auto& a = Add(1, 50);
  auto& b = Add(2, 1'000);
  EXPECT_FALSE(a.resident());
  EXPECT_EQ((*b.Hold())->number, 2);
  EXPECT_EQ((*a.Hold())->number, 1);
  EXPECT_FALSE(b.resident());
}

TEST_F(MemoryBudgetTest, AFailedReloadIsToldAndTriedAgain) {
  auto& a = Add(1, 90);
  Add(2, 90);
  fail_ = true;
  EXPECT_EQ(a.Hold().error().message, "gone");
  fail_ = false;
  EXPECT_TRUE(a.Hold().has_value());
}

TEST_F(MemoryBudgetTest, LeavesTheBudgetWithItsOwner) {
  Add(1, 60);
  things_.clear();
  EXPECT_EQ(budget_->used(), 0u);
}

TEST_F(MemoryBudgetTest, ManyThreadsFindTheirThingUnderPressure) {
  for (int i = 0; i < 8; ++i) Add(i, 30);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (std::size_t round = 0; round < 2'000; ++round) {
        const std::size_t which = (round * (t + 1)) % things_.size();
        const auto held = things_[which].Hold();
        ASSERT_TRUE(held.has_value());
        ASSERT_EQ((*held)->number, static_cast<int>(which));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_LE(budget_->used(), 100u);
  EXPECT_GT(loads_, 0);
}

}  // namespace
}  // namespace keelson::serving
