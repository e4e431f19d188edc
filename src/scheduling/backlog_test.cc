#include "scheduling/backlog.h"

#include <gtest/gtest.h>

namespace keelson::scheduling {
namespace {

using std::chrono::seconds;

Workload Waiting(const std::string& id, int pods, std::optional<Duration> run_time = {}) {
  Workload workload;
  workload.id = id;
  workload.pods = pods;
  workload.run_time = run_time;
  return workload;
}

TEST(BacklogTest, KindsThatAskForTheSameAreAlikeHoweverLongTheyRun) {
  Backlog backlog;
  backlog.Add(Waiting("a", 1, seconds(1)), 0, 0, {0});
  backlog.Add(Waiting("b", 1, seconds(2)), 0, 0, {0});
  backlog.Add(Waiting("c", 2), 0, 0, {0});
  backlog.Add(Waiting("d", 1), 1, 0, {0});
  EXPECT_EQ(backlog.kinds().size(), 4U);
  EXPECT_EQ(backlog.Find("a")->alike, backlog.Find("b")->alike);
  EXPECT_NE(backlog.Find("a")->alike, backlog.Find("c")->alike);
  EXPECT_NE(backlog.Find("a")->alike, backlog.Find("d")->alike);
}

TEST(BacklogTest, ThoseThatDifferInWhatTheyShouldNotExceedAreTwoKinds) {
  Backlog backlog;
  Workload sure = Waiting("a", 1, seconds(1));
  Workload unsure = Waiting("b", 1, seconds(1));
  unsure.run_time_high = seconds(9);
  backlog.Add(sure, 0, 0, {0});
  backlog.Add(unsure, 0, 0, {0});
  EXPECT_EQ(backlog.kinds().size(), 2U);
  EXPECT_EQ(backlog.KindsOf(0, 1).begin()->second.first().id, "a");
  EXPECT_TRUE(backlog.KindsOf(1, 2).empty());
}

TEST(BacklogTest, WhatHasGoneIsNotRemembered) {
  Backlog backlog;
  for (int i = 1; i <= 1'000; ++i) {
    backlog.Add(Waiting("a", i), 0, 0, {0});
    backlog.Add(Waiting("b", i, seconds(1)), 0, 0, {0});
    const int alike = backlog.Find("a")->alike;
    EXPECT_EQ(backlog.Take("a")->pods, i);
    EXPECT_EQ(backlog.Find("b")->alike, alike) << "while one of them waits the number is theirs";
    EXPECT_TRUE(backlog.Take("b"));
  }
  EXPECT_EQ(backlog.alikes(), 0U);
  EXPECT_EQ(backlog.size(), 0U);
  EXPECT_FALSE(backlog.Take("a"));
}

}  // namespace
}  // namespace keelson::scheduling
