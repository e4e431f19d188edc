#include "app/commands/history.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "control/types.h"
#include "simulation/job_rows.h"
#include "wire/api/views.h"

namespace keelson::app {
namespace {

using std::chrono::seconds;

const Instant kMorning = ParseInstant("2026-11-30T08:00:00Z").value();

control::Job Ran(const std::string& id, int created, int started, int ended) {
  control::Job job;
  job.id = id;
  job.project = "flights";
  job.step = "train";
  job.user = "ada";
  job.queue = "research";
  job.priority = 7;
  job.workload_class = scheduling::WorkloadClass::kBestEffort;
  job.resources = {1'500, std::int64_t{3} << 30};
  job.created = kMorning + seconds(created);
  job.started = kMorning + seconds(started);
  job.ended = kMorning + seconds(ended);
  return job;
}

nlohmann::json AnswerOf(const std::vector<control::Job>& jobs) {
  nlohmann::json list = nlohmann::json::array();
  for (const control::Job& job : jobs) list.push_back(wire::api::JobView(job, false));
  return {{"jobs", list}};
}

// What the server answers, written as a file, is a load.
TEST(HistoryTest, JobsThatHaveEndedAreALoad) {
  const auto load = LoadOfJobs(AnswerOf({Ran("j2", 60, 90, 150), Ran("j1", 0, 0, 30)}));
  ASSERT_EQ(load.arrivals.size(), 2U);
  const auto again = simulation::ReadJobRows(simulation::WriteJobRows(load), "jobs.csv");
  ASSERT_TRUE(again) << again.error().ToString();
  const auto& [workload, run_time, name, project] = again->arrivals.at(1);
  EXPECT_EQ(workload.id, "j2");
  EXPECT_EQ(workload.submitted, Instant{} + seconds(60)) << "a minute behind the first";
  EXPECT_EQ(run_time, seconds(60));
  EXPECT_EQ(name, "flights/train");
  EXPECT_EQ(project, "flights");
  EXPECT_EQ(workload.user, "ada");
  EXPECT_EQ(workload.queue, "research");
  EXPECT_EQ(workload.priority, 7);
  EXPECT_EQ(workload.workload_class, scheduling::WorkloadClass::kBestEffort);
  EXPECT_EQ(workload.pod.request, (scheduling::Resources{1'500, std::int64_t{3} << 30}));
}

TEST(HistoryTest, WhatWaitsOrRunsOrNeverBeganIsNoPartOfIt) {
  control::Job waits = Ran("waits", 0, 0, 0);
  waits.started.reset();
  waits.ended.reset();
  control::Job runs = Ran("runs", 0, 1, 0);
  runs.ended.reset();
  control::Job stopped_before = Ran("stopped", 0, 0, 5);
  stopped_before.started.reset();
  EXPECT_TRUE(LoadOfJobs(AnswerOf({waits, runs, stopped_before, Ran("backwards", 0, 9, 5)})).arrivals.empty());
}

}  // namespace
}  // namespace keelson::app
