#include "app/cost/tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::app {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

json Cost() {
  return json::parse(R"({
    "currency": "USD", "prices": {"date": "2026-11-30", "source": "x", "instances": 60},
    "machine": {"as": "as aws g5.2xlarge in us-east-1, on demand", "hour": 1.212, "core_hour": 0.1, "gib_hour": 0.01},
    "from": "2026-11-01T00:00:00Z", "to": "2026-11-30T00:00:00Z", "by": "user",
    "lines": [{"name": "ada", "project": "", "allocations": 3, "core_hours": 4.5, "gib_hours": 9.0, "cost": 12.5},
              {"name": "", "project": "", "allocations": 1, "core_hours": 0.001, "gib_hours": 0, "cost": 0.0001}],
    "total": 12.5001, "machine_total": 843.552, "budgets": []})");
}

TEST(CostTablesTest, WhoSpentHowMuchOfWhatTheMachineCost) {
  const std::string screen = CostScreen(Cost());
  EXPECT_THAT(screen,
              AllOf(HasSubstr("as aws g5.2xlarge in us-east-1, on demand: 1.2120 USD an hour; prices of 2026-11-30"),
                    HasSubstr("12.5001 USD of 843.5520 that it cost"), HasSubstr("ada               3     4.50"),
                    HasSubstr("(keelson itself)  1     0.00"), HasSubstr("0.0001")));
  EXPECT_THAT(screen, Not(HasSubstr("BUDGET")));
}

TEST(CostTablesTest, JobsAndEndpointsAreShownWithTheirProject) {
  json cost = Cost();
  cost["by"] = "job";
  cost["lines"][0]["name"] = "j000001";
  cost["lines"][0]["project"] = "flights";
  EXPECT_THAT(CostScreen(cost), AllOf(HasSubstr("PROJECT"), HasSubstr("j000001  flights")));
  cost["lines"] = json::array();
  EXPECT_THAT(CostScreen(cost), HasSubstr("nothing ran"));
}

TEST(CostTablesTest, BudgetsWithTheirState) {
  json cost = Cost();
  const json budget = {{"project", "flights"}, {"limit", 50.0},  {"per", "month"},   {"warn_at", 0.8},
                       {"spent", 41.0},        {"warned", true}, {"used_up", false}, {"renews", nullptr}};
  json gone = budget;
  gone["used_up"] = true;
  cost["budgets"] = {budget, gone};
  EXPECT_THAT(CostScreen(cost), AllOf(HasSubstr("flights    month  50.0000  41.0000  nearly used up"),
                                      HasSubstr("used up: nothing new starts")));
}

TEST(CostTablesTest, AnAdviceIsAParagraph) {
  json answer = Cost();
  answer["advice"] = json::array();
  answer["calibration"] = {
      {"run_times", 0}, {"below_median", 0.0}, {"below_high", 0.0}, {"memories", 0}, {"memory_below_high", 0.0}};
  EXPECT_THAT(AdviceScreen(answer), HasSubstr("nothing to advise"));
  answer["advice"].push_back({{"kind", "job size"},
                              {"about", "step train of flights"},
                              {"what", "ask for 1 core instead of 4 cores"},
                              {"saves", 3.25},
                              {"evidence", "12 runs in 3.00 h"}});
  EXPECT_THAT(AdviceScreen(answer), HasSubstr("\nstep train of flights (job size)\n"
                                              "  ask for 1 core instead of 4 cores\n"
                                              "  would have saved 3.2500 USD\n"
                                              "  12 runs in 3.00 h\n"));
  EXPECT_THAT(AdviceScreen(answer), Not(HasSubstr("foretold")));
  answer["calibration"] = {
      {"run_times", 40}, {"below_median", 0.525}, {"below_high", 0.9}, {"memories", 20}, {"memory_below_high", 0.95}};
  EXPECT_THAT(AdviceScreen(answer),
              AllOf(HasSubstr("foretold from the past: 40; 52 % were within the median (50 is right), 90 % within"),
                    HasSubstr("memory foretold: 20; 95 %")));
}

}  // namespace
}  // namespace keelson::app
