#include "scheduling/cost.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "scheduling/cost_testing.h"

namespace keelson::scheduling {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using testing::HasSubstr;

const MachinePrice kPrice = TestMachine();

TEST(CostTest, CountsWhatWasHeldInTheTimeThatIsAskedFor) {
  const Allocation whole = TestAllocation("j1", hours(1), 2);
  EXPECT_DOUBLE_EQ(CostOf(whole, kPrice, kTestBegin, kTestBegin + hours(9)), 2'200'000);
  EXPECT_DOUBLE_EQ(CostOf(whole, kPrice, kTestBegin + minutes(90), kTestBegin + hours(9)), 1'100'000);
  EXPECT_DOUBLE_EQ(CostOf(whole, kPrice, kTestBegin + hours(2), kTestBegin + hours(9)), 0);
  EXPECT_DOUBLE_EQ(CostOf(whole, kPrice, kTestBegin, kTestBegin + hours(1)), 0);
  Allocation open = whole;
  open.until.reset();
  EXPECT_DOUBLE_EQ(CostOf(open, kPrice, kTestBegin, kTestBegin + hours(3)), 4'400'000);
  EXPECT_DOUBLE_EQ(CostOf(open, kPrice, kTestBegin, kTestBegin), 0);
  EXPECT_DOUBLE_EQ(CostOfMachine(kPrice, kTestBegin, kTestBegin + minutes(30)), 5'000'000);
}

TEST(CostTest, IsSummedUpByWhateverIsAskedForTheDearestFirst) {
  Allocation second = TestAllocation("j1", hours(1));
  second.workload = "j1-a2";
  Allocation other = TestAllocation("j2", hours(1), 4);
  other.project = "taxis";
  other.user = "";
  Allocation replica = TestAllocation("", hours(0));
  replica.workload = "flights-v1-x";
  replica.queue = replica.step = "";
  replica.endpoint = "flights";
  const std::vector<Allocation> all = {TestAllocation("j1", hours(0)), second, other, replica};
  const auto lines = [&](CostBy by) {
    std::vector<std::string> said;
    for (const auto& line : CostLines(all, kPrice, kTestBegin, kTestBegin + hours(9), by)) {
      said.push_back(
          fmt::format("{}|{}|{}|{:.1f}|{}", line.name, line.project, line.allocations, line.core_hours, line.cost));
    }
    return said;
  };
  using testing::ElementsAre;
  EXPECT_THAT(lines(CostBy::kProject), ElementsAre("taxis||1|4.0|4400000", "flights||3|3.0|3300000"));
  EXPECT_THAT(lines(CostBy::kUser), ElementsAre("||1|4.0|4400000", "ada||3|3.0|3300000"));
  EXPECT_THAT(lines(CostBy::kQueue), ElementsAre("default||3|6.0|6600000"));
  EXPECT_THAT(lines(CostBy::kJob), ElementsAre("j2|taxis|1|4.0|4400000", "j1|flights|2|2.0|2200000"));
  EXPECT_THAT(lines(CostBy::kEndpoint), ElementsAre("flights|flights|1|1.0|1100000"));
}

// However the time is cut, its parts cost what the whole does; and nothing costs more than the machine while no more is
// held than it has.
TEST(CostPropertyTest, PartsOfTheTimeAddUp) {
  for (int seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(static_cast<unsigned>(seed));
    const auto below = [&random](int most) {
      return static_cast<std::int64_t>(random() % static_cast<unsigned>(most));
    };
    std::vector<Allocation> all;
    for (std::int64_t i = below(20); i >= 0; --i) {
      all.push_back(TestAllocation("j" + std::to_string(i), minutes(below(600)), 1 + below(4)));
      if (below(4) == 0) all.back().until.reset();
    }
    const Instant begin = kTestBegin + minutes(below(300));
    const Instant cut = begin + minutes(below(300));
    const Instant end = cut + minutes(below(300));
    for (const Allocation& each : all) {
      const double whole = CostOf(each, kPrice, begin, end);
      EXPECT_NEAR(whole, CostOf(each, kPrice, begin, cut) + CostOf(each, kPrice, cut, end), 1e-6) << "seed " << seed;
    }
    std::int64_t projects = 0;
    for (const auto& line : CostLines(all, kPrice, begin, end, CostBy::kProject)) projects += line.cost;
    double jobs = 0;
    for (const auto& line : CostLines(all, kPrice, begin, end, CostBy::kJob)) jobs += static_cast<double>(line.cost);
    EXPECT_NEAR(static_cast<double>(projects), jobs, static_cast<double>(all.size())) << "seed " << seed;
  }
}

TEST(BudgetTest, BeginsWithItsDayOrMonth) {
  const Instant now = kTestBegin + hours(24 * 30) + minutes(5);  // 2026-12-31T00:05
  EXPECT_EQ(FormatInstant(BudgetBegins(Budget::Per::kMonth, now)), "2026-12-01T00:00:00Z");
  EXPECT_EQ(FormatInstant(*BudgetRenews(Budget::Per::kMonth, now)), "2027-01-01T00:00:00Z");
  EXPECT_EQ(FormatInstant(BudgetBegins(Budget::Per::kDay, now)), "2026-12-31T00:00:00Z");
  EXPECT_EQ(FormatInstant(*BudgetRenews(Budget::Per::kDay, now)), "2027-01-01T00:00:00Z");
  EXPECT_EQ(BudgetRenews(Budget::Per::kEver, now), std::nullopt);
}

TEST(BudgetTest, WarnsAndIsUsedUpByWhatItsOwnProjectSpentSinceItBegan) {
  const Budget budget{"flights", 2'000'000, Budget::Per::kDay, 0.5};
  Allocation yesterday = TestAllocation("j0", -hours(2), 8);
  Allocation other = TestAllocation("j1", hours(0), 8);
  other.project = "taxis";
  const std::vector<Allocation> all = {yesterday, other, TestAllocation("j2", hours(0)),
                                       TestAllocation("j3", hours(1))};
  const auto at = [&](Duration since) { return StateOf(budget, all, kPrice, kTestBegin + since); };
  EXPECT_FALSE(at(minutes(30)).warned);
  EXPECT_EQ(at(minutes(30)).spent, 550'000);
  EXPECT_TRUE(at(hours(1)).warned);
  EXPECT_FALSE(at(hours(1)).used_up);
  EXPECT_TRUE(at(hours(2)).used_up);
  EXPECT_FALSE(at(hours(24)).warned) << "a new day";
  EXPECT_TRUE(StateOf({"none", 0, Budget::Per::kEver, 1}, {}, kPrice, kTestBegin).used_up) << "nothing may be spent";
  EXPECT_EQ(FormatBudget(budget, at(hours(2)), "USD", kTestBegin + hours(2)),
            "the budget of project 'flights', 2.00 USD a day, is used up: 2.20 USD spent; it begins anew at "
            "2026-12-02T00:00:00Z");
  EXPECT_THAT(FormatBudget(budget, at(hours(1)), "USD", kTestBegin + hours(1)), HasSubstr("is used to 55 %: 1.10 USD"));
}

}  // namespace
}  // namespace keelson::scheduling
