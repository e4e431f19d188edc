#include "control/past_runs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::control {
namespace {

using std::chrono::minutes;
using testing::AllOf;
using testing::HasSubstr;

const Instant kNow = InstantFromMicros(1'796'083'200'000'000);

class PastRunsTest : public testing::Test {
 protected:
  Job& Add(const std::string& id, int took_minutes, int ended_after) {
    Job& job = jobs_[id];
    job.id = id;
    job.project = "flights";
    job.kind = job.step = "train";
    job.user = "ada";
    job.resources = {1'000, 1 << 30};
    job.state = JobState::kSucceeded;
    job.attempts = 1;
    job.ended = kNow + minutes(ended_after);
    job.started = *job.ended - minutes(took_minutes);
    return job;
  }
  std::map<std::string, Job> jobs_;
};

TEST_F(PastRunsTest, AreThoseThatSucceededAtOnceInTheOrderOfTheirEnds) {
  Add("j1", 3, 9);
  Add("j2", 2, 5);
  Add("j3", 9, 1).attempts = 2;
  Add("j4", 9, 1).state = JobState::kFailed;
  Add("j5", 9, 1).started.reset();
  Add("j6", 1, 7).step = "evaluate";
  const auto peak = [](const std::string& job) -> std::optional<std::int64_t> {
    return job == "j2" ? std::optional<std::int64_t>(7) : std::nullopt;
  };
  const auto runs = PastRuns(jobs_, peak);
  ASSERT_EQ(runs.size(), 3U);
  EXPECT_EQ(runs[0].run_time, minutes(2));
  EXPECT_EQ(runs[0].peak_memory_bytes, 7);
  EXPECT_EQ(runs[1].name, "flights/train/evaluate");
  EXPECT_EQ(runs[2].run_time, minutes(3));
  EXPECT_EQ(PastRuns(jobs_, {}, &jobs_.at("j1")).size(), 2U);
}

TEST_F(PastRunsTest, AJobsMemoryIsTheMostOfItsAttempts) {
  std::vector<scheduling::Allocation> allocations(4);
  for (auto& each : allocations) each.job = "j1";
  allocations[0].used = scheduling::Use{Duration(1), 5};
  allocations[1].used = scheduling::Use{Duration(1), 9};
  allocations[2].job = "";
  allocations[2].used = scheduling::Use{Duration(1), 99};
  const auto peak = PeaksOf(allocations);
  EXPECT_EQ(peak("j1"), 9);
  EXPECT_EQ(peak("j2"), std::nullopt);
}

TEST_F(PastRunsTest, WhatIsExpectedIsThatOfItsLikeAndAWarningSaysWhatItMayLack) {
  for (int i = 1; i <= 6; ++i) Add("j" + std::to_string(i), i, i);
  Add("j9", 100, 1).project = "taxis";
  const auto expected = Expect(jobs_, jobs_.at("j1"), [](const std::string&) { return std::int64_t{1'000} << 20; });
  ASSERT_TRUE(expected);
  EXPECT_EQ(expected->alike, "user, name and shape");
  EXPECT_EQ(expected->high, minutes(6));
  EXPECT_EQ(MemoryWarning(expected, {1'000, std::int64_t{2} << 30}), "");
  EXPECT_THAT(MemoryWarning(expected, {1'000, std::int64_t{1} << 30}),
              AllOf(HasSubstr("6 runs, by user, name and shape"), HasSubstr("and it asks for 1 GiB")));
  EXPECT_EQ(MemoryWarning(std::nullopt, {1'000, 1}), "");
  EXPECT_EQ(MemoryWarning(expected, {}), "") << "it asks for none: nothing limits it";
}

}  // namespace
}  // namespace keelson::control
