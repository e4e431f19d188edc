#include "app/replay/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::app {
namespace {

using testing::HasSubstr;
using testing::Not;

Json Month(const std::string& name, const Json& frozen, const Json& live) {
  return {{"month", name},        {"asked", 7},        {"labelled", 6},
          {"auc_frozen", frozen}, {"auc_live", live},  {"logloss_frozen", nullptr},
          {"logloss_live", 0.5},  {"drift_alarms", 2}, {"retrainings", 1},
          {"promotions", 1}};
}

TEST(SummaryTest, AMeanIsOverTheMonthsThatHaveBothFigures) {
  const Json mean = MeanOfMonths({Month("2013-04", 0.5, 0.75), Month("2013-05", nullptr, 0.25),
                                  Month("2013-06", 0.5, 0.5), Month("2013-07", 0.5, nullptr)});
  EXPECT_EQ(mean.at("auc_gain"), 0.125);
  EXPECT_EQ(mean.at("auc_live"), 0.5);
  EXPECT_FALSE(mean.contains("logloss_gain")) << "no month has the frozen model's";
  EXPECT_EQ(MeanOfMonths(Json::array()), Json::object());
}

TEST(SummaryTest, WhatTheAskingSideCountedStandsBesideWhatTheServerKnows) {
  ReplayResult asked;
  MonthOfAsking& april = asked.months["2013-04"];
  april.asked = 101;
  april.failed = 1;
  for (std::uint32_t i = 100; i > 0; --i) april.latencies_us.push_back(i * 1'000);
  asked.months["2013-05"].asked = 3;
  asked.refused_batches = 2;
  asked.refused_rows = 9;
  asked.first_refusals = {R"({"summary": "temp: 9 of 9"})", "no json"};
  const Json summary = MergeSummary(
      {{"months", {Month("2013-04", 0.5, 0.75), Month("2013-05", 0.5, 0.5), Month("2013-06", 0.5, 0.5)}}}, asked);
  const Json& first = summary.at("months").at(0);
  EXPECT_EQ(first.at("asked"), 101);
  EXPECT_EQ(first.at("failed"), 1);
  EXPECT_EQ(first.at("p50_ms"), 50.0);
  EXPECT_EQ(first.at("p99_ms"), 99.0);
  EXPECT_EQ(summary.at("months").at(1).at("p99_ms"), nullptr) << "none was answered";
  EXPECT_FALSE(summary.at("months").at(2).contains("failed")) << "not asked by this replay";
  EXPECT_EQ(summary.at("months").at(2).at("asked"), 7);
  EXPECT_EQ(summary.at("refused_rows"), 9);
  EXPECT_EQ(summary.at("refusals").at(0).at("summary"), "temp: 9 of 9");
}

TEST(SummaryTest, PeopleGetATableTheMeanAndWhatWasRefused) {
  ReplayResult asked;
  asked.months["2013-04"] = {.asked = 1'000, .failed = 0, .latencies_us = {1'234}};
  Json month = Month("2013-04", 0.5, 0.75);
  month["logloss_frozen"] = 0.625;
  const std::string text = SummaryText(MergeSummary({{"months", {month}}}, asked));
  for (const char* part : {"2013-04", "1000", "0.5000", "0.7500", "0.6250", "1.23", "AUC +0.2500", "log loss -0.1250"})
    EXPECT_THAT(text, HasSubstr(part));
  EXPECT_THAT(text, Not(HasSubstr("refused")));

  asked.refused_batches = 1;
  asked.refused_rows = 24;
  asked.first_refusals = {R"({"summary": "temp: 24 of 24 values"})"};
  const std::string bad = SummaryText(MergeSummary({{"months", {Month("2013-04", nullptr, nullptr)}}}, asked));
  EXPECT_THAT(
      bad, HasSubstr("1 batches (24 rows) were refused by their expectations; the first:\n  temp: 24 of 24 values\n"));
  EXPECT_THAT(bad, Not(HasSubstr("mean of the months"))) << "there is none";
}

}  // namespace
}  // namespace keelson::app
