// ProjectRuntime: drift, labels, alarms and what they start.
#include "control/project_runtime_testing.h"

namespace keelson::control {
namespace {

TEST_F(ProjectRuntimeTest, DriftRaisesAnAlarmAndRetrainsByItself) {
  monitor_ = "{drift: {threshold: 0.2, window: 1d}, interval: 1d, cool_down: 3d, on_breach: retrain}";
  ServeReplay("2013-04-01T00:00:00Z");
  Predict("2013-04-02T00:30:00Z", 600, 0.9, 0.4F);  // every input in the last bin of the profile
  MoveTo("2013-04-02T23:00:00Z");
  EXPECT_EQ(Said("alarm"), 0) << "the champion has not served a whole window at the evaluation of this day";
  ASSERT_TRUE(Project().AdvanceClock(At("2013-04-03T12:00:00Z")));
  EXPECT_EQ(Said("alarm: "), 1) << AllSaid();
  EXPECT_EQ(Project().state().alarms_by_month.at("2013-04"), 1u);
  EXPECT_EQ(Project().state().retrainings_by_month.at("2013-04"), 1u);
  const Pipeline* running = controller_->pipelines().Running(kName);
  ASSERT_NE(running, nullptr);
  EXPECT_NE(running->cause.find("a "), std::string::npos) << running->cause;
  EXPECT_EQ(running->as_of, At("2013-04-03T00:00:00Z"));
  EXPECT_FALSE(Project().state().drift_by_day.at("2013-04-03").empty());
  Play();
  MoveTo("2013-04-05T23:00:00Z");
  EXPECT_EQ(Project().state().retrainings_by_month.at("2013-04"), 1u) << "cooling down";
  EXPECT_EQ(Alias("champion"), 2) << "what it trained went through gate and canary";
}

TEST_F(ProjectRuntimeTest, AnAlertAloneTrainsNothing) {
  monitor_ = "{drift: {threshold: 0.2, window: 1d}, interval: 1d, on_breach: alert}";
  ServeReplay("2013-04-01T00:00:00Z");
  Predict("2013-04-02T00:30:00Z", 600, 0.9, 0.4F);
  MoveTo("2013-04-03T12:00:00Z");
  EXPECT_EQ(Said("alarm: "), 1);
  EXPECT_EQ(controller_->pipelines().Running(kName), nullptr);
}

TEST_F(ProjectRuntimeTest, AnEvaluationIsMadeOnceAlsoAcrossARestart) {
  monitor_ = "{drift: {threshold: 0.2, window: 1d}, interval: 1d, on_breach: alert}";
  ServeReplay("2013-04-01T00:00:00Z");
  Predict("2013-04-02T00:30:00Z", 600, 0.9, 0.4F);
  MoveTo("2013-04-03T12:00:00Z");
  const auto before = Project().state().drift_by_day;
  Restart();
  MoveTo("2013-04-03T20:00:00Z");
  EXPECT_EQ(Said("alarm: "), 1);
  EXPECT_EQ(Project().state().drift_by_day, before);
  EXPECT_EQ(Project().Months()->at(0).asked, 600u) << "the payload log was read again, each prediction counts once";
}

TEST_F(ProjectRuntimeTest, LabelsThatArriveGiveLivePerformance) {
  monitor_ = "{performance: {metric: auc, floor: 0.6, labels: trips, window: 1d}, interval: 1d, on_breach: retrain}";
  ServeReplay("2013-04-01T00:00:00Z");
  Predict("2013-04-01T03:00:00Z", 200, 0.1, 0.9F);  // t1 to t200: scored high
  Predict("2013-04-01T08:00:00Z", 200, 0.1, 0.1F);  // t201 to t400: scored low
  MoveTo("2013-04-01T12:00:00Z");
  Json rows = Json::array();
  for (int i = 1; i <= 400; ++i) {  // and the truth is the other way round
    rows.push_back({{"trip_id", "t" + std::to_string(i)},
                    {"started_at", "2013-04-01T03:00:00Z"},
                    {"a", 0.1},
                    {"tip", i <= 200 ? 0.0 : 2.0},
                    {"paid_at", "2013-04-01T12:00:00Z"}});
  }
  const auto pushed = Push("trips", rows);
  ASSERT_TRUE(pushed) << pushed.error().ToString();
  EXPECT_EQ(pushed->accepted.rows(), 400u);
  const auto months = Project().Months().value();
  ASSERT_EQ(months.size(), 1u);
  EXPECT_EQ(months[0].asked, 400u);
  EXPECT_EQ(months[0].live.count, 400u);
  EXPECT_EQ(months[0].live.auc, 0.0);
  EXPECT_TRUE(months[0].baseline.auc.has_value()) << "the frozen first model is measured beside it";
  ASSERT_TRUE(Project().AdvanceClock(At("2013-04-02T06:00:00Z")));
  ASSERT_NE(controller_->pipelines().Running(kName), nullptr) << AllSaid();
  EXPECT_EQ(controller_->pipelines().Running(kName)->row_sequences.at("trips"), 1u) << "it may see the pushed rows";
}

// A source without a key: the rows of the truth say themselves which prediction they are about.
TEST_F(ProjectRuntimeTest, LabelsOfASourceWithoutAKeyJoinByTheirRequestId) {
  source_ = "{path: trips.csv, time: started_at, known: {tip: paid_at}}";
  monitor_ = "{performance: {metric: auc, floor: 0.6, labels: trips, window: 1d}, interval: 1d}";
  ServeReplay("2013-04-01T00:00:00Z");
  Predict("2013-04-01T03:00:00Z", 2, 0.1, 0.9F);  // t1, t2
  Predict("2013-04-01T04:00:00Z", 2, 0.1, 0.1F);  // t3, t4
  MoveTo("2013-04-01T12:00:00Z");
  const auto row = [](const std::string& trip, const Json& request_id, double tip) -> Json {
    return {{"trip_id", trip},          {"started_at", "2013-04-01T03:00:00Z"}, {"a", 0.1}, {"tip", tip},
            {"request_id", request_id}, {"paid_at", "2013-04-01T12:00:00Z"}};
  };
  const auto pushed =
      Push("trips", {row("x", "t1", 2), row("y", "t3", 0), row("z", nullptr, 1), row("t2", "other", 1)});
  ASSERT_TRUE(pushed) << pushed.error().ToString();
  EXPECT_EQ(pushed->accepted.rows(), 4u);
  auto months = Project().Months().value();
  EXPECT_EQ(months.at(0).asked, 4u);
  EXPECT_EQ(months.at(0).live.count, 2u) << "neither a row without an id nor one of nobody's counts";
  EXPECT_EQ(months.at(0).live.positives, 1u);
  EXPECT_EQ(months.at(0).live.auc, 1.0);
  ASSERT_TRUE(Push("trips", Json::array({row("w", "t2", 2)})));
  Restart();
  months = Project().Months().value();
  EXPECT_EQ(months.at(0).live.count, 3u) << "read back from the row log";
  EXPECT_EQ(CodeOf(Push("trips", Json::parse(R"([{"request_id": 7}])"))), ErrorCode::kInvalidArgument);
  EXPECT_EQ(Project().state().clock, At("2013-04-01T12:00:00Z"));
}

TEST_F(ProjectRuntimeTest, OnlyTheSourceOfTheLabelsMayBringARequestId) {
  ServeReplay("2013-04-01T00:00:00Z");
  const auto pushed = Push("trips", Json::parse(R"([{"trip_id": "x", "request_id": "t1"}])"));
  EXPECT_EQ(CodeOf(pushed), ErrorCode::kInvalidArgument);
  EXPECT_NE(pushed.error().message.find("request_id"), std::string::npos) << pushed.error().message;
}

TEST_F(ProjectRuntimeTest, PushedRowsNeedASourceAndAPreparedTable) {
  Apply();
  EXPECT_EQ(CodeOf(Push("nothing", Json::array())), ErrorCode::kNotFound);
  EXPECT_EQ(CodeOf(Push("trips", Json::array())), ErrorCode::kFailedPrecondition);
  Run();
  Play();
  EXPECT_TRUE(Push("trips", Json::array()));
  Restart();
  EXPECT_TRUE(Push("trips", Json::array())) << "also after a restart";
}

}  // namespace
}  // namespace keelson::control
