#include "control/decisions.h"

#include <gtest/gtest.h>

namespace keelson::control {
namespace {

using std::chrono::hours;

Instant Day(int day) {
  return ParseInstant("2013-04-01T04:00:00Z").value() + hours(24 * day);
}

TEST(GateRefusal, ComparesWithWhatIsRequiredAndWithTheChampion) {
  project::PromoteSpec promote;
  promote.require = {{"auc", ">=", 0.65}, {"logloss", "<", 0.6}};
  promote.not_worse_than = "champion";
  promote.tolerance = 0.002;
  const struct {
    const char* candidate;
    const char* champion;
    const char* refusal;
  } cases[] = {
      {R"({"auc": 0.65, "logloss": 0.5})", "null", ""},
      {R"({"auc": 0.6499, "logloss": 0.5})", "null", "auc is 0.6499, required is >= 0.65"},
      {R"({"auc": 0.70, "logloss": 0.6})", "null", "logloss is 0.6000, required is < 0.6"},
      {R"({"logloss": 0.5})", "null", "its auc could not be measured"},
      {R"({"auc": null, "logloss": 0.5})", "null", "its auc could not be measured"},
      {R"({"auc": 0.70, "logloss": 0.5})", R"({"auc": 0.7015})", ""},
      {R"({"auc": 0.70, "logloss": 0.5})", R"({"auc": 0.7025})",
       "auc is 0.7000, the champion's is 0.7025 on the same rows"},
      {R"({"auc": 0.70, "logloss": 0.5})", R"({"auc": null})", ""},
  };
  for (const auto& one : cases) {
    EXPECT_EQ(GateRefusal(promote, Json::parse(one.candidate), Json::parse(one.champion)), one.refusal)
        << one.candidate << one.champion;
  }
}

TEST(GateRefusal, OfALossMoreIsWorse) {
  project::PromoteSpec promote;
  promote.require = {{"rmse", "<=", 10}};
  promote.not_worse_than = "champion";
  EXPECT_EQ(GateRefusal(promote, {{"rmse", 3}}, {{"rmse", 4}}), "");
  EXPECT_NE(GateRefusal(promote, {{"rmse", 4}}, {{"rmse", 3}}), "");
}

TEST(GateRefusal, WithoutRequirementsTheAucIsCompared) {
  project::PromoteSpec promote;
  EXPECT_EQ(GateRefusal(promote, {{"auc", 0.1}}, {{"auc", 0.9}}), "");
  promote.not_worse_than = "champion";
  EXPECT_NE(GateRefusal(promote, {{"auc", 0.1}}, {{"auc", 0.9}}), "");
  EXPECT_EQ(GateRefusal(promote, Json::object(), {{"auc", 0.9}}), "its auc could not be measured");
}

TEST(RolloutSteps, AFirstVersionTakesAllAndALaterOneItsShare) {
  const project::CanarySpec canary;  // 5, 25, 100, every 6 hours
  using Traffic = std::vector<std::pair<int, int>>;
  Rollout rollout;
  EXPECT_EQ(TrafficOf(rollout, canary), Traffic{});
  EXPECT_EQ(CanaryDue(rollout, canary), std::nullopt);
  BeginRollout(rollout, 1, Day(0));
  EXPECT_EQ(TrafficOf(rollout, canary), (Traffic{{1, 100}}));
  EXPECT_EQ(CanaryDue(rollout, canary), Day(0)) << "the first step is taken at once";
  TakeStep(rollout, 2, Day(0));
  EXPECT_EQ(CanaryDue(rollout, canary), Day(0) + hours(6));
  PutInService(rollout, 1, Day(0) + hours(6));
  EXPECT_EQ(TrafficOf(rollout, canary), (Traffic{{1, 100}}));
  EXPECT_EQ(rollout.champion_since, Day(0) + hours(6));

  BeginRollout(rollout, 2, Day(30));
  EXPECT_EQ(TrafficOf(rollout, canary), (Traffic{{1, 100}, {2, 0}}));
  TakeStep(rollout, 0, Day(30));
  EXPECT_EQ(TrafficOf(rollout, canary), (Traffic{{1, 95}, {2, 5}}));
  TakeStep(rollout, 2, Day(31));
  EXPECT_EQ(TrafficOf(rollout, canary), (Traffic{{1, 0}, {2, 100}}));
  project::CanarySpec shorter;
  shorter.steps = {50};
  EXPECT_EQ(TrafficOf(rollout, shorter), (Traffic{{1, 50}, {2, 50}})) << "a revision with fewer steps";
  PutInService(rollout, 2, Day(32));
  EXPECT_EQ(rollout.previous, 1);
  EXPECT_EQ(rollout.champion, 2);
  EXPECT_EQ(rollout.challenger, std::nullopt);

  BeginRollout(rollout, 3, Day(40));
  EndRollout(rollout);
  EXPECT_EQ(TrafficOf(rollout, canary), (Traffic{{2, 100}}));
  EXPECT_EQ(rollout.previous, 1);
}

TEST(Evaluations, ComeAtTheEndsOfLocalDaysAndSkipWhatHasPassed) {
  const Calendar calendar = Calendar::Open("America/New_York").value();
  EXPECT_EQ(FirstEvaluation(calendar, Day(0) + hours(6), hours(24)), Day(1));
  EXPECT_EQ(FirstEvaluation(calendar, Day(0), hours(24)), Day(1));
  EXPECT_EQ(FirstEvaluation(calendar, Day(0) + hours(6), hours(4)), Day(0) + hours(8));
  EXPECT_EQ(NextEvaluation(Day(1), Day(1), hours(24)), Day(2));
  EXPECT_EQ(NextEvaluation(Day(1), Day(4) + hours(1), hours(24)), Day(5));
}

class PlanWatchTest : public testing::Test {
 protected:
  PlanWatchTest() {
    monitor_.drift = project::DriftSpec{};
    monitor_.drift->threshold = 0.25;
    monitor_.consecutive = 1;
    monitor_.cool_down = hours(24 * 21);
    monitor_.on_breach = "retrain";
    report_.predictions = 1'000;
    report_.drift = {{"temp", 0.5}, {"carrier", 0.01}};
  }
  WatchDecision Plan(int day, bool busy = false) {
    return PlanWatch(monitor_, report_, trigger_, Day(0), busy, Day(day));
  }

  project::MonitorSpec monitor_;
  monitoring::WindowReport report_;
  monitoring::TriggerState trigger_;
};

TEST_F(PlanWatchTest, AChampionIsComparedOnceItHasServedAWholeWindow) {
  const WatchDecision early = Plan(6);
  EXPECT_TRUE(early.report.drift.empty());
  EXPECT_FALSE(early.alarm);
  const WatchDecision whole = Plan(7);
  EXPECT_EQ(whole.report.drift, report_.drift);
  EXPECT_TRUE(whole.alarm);
  EXPECT_TRUE(whole.retrain);
  EXPECT_EQ(whole.trigger.last_retraining, Day(7));
  EXPECT_EQ(whole.breaches.size(), 1u);
}

TEST_F(PlanWatchTest, NoRetrainingBeginsWhileOneIsUnderWay) {
  const WatchDecision watch = Plan(8, /*busy=*/true);
  EXPECT_TRUE(watch.alarm);
  EXPECT_FALSE(watch.retrain);
  EXPECT_EQ(watch.trigger.last_retraining, std::nullopt) << "nothing was begun, so nothing cools down";
}

TEST_F(PlanWatchTest, AnAlertRetrainsNothing) {
  monitor_.on_breach = "alert";
  const WatchDecision watch = Plan(8);
  EXPECT_TRUE(watch.alarm);
  EXPECT_FALSE(watch.retrain);
  EXPECT_EQ(watch.trigger.last_retraining, std::nullopt);
}

TEST_F(PlanWatchTest, OnlyTheColumnsNamedAreJudged) {
  monitor_.drift->columns = {"carrier"};
  EXPECT_FALSE(Plan(8).alarm);
  monitor_.drift->columns = {"carrier", "temp"};
  EXPECT_TRUE(Plan(8).alarm);
}

TEST_F(PlanWatchTest, TheAucIsJudgedFromTheFirstDay) {
  monitor_.performance = project::PerformanceSpec{};
  monitor_.performance->floor = 0.7;
  report_.live.count = 1'000;
  report_.live.auc = 0.69;
  EXPECT_TRUE(Plan(1).retrain);
  report_.live.auc = 0.71;
  EXPECT_FALSE(Plan(1).retrain);
}

}  // namespace
}  // namespace keelson::control
