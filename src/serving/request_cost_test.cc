#include "serving/request_cost.h"

#include <gtest/gtest.h>

namespace keelson::serving {
namespace {

using std::chrono::microseconds;
using std::chrono::nanoseconds;

TEST(RequestCost, KnowsNothingBeforeItHasSeenARequestOfTheSizeOrSmaller) {
  RequestCost cost;
  EXPECT_EQ(cost.Expect(100), std::nullopt);
  cost.Observe(1'000, microseconds(50));
  EXPECT_EQ(cost.Expect(100), std::nullopt);
  EXPECT_EQ(cost.Expect(1'000), microseconds(50));
}

TEST(RequestCost, TakesALargerOneForManyTimesASmallerOneUntilItHasSeenOne) {
  RequestCost cost;
  cost.Observe(1'000, microseconds(50));
  EXPECT_EQ(cost.Expect(8'000), microseconds(400));
  cost.Observe(8'000, microseconds(60));
  EXPECT_EQ(cost.Expect(8'000), microseconds(60));
  EXPECT_EQ(cost.Expect(1'000), microseconds(50));
}

TEST(RequestCost, FollowsWhatChanges) {
  RequestCost cost;
  for (int i = 0; i < 100; ++i) cost.Observe(500, microseconds(10));
  cost.Observe(500, microseconds(810));
  EXPECT_EQ(cost.Expect(500), microseconds(110));  // one long one is no rule
  for (int i = 0; i < 100; ++i) cost.Observe(500, microseconds(810));
  EXPECT_GT(*cost.Expect(500), microseconds(800));
}

TEST(RequestCost, SurvivesTheExtremes) {
  RequestCost cost;
  cost.Observe(0, nanoseconds(0));
  EXPECT_EQ(cost.Expect(0), nanoseconds(1));
  cost.Observe(1, nanoseconds::max());
  EXPECT_EQ(cost.Expect(1), nanoseconds::max());
  EXPECT_GT(*cost.Expect(SIZE_MAX), nanoseconds(0));
}

}  // namespace
}  // namespace keelson::serving
