#include "control/month_json.h"

#include <gtest/gtest.h>

#include <limits>

namespace keelson::control {
namespace {

TEST(MonthJsonTest, TellsTheMonthInOneOrder) {
  monitoring::MonthReport report;
  report.month = "2013-07";
  report.asked = 10;
  report.live.count = 8;
  report.live.auc = 0.75;
  report.live.log_loss = 0.5;
  report.baseline.auc = 0.625;
  EXPECT_EQ(MonthJson(report, {.alarms = 3, .retrainings = 2, .promotions = 1}).dump(),
            R"({"month":"2013-07","asked":10,"labelled":8,"auc_frozen":0.625,"auc_live":0.75,)"
            R"("logloss_frozen":null,"logloss_live":0.5,"drift_alarms":3,"retrainings":2,"promotions":1})");
}

TEST(MonthJsonTest, WhatIsNoNumberIsNull) {
  monitoring::MonthReport report;
  report.live.auc = std::numeric_limits<double>::quiet_NaN();
  report.live.log_loss = std::numeric_limits<double>::infinity();
  const auto json = MonthJson(report, {});
  EXPECT_TRUE(json.at("auc_live").is_null());
  EXPECT_TRUE(json.at("logloss_live").is_null());
}

}  // namespace
}  // namespace keelson::control
