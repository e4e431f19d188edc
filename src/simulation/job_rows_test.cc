#include "simulation/job_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace keelson::simulation {
namespace {

using scheduling::WorkloadClass;
using std::chrono::milliseconds;
using testing::HasSubstr;

constexpr const char* kLeast = "id,submitted_ms,run_time_ms,cpu_milli,memory_mib\n";

TEST(JobRowsTest, TheLeastIsEnough) {
  const auto load = ReadJobRows(std::string(kLeast) + "b,2000,500,1000,64\na,1500,90,0,0\n", "jobs.csv");
  ASSERT_TRUE(load) << load.error().ToString();
  ASSERT_EQ(load->arrivals.size(), 2U);
  EXPECT_EQ(load->arrivals[0].workload.id, "a") << "in the order of time";
  EXPECT_EQ(load->arrivals[0].workload.submitted, Instant{}) << "which begins with the first";
  const auto& [b, run_time, name, project] = load->arrivals[1];
  EXPECT_EQ(b.submitted, Instant(milliseconds(500)));
  EXPECT_EQ(run_time, milliseconds(500));
  EXPECT_EQ(b.run_time, milliseconds(500));
  EXPECT_EQ(b.queue, "default");
  EXPECT_EQ(b.workload_class, WorkloadClass::kTraining);
  EXPECT_EQ(b.pod.request, (scheduling::Resources{1'000, 64 << 20}));
  EXPECT_EQ(b.pods, 1);
  EXPECT_TRUE(b.preemptible);
}

TEST(JobRowsTest, ReadsAllThatItMayHave) {
  const auto load = ReadJobRows(
      "preemptible,id,name,user,queue,class,priority,submitted_ms,run_time_ms,cpu_milli,memory_mib,gpus,gpu_milli,pods,"
      "least_pods,checkpoint_ms,project\n"
      "no,a,nightly,ada,research,best-effort,-3,0,60000,500,10,1,250,8,2,900000,flights\n",
      "jobs.csv");
  ASSERT_TRUE(load) << load.error().ToString();
  const auto& [a, run_time, name, project] = load->arrivals.at(0);
  EXPECT_EQ(name, "nightly");
  EXPECT_EQ(project, "flights");
  EXPECT_EQ(a.user, "ada");
  EXPECT_EQ(a.queue, "research");
  EXPECT_EQ(a.workload_class, WorkloadClass::kBestEffort);
  EXPECT_EQ(a.priority, -3);
  EXPECT_EQ(a.pod.gpu_milli, 250);
  EXPECT_EQ(a.pods, 8);
  EXPECT_EQ(a.least(), 2);
  EXPECT_EQ(a.checkpoint_interval, std::chrono::minutes(15));
  EXPECT_FALSE(a.preemptible);
}

TEST(JobRowsTest, MistakesAreSaidWithTheirLine) {
  const auto error = [](const std::string& header, const std::string& row) {
    const auto load = ReadJobRows(header + row, "jobs.csv", {.jobs = 2});
    return load ? "none" : load.error().ToString();
  };
  const std::string least = kLeast;
  EXPECT_THAT(error("id,submitted_ms\n", "a,1\n"), HasSubstr("jobs.csv:1"));
  EXPECT_THAT(error("id,submitted_ms,run_time_ms,cpu_milli,memory_mib,colour\n", "a,1,1,1,1,red\n"),
              HasSubstr("colour"));
  EXPECT_THAT(error(least, "a,1,1,1\n"), HasSubstr("jobs.csv:2"));
  EXPECT_THAT(error(least, ",1,1,1,1\n"), HasSubstr("the id is missing"));
  EXPECT_THAT(error(least, "a,1,1,1,1\na,1,1,1,1\n"), HasSubstr("'a' stands twice (jobs.csv:3)"));
  EXPECT_THAT(error(least, "a,-1,1,1,1\n"), HasSubstr("submitted_ms"));
  EXPECT_THAT(error(least, "a,1,1,1.5,1\n"), HasSubstr("cpu_milli"));
  EXPECT_THAT(error(least, "a,1,99999999999999999999,1,1\n"), HasSubstr("run_time_ms"));
  EXPECT_THAT(error(least, "a,1,1,1,1\nb,1,1,1,1\nc,1,1,1,1\n"), HasSubstr("more than 2 jobs"));
  const auto with = [&](const std::string& column, const std::string& value) {
    return error("id,submitted_ms,run_time_ms,cpu_milli,memory_mib," + column + "\n", "a,1,1,1,1," + value + "\n");
  };
  EXPECT_THAT(with("class", "gold"), HasSubstr("class is 'gold', not one of system"));
  EXPECT_THAT(with("preemptible", "maybe"), HasSubstr("neither yes nor no"));
  EXPECT_THAT(with("pods", "0"), HasSubstr("pods"));
  EXPECT_THAT(with("pods,least_pods", "2,3"), HasSubstr("least_pods"));
  EXPECT_THAT(with("pods", "16385"), HasSubstr("pods is 16385, more than 16384"));
  EXPECT_THAT(error("id,submitted_ms,run_time_ms,cpu_milli,memory_mib,pods\n", "a,1,1000000000000,1,1,1001\n"),
              HasSubstr("1001 pods run for longer than can be counted (jobs.csv:2)"));
  EXPECT_THAT(with("gpus,gpu_milli", "2,500"), HasSubstr("a share of one GPU"));
  EXPECT_EQ(with("class", ""), "none") << "an empty cell is none";
}

TEST(JobRowsTest, WhatIsWrittenReadsBackTheSame) {
  auto load = ReadJobRows(
                  "id,submitted_ms,run_time_ms,cpu_milli,memory_mib,gpus,pods,least_pods,class,user\n"
                  "a,7,1,1,1,2,3,2,inference,ada\nb,9,1,1,1,,,,,\n",
                  "jobs.csv")
                  .value();
  load.arrivals[0].workload.user = "a,\n\"b";
  const std::string text = WriteJobRows(load);
  EXPECT_THAT(text, HasSubstr("\na,0,1,1,1,,a___b,default,inference,0,2,1000,3,2,0,yes,\n"));
  const auto again = ReadJobRows(text, "again.csv");
  ASSERT_TRUE(again) << again.error().ToString();
  EXPECT_EQ(WriteJobRows(*again), text);
}

}  // namespace
}  // namespace keelson::simulation
