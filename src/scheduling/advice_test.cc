#include "scheduling/advice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "scheduling/cost_testing.h"

namespace keelson::scheduling {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using testing::AllOf;
using testing::HasSubstr;

// The machine is a "box": 8 cores, 32 GiB, 8.00 an hour on demand and 2.00 spot.
class AdviceTest : public testing::Test {
 protected:
  AdviceTest() {
    InstancePrice box;
    box.cloud = "own";
    box.region = "here";
    box.type = "box";
    box.resources = {8'000, 32 * kTestGib};
    box.on_demand = 8'000'000;
    box.spot = 2'000'000;
    table_.instances = {box};
    price_ = PriceOfMachine(table_, MachineIs{{}, "own", "here", "box", false}, box.resources).value();
  }

  // `count` jobs of the step, of an hour each, one after the other; each used so many cores and GiB.
  void Jobs(const std::string& step, int count, const Resources& held, double cores, double gibs) {
    for (int i = 0; i < count; ++i) {
      Allocation allocation = TestAllocation(step + std::to_string(i), hours(i));
      allocation.step = step;
      allocation.held = held;
      allocation.used = Use{Duration(static_cast<std::int64_t>(cores * 3'600e6)),
                            static_cast<std::int64_t>(gibs * static_cast<double>(kTestGib))};
      all_.push_back(allocation);
    }
  }
  void Replica(Duration lived, const Resources& held, double cores, double gibs) {
    Jobs("", 1, held, cores, gibs);
    Allocation& replica = all_.back();
    replica.endpoint = "flights";
    replica.job = replica.step = "";
    replica.workload_class = WorkloadClass::kInference;
    replica.until.reset();
    replica.used->cpu = Duration(static_cast<std::int64_t>(cores * static_cast<double>(lived.count())));
    to_ = replica.from + lived;
  }
  std::optional<Advice> Of(Advice::Kind kind) {
    std::ranges::stable_sort(all_, {}, &Allocation::from);
    for (const Advice& advice : Advise({.allocations = all_,
                                .table = &table_,
                                .price = &price_,
                                .machine = {8'000, 32 * kTestGib},
                                .from = kTestBegin,
                                .to = to_})) {
      if (advice.kind == kind) return advice;
    }
    return std::nullopt;
  }

  PriceTable table_;
  MachinePrice price_;
  std::vector<Allocation> all_;
  Instant to_ = kTestBegin + hours(24);
};

TEST_F(AdviceTest, JobsThatUseLittleAreToAskForLess) {
  Jobs("train", 3, {4'000, 8 * kTestGib}, 0.5, 1);
  const auto advice = Of(Advice::Kind::kJobSize);
  ASSERT_TRUE(advice);
  EXPECT_EQ(advice->about, "step train of flights");
  EXPECT_EQ(advice->what, "ask for 0.7 cores and 1.25 GiB instead of 4 cores and 8 GiB");
  EXPECT_EQ(advice->saves, std::llround(3 * (3.3 * price_.core_hour + 6.75 * price_.gib_hour)));
  EXPECT_EQ(advice->evidence, "3 runs in 3.00 h: at most 0.50 cores on average, and 1 GiB at once");
}

TEST_F(AdviceTest, OneThatUsesItsCoresKeepsThem) {
  Jobs("train", 3, {4'000, 8 * kTestGib}, 3.5, 1);
  EXPECT_EQ(Of(Advice::Kind::kJobSize)->what, "ask for 4 cores and 1.25 GiB instead of 4 cores and 8 GiB");
  all_.clear();
  Jobs("train", 3, {4'000, 8 * kTestGib}, 3.5, 7);
  EXPECT_FALSE(Of(Advice::Kind::kJobSize));
}

TEST_F(AdviceTest, TwoRunsSayTooLittle) {
  Jobs("train", 2, {4'000, 8 * kTestGib}, 0.5, 1);
  EXPECT_FALSE(Of(Advice::Kind::kJobSize));
  Jobs("train", 3, {4'000, 8 * kTestGib}, 0.5, 1);
  all_.back().used.reset();
  EXPECT_TRUE(Of(Advice::Kind::kJobSize)) << "four of five were measured";
}

TEST_F(AdviceTest, AnEndpointKeepsRoomForBursts) {
  Replica(hours(20), {8'000, 4 * kTestGib}, 0.2, 0.25);
  const auto advice = Of(Advice::Kind::kEndpointSize);
  ASSERT_TRUE(advice);
  EXPECT_EQ(advice->what, "ask for 0.4 cores and 320 MiB instead of 8 cores and 4 GiB");
  EXPECT_THAT(advice->evidence, HasSubstr("1 replicas in 20.00 h"));
  EXPECT_FALSE(Of(Advice::Kind::kSpot)) << "it serves";
  all_.clear();
  Replica(minutes(59), {8'000, 4 * kTestGib}, 0.2, 0.25);
  EXPECT_FALSE(Of(Advice::Kind::kEndpointSize)) << "too short a time";
}

TEST_F(AdviceTest, OneNearItsMemoryIsWarnedAtOnce) {
  Jobs("train", 1, {4'000, 8 * kTestGib}, 4, 7.5);
  const auto advice = Of(Advice::Kind::kMemoryShort);
  ASSERT_TRUE(advice);
  EXPECT_THAT(advice->what, HasSubstr("ask for 9.375 GiB of memory instead of 8 GiB"));
  EXPECT_EQ(advice->saves, 0);
}

TEST_F(AdviceTest, ShortWorkMayGoOnSpotMachines) {
  Jobs("train", 4, {4'000, 8 * kTestGib}, 4, 8);
  const auto advice = Of(Advice::Kind::kSpot);
  ASSERT_TRUE(advice);
  double cost = 0;
  for (const auto& each : all_) cost += CostOf(each, price_, kTestBegin, to_);
  EXPECT_EQ(advice->saves, std::llround(cost * (1 - 0.25 * 1.025)));
  EXPECT_THAT(advice->evidence, AllOf(HasSubstr("which is assumed"), HasSubstr("2.5 % of the work done again")));
  price_.instance->interruptions = 2;
  EXPECT_FALSE(Of(Advice::Kind::kSpot)) << "it would be done again and again";
  price_.instance->interruptions = 0.1;
  EXPECT_THAT(Of(Advice::Kind::kSpot)->evidence, HasSubstr("as the prices say"));
  price_.spot = true;
  EXPECT_FALSE(Of(Advice::Kind::kSpot)) << "it is";
}

TEST_F(AdviceTest, ARentedMachineThatIsCheaperIsSaid) {
  Jobs("train", 3, {8'000, 16 * kTestGib}, 1, 2);
  InstancePrice small = table_.instances.front();
  small.cloud = "other";
  small.type = "small";
  small.resources = {2'000, 4 * kTestGib};
  small.on_demand = 500'000;
  small.spot = 100'000;
  table_.instances.push_back(small);
  const auto advice = Of(Advice::Kind::kCloud);
  ASSERT_TRUE(advice);
  EXPECT_EQ(advice->what, "rent other small in here for it, spot, at 0.1000 USD an hour");
  EXPECT_THAT(advice->evidence, HasSubstr("1.3 cores and 2.5 GiB will do; 3.00 h cost"));
  for (auto& each : all_) each.until = each.from + minutes(19);
  EXPECT_FALSE(Of(Advice::Kind::kCloud)) << "not for less than an hour in all";
}

TEST_F(AdviceTest, AMachineOfWhichLittleIsHeldIsTooLarge) {
  Jobs("train", 3, {2'000, 4 * kTestGib}, 2, 4);
  Jobs("other", 1, {1'000, 4 * kTestGib}, 2, 4);  // at the same time as the first
  InstancePrice small = table_.instances.front();
  small.type = "small";
  small.resources = {3'000, 8 * kTestGib};
  small.on_demand = 1'000'000;
  table_.instances.push_back(small);
  const auto advice = Of(Advice::Kind::kMachineSize);
  ASSERT_TRUE(advice);
  EXPECT_EQ(advice->saves, 24 * 7'000'000);
  EXPECT_THAT(advice->evidence, HasSubstr("at most 3 cores and 8 GiB was held at once in 24.00 h"));
  table_.instances.back().resources.memory_bytes -= 1;
  EXPECT_FALSE(Of(Advice::Kind::kMachineSize));
}

TEST_F(AdviceTest, GpusThatNothingAsksForAreIdle) {
  price_.instance->gpus = 1;
  price_.instance->gpu = "T4";
  Jobs("train", 3, {8'000, 4 * kTestGib}, 8, 4);
  table_.instances.front().on_demand = 3'000'000;  // a box like it, without
  const auto advice = Of(Advice::Kind::kIdleGpus);
  ASSERT_TRUE(advice);
  EXPECT_THAT(advice->what, HasSubstr("nothing asks for its 1 T4"));
  EXPECT_EQ(advice->saves, 24 * 5'000'000);
  EXPECT_FALSE(Of(Advice::Kind::kMachineSize));
}

TEST_F(AdviceTest, NothingIsSaidOfNothing) {
  EXPECT_TRUE(
      Advise({.allocations = {}, .table = &table_, .price = &price_, .machine = {}, .from = {}, .to = {}}).empty());
  price_ = MachinePrice{};
  Jobs("train", 5, {4'000, 8 * kTestGib}, 0.5, 1);
  const auto advice = Of(Advice::Kind::kJobSize);
  ASSERT_TRUE(advice) << "without prices too";
  EXPECT_EQ(advice->saves, 0);
}

}  // namespace
}  // namespace keelson::scheduling
