// `keelson simulate` as it is called, on the small trace of our own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "app/commands.h"
#include "app/simulate/page.h"
#include "app/simulate/seeds.h"
#include "io/files.h"
#include "io/temp_folder.h"

namespace keelson::app {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

struct Ran {
  int code = -1;
  std::string out;
  std::string err;
};

Ran Simulate(std::vector<std::string> arguments) {
  std::ostringstream out;
  std::ostringstream err;
  Ran ran;
  arguments.insert(arguments.begin(), "simulate");
  ran.code = RunCommandLine(Commands(), std::move(arguments), {out, err});
  ran.out = out.str();
  ran.err = err.str();
  return ran;
}

const std::string kData = std::string(KEELSON_SOURCE_DIR) + "/src/simulation/testdata/";
const std::string kNodes = "openb:" + kData + "nodes.csv";
const std::string kPods = "openb:" + kData + "pods.csv";

TEST(SimulateCommand, PrintsThePoliciesWithTheirSeedsAsJson) {
  const auto ran = Simulate({"--workload", kPods, "--nodes", kNodes, "--policy", "fgd,keelson", "--arrive", "1.3",
                             "--seeds", "42-44", "-o", "json"});
  ASSERT_EQ(ran.code, kExitOk) << ran.err;
  const auto json = nlohmann::json::parse(ran.out);
  ASSERT_EQ(json.at("policies").size(), 2U);
  EXPECT_EQ(json["policies"][0]["name"], "fgd");
  EXPECT_EQ(json["policies"][1]["name"], "keelson");
  for (const auto& policy : json["policies"]) {
    for (const char* figure : {"gpu_allocated_percent", "gpu_fragmented_percent"}) {
      const auto& seeds = policy.at(figure).at("seeds");
      ASSERT_EQ(seeds.size(), 3U);
      const double mean =
          (seeds.at("42").get<double>() + seeds.at("43").get<double>() + seeds.at("44").get<double>()) / 3;
      EXPECT_NEAR(policy[figure].at("mean").get<double>(), mean, 1e-3);
    }
    EXPECT_EQ(policy.at("at").size(), 13U) << "at 10 to 120 percent and at the end";
  }
  EXPECT_TRUE(json.at("refused").empty());
  EXPECT_EQ(ran.out, Simulate({"--workload", kPods, "--nodes", kNodes, "--policy", "fgd,keelson", "--seeds", "42-44",
                               "-o", "json"})
                         .out)
      << "the same again";
}

TEST(SimulateCommand, PrintsATableAndWritesAPageThatNeedsNothingElse) {
  const io::TempFolder folder = io::TempFolder::Make().value();
  const std::string page = folder.path() + "/page.html";
  const auto ran = Simulate({"--workload", kPods, "--nodes", kNodes, "--html", page});
  ASSERT_EQ(ran.code, kExitOk) << ran.err;
  EXPECT_THAT(ran.out, AllOf(HasSubstr("GPU ALLOCATED"), HasSubstr("least-allocated"), HasSubstr("keelson")));
  const std::string html = io::ReadFile(page).value();
  EXPECT_THAT(html, AllOf(HasSubstr("<polyline"), HasSubstr("GPUs allocated"), HasSubstr("</html>")));
  EXPECT_THAT(html, AllOf(Not(HasSubstr("http")), Not(HasSubstr("<script")), Not(HasSubstr("src="))));
}

TEST(SimulateCommand, WhatIsImpossibleIsRefusedWithItsLineAndTheRestRuns) {
  const io::TempFolder folder = io::TempFolder::Make().value();
  const std::string pods = folder.path() + "/pods.csv";
  ASSERT_TRUE(io::WriteFileAtomically(pods,
                                      "name,cpu_milli,memory_mib,num_gpu,gpu_milli\n"
                                      "a,1000,1024,1,500\nb,1000,1024,9,1000\nc,1000,1024,9,1000\n")
                  .has_value());
  const auto ran = Simulate({"--workload", "openb:" + pods, "--nodes", kNodes, "--policy", "keelson", "-o", "json"});
  EXPECT_EQ(ran.code, kExitOk);
  EXPECT_THAT(ran.err, HasSubstr(pods + ":3: refused, with 1 more like it: it asks for 9 GPUs"));
  EXPECT_EQ(nlohmann::json::parse(ran.out).at("refused").at(0).at("pods"), 2);
}

TEST(SimulateCommand, ErrorsSayWhatIsWrongAndWhere) {
  const io::TempFolder folder = io::TempFolder::Make().value();
  const std::string bad = folder.path() + "/bad.csv";
  ASSERT_TRUE(io::WriteFileAtomically(bad, "name,cpu_milli,memory_mib,num_gpu,gpu_milli\na,-1,1,1,500\n").has_value());
  const auto expect = [](const Ran& ran, int code, const std::string& text) {
    EXPECT_EQ(ran.code, code) << ran.err;
    EXPECT_THAT(ran.err, HasSubstr(text));
    EXPECT_EQ(ran.out, "");
  };
  expect(Simulate({"--workload", "openb:" + bad, "--nodes", kNodes}), kExitFailed, "bad.csv:2");
  expect(Simulate({"--workload", "openb:/nowhere.csv", "--nodes", kNodes}), kExitNotFound, "/nowhere.csv");
  expect(Simulate({"--workload", kData + "pods.csv", "--nodes", kNodes}), kExitUsage,
         "is none of openb:FILE, kueue:FILE and jobs:FILE");
  expect(Simulate({"--workload", kPods, "--nodes", "nodes.csv"}), kExitUsage, "is not openb:FILE");
  expect(Simulate({"--workload", kPods, "--nodes", kNodes, "--policy", "fdg"}), kExitUsage, "did you mean 'fgd'?");
  expect(Simulate({"--workload", kPods, "--nodes", kNodes, "--policy", "fgd,fgd"}), kExitUsage, "twice");
  expect(Simulate({"--workload", kPods, "--nodes", kNodes, "--seeds", "5-1"}), kExitUsage, "ends before it begins");
}

TEST(SimulateCommand, PlaysJobsInRowsOnMachinesAndInQueues) {
  const io::TempFolder folder = io::TempFolder::Make().value();
  const std::string jobs = folder.path() + "/jobs.csv";
  ASSERT_TRUE(io::WriteFileAtomically(jobs,
                                      "id,submitted_ms,run_time_ms,cpu_milli,memory_mib,name,queue\n"
                                      "a,0,60000,4000,1024,long,x\nb,1000,60000,4000,1024,long,x\n"
                                      "c,2000,10000,9000,1024,large,x\n"));
  const auto makespan = [&](const std::vector<std::string>& machines) {
    std::vector<std::string> words = {"--workload", "jobs:" + jobs, "--policy", "keelson", "-o", "json"};
    for (const auto& each : machines) words.insert(words.end(), {"--machines", each});
    const auto ran = Simulate(words);
    EXPECT_EQ(ran.code, kExitOk) << ran.err;
    return nlohmann::json::parse(ran.out).at("policies").at(0).at("makespan_seconds").get<double>();
  };
  EXPECT_EQ(makespan({"1x4,8Gi"}), 120) << "one after the other; the large one is refused";
  EXPECT_EQ(makespan({"1x4,8Gi", "1x4,8Gi"}), 61) << "what if there were two machines?";
  const auto refused = Simulate({"--workload", "jobs:" + jobs, "--machines", "1x4,8Gi"});
  EXPECT_THAT(refused.err, HasSubstr("c is refused"));

  const std::string queues = folder.path() + "/queues.yaml";
  ASSERT_TRUE(
      io::WriteFileAtomically(queues,
                              "apiVersion: kueue.x-k8s.io/v1beta1\nkind: ResourceFlavor\nmetadata: {name: f}\n---\n"
                              "apiVersion: kueue.x-k8s.io/v1beta1\nkind: ClusterQueue\nmetadata: {name: x}\n"
                              "spec: {resourceGroups: [{coveredResources: [cpu, memory], flavors: [{name: f, "
                              "resources: [{name: cpu, nominalQuota: 9}, {name: memory, nominalQuota: 9Gi}]}]}]}\n"));
  const auto ran = Simulate({"--workload", "jobs:" + jobs, "--queues", queues, "--policy", "keelson", "-o", "json"});
  EXPECT_EQ(ran.code, kExitOk) << ran.err;
  EXPECT_EQ(nlohmann::json::parse(ran.out).at("policies").at(0).at("makespan_seconds"), 71);

  const auto elsewhere =
      Simulate({"--workload", "jobs:" + jobs, "--queues", queues, "--machines", "1x16,64Gi", "--policy", "keelson"});
  EXPECT_THAT(elsewhere.out, HasSubstr("71.0 s")) << "the quota, not the machine, is what they wait for";

  EXPECT_THAT(Simulate({"--workload", "jobs:" + jobs}).err, HasSubstr("--machines or --queues"));
  EXPECT_THAT(Simulate({"--workload", "jobs:" + jobs, "--machines", "4"}).err, HasSubstr("'4': expected such as"));
  EXPECT_THAT(Simulate({"--workload", "jobs:" + jobs, "--seeds", "1"}).err, HasSubstr("--seeds goes with openb:FILE"));
  EXPECT_THAT(Simulate({"--workload", kPods, "--nodes", kNodes, "--queues", queues}).err,
              HasSubstr("--queues goes with jobs:FILE"));
}

// The queue that a job of a running Keelson names is its project's: the file says which ClusterQueue that is.
TEST(SimulateCommand, AJobsQueueIsTheLocalQueueOfItsProject) {
  const io::TempFolder folder = io::TempFolder::Make().value();
  const std::string jobs = folder.path() + "/jobs.csv";
  ASSERT_TRUE(io::WriteFileAtomically(jobs,
                                      "id,submitted_ms,run_time_ms,cpu_milli,memory_mib,queue,project\n"
                                      "a,0,60000,4000,1024,team,flights\nb,0,60000,4000,1024,team,taxis\n"
                                      "c,0,60000,4000,1024,,taxis\n"));
  const std::string queues = folder.path() + "/queues.yaml";
  ASSERT_TRUE(io::WriteFileAtomically(
      queues,
      "apiVersion: kueue.x-k8s.io/v1beta1\nkind: ResourceFlavor\nmetadata: {name: f}\n---\n"
      "apiVersion: kueue.x-k8s.io/v1beta1\nkind: ClusterQueue\nmetadata: {name: x}\n"
      "spec: {resourceGroups: [{coveredResources: [cpu, memory], flavors: [{name: f, "
      "resources: [{name: cpu, nominalQuota: 9}, {name: memory, nominalQuota: 9Gi}]}]}]}\n---\n"
      "apiVersion: kueue.x-k8s.io/v1beta1\nkind: LocalQueue\nmetadata: {name: team, namespace: flights}\n"
      "spec: {clusterQueue: x}\n"));
  const auto ran = Simulate({"--workload", "jobs:" + jobs, "--queues", queues, "--machines", "1x8,64Gi", "--policy",
                             "keelson", "-o", "json"});
  ASSERT_EQ(ran.code, kExitOk) << ran.err;
  const auto policy = nlohmann::json::parse(ran.out).at("policies").at(0);
  ASSERT_EQ(policy.at("refused").size(), 1U) << "taxis has no queue 'team'";
  EXPECT_EQ(policy["refused"][0].at("id"), "b");
  EXPECT_EQ(policy.at("makespan_seconds"), 60) << "both at once; what names no queue has all machines";
}

TEST(SimulateCommand, WhatIfThereWereOthersAndWhatTheyCost) {
  const io::TempFolder folder = io::TempFolder::Make().value();
  const std::string jobs = folder.path() + "/jobs.csv";
  ASSERT_TRUE(io::WriteFileAtomically(jobs,
                                      "id,submitted_ms,run_time_ms,cpu_milli,memory_mib,name\n"
                                      "a,0,3600000,4000,1024,long\nb,0,3600000,4000,1024,long\n"));
  const std::string page = folder.path() + "/page.html";
  const std::vector<std::string> words = {
      "--workload", "jobs:" + jobs, "--machines", "1x4,8Gi,name=box,price=2,spot-price=0.5,interruptions=0",
      "--what-if",  "nodes:box=+1", "--what-if",  "nodes:box=+1,spot:box=1",
      "--what-if",  "price:box=3",  "--policy",   "keelson"};
  auto as_json = words;
  as_json.insert(as_json.end(), {"-o", "json", "--html", page});
  const auto ran = Simulate(as_json);
  ASSERT_EQ(ran.code, kExitOk) << ran.err;
  const auto policies = nlohmann::json::parse(ran.out).at("policies");
  ASSERT_EQ(policies.size(), 4U);
  const auto expect = [&](std::size_t i, const std::string& what_if, double makespan, double cost) {
    EXPECT_EQ(policies[i].at("what_if"), what_if);
    EXPECT_EQ(policies[i].at("makespan_seconds"), makespan) << what_if;
    EXPECT_EQ(policies[i].at("cost").at("total"), cost) << what_if;
    EXPECT_EQ(policies[i]["cost"]["pools"][0].at("name"), "box");
    EXPECT_EQ(policies[i].at("work_pod_seconds"), 7200);
  };
  expect(0, "", 7200, 4);
  expect(1, "nodes:box=+1", 3600, 4);
  expect(2, "nodes:box=+1,spot:box=1", 3600, 1);
  expect(3, "price:box=3", 7200, 6);
  EXPECT_THAT(io::ReadFile(page).value(),
              AllOf(HasSubstr("Cost of the machines"), HasSubstr("keelson, if nodes:box=+1, box"),
                    HasSubstr("Work lost"), Not(HasSubstr("nan"))));
  EXPECT_THAT(Simulate(words).out,
              AllOf(HasSubstr("COST"), HasSubstr("keelson, if nodes:box=+1"), HasSubstr("4.00 USD")));
}

TEST(SimulateCommand, MachinesFailAsTheSeedSays) {
  const io::TempFolder folder = io::TempFolder::Make().value();
  const std::string jobs = folder.path() + "/jobs.csv";
  ASSERT_TRUE(io::WriteFileAtomically(jobs,
                                      "id,submitted_ms,run_time_ms,cpu_milli,memory_mib,checkpoint_ms\n"
                                      "a,0,360000000,4000,1024,900000\n"));
  const auto run = [&](std::vector<std::string> more) {
    std::vector<std::string> words = {"--workload", "jobs:" + jobs, "--machines", "1x4,8Gi,spot,interruptions=0.1",
                                      "--policy",   "keelson",      "-o",         "json"};
    words.insert(words.end(), more.begin(), more.end());
    const auto ran = Simulate(words);
    EXPECT_EQ(ran.code, kExitOk) << ran.err;
    return nlohmann::json::parse(ran.out).at("policies").at(0);
  };
  const auto taken = run({});
  EXPECT_GT(taken.at("interruptions"), 2);
  EXPECT_EQ(taken.at("spot_machines_taken"), taken.at("interruptions"));
  EXPECT_GT(taken.at("lost_to_failures_pod_seconds"), 0);
  EXPECT_FALSE(taken.contains("cost")) << "nobody said a price";
  EXPECT_EQ(run({}), taken) << "the same again";
  EXPECT_NE(run({"--seed", "43"}), taken);
  EXPECT_EQ(run({"--interruptions", "0"}).at("interruptions"), 0);
  const auto lost = run({"--interruptions", "0", "--node-loss", "0.05", "--zone-loss", "0.05", "--back", "1h"});
  EXPECT_GT(lost.at("machines_lost"), 2);
  EXPECT_GE(lost.at("makespan_seconds").get<double>(), 360000 + 3600 * lost.at("interruptions").get<double>());

  const auto wrong = [&](std::vector<std::string> words, const std::string& text) {
    words.insert(words.begin(), {"--workload", "jobs:" + jobs});
    const auto ran = Simulate(words);
    EXPECT_NE(ran.code, kExitOk);
    EXPECT_THAT(ran.err, HasSubstr(text));
  };
  wrong({"--machines", "1x4,8Gi", "--node-loss", "61"}, "--node-loss");
  wrong({"--machines", "1x4,8Gi", "--node-loss", "-1"}, "--node-loss");
  wrong({"--machines", "1x4,8Gi", "--back", "soon"}, "--back");
  wrong({"--machines", "1x4,8Gi", "--notice", "500d"}, "--notice is longer than a year");
  wrong({"--queues", "/nowhere.yaml", "--node-loss", "1"}, "what should fail, without --machines?");
  wrong({"--machines", "1x4,8Gi", "--what-if", "nodes:box=+1"}, "there is no pool 'box'; there are pool-1");
  wrong({"--machines", "1x4,8Gi", "--what-if", "nodes:pool-1=0"}, "what if 'nodes:pool-1=0'");
}

TEST(ParseSeedsTest, ReadsListsAndRangesAndRefusesTheRest) {
  EXPECT_THAT(ParseSeeds("42").value(), ElementsAre(42));
  EXPECT_THAT(ParseSeeds("42-44").value(), ElementsAre(42, 43, 44));
  EXPECT_THAT(ParseSeeds("7,1-2,0").value(), ElementsAre(7, 1, 2, 0));
  for (const char* wrong :
       {"", "x", "1,", "-1", "1-", "3-1", "1,1", "1-3,2", "0-99999", "1.5", "9223372036854775807-1"}) {
    EXPECT_FALSE(ParseSeeds(wrong).has_value()) << wrong;
  }
  EXPECT_EQ(ParseSeeds("0-9999").value().size(), 10'000U);
  EXPECT_EQ(ParseSeeds("9223372036854775807").value().size(), 1U);
}

TEST(SimulationPageTest, NamesAreWrittenSafelyAndEveryLineIsDrawn) {
  const std::string html = SimulationPage(
      "<b>", "a & b", {{"policy"}, {{"<x>"}}},
      {{"plot \"1\"", "x", "y", {{"one<", {{0, 1}, {10, 2}}}, {"flat", {{0, 0}}}}}, {"empty", "x", "y", {}}});
  EXPECT_THAT(
      html, AllOf(HasSubstr("&lt;b&gt;"), HasSubstr("a &amp; b"), HasSubstr("<td>&lt;x&gt;</td>"), HasSubstr("one&lt;"),
                  HasSubstr("plot &quot;1&quot;"), Not(HasSubstr("nan")), Not(HasSubstr("<b>"))));
}

constexpr const char* kQueues = R"(
cohorts:
- className: team
  count: 1
  queuesSets:
  - className: q
    count: 2
    nominalQuota: 4
    borrowingLimit: 4
    reclaimWithinCohort: Any
    withinClusterQueue: LowerPriority
    workloadsSets:
    - count: 20
      creationIntervalMs: 100
      workloads: [{className: small, runtimeMs: 300, priority: 50, request: 1}]
    - count: 6
      creationIntervalMs: 300
      workloads: [{className: large, runtimeMs: 500, priority: 200, request: 4}]
    - count: 1
      creationIntervalMs: 10
      workloads: [{className: huge, runtimeMs: 500, request: 9}]
)";

TEST(SimulateCommand, PlaysQueuesInKueuesFormUnderBothPolicies) {
  const io::TempFolder folder = io::TempFolder::Make().value();
  const std::string load = folder.path() + "/load.yaml";
  ASSERT_TRUE(io::WriteFileAtomically(load, kQueues));
  const std::string page = folder.path() + "/page.html";
  const auto ran = Simulate({"--workload", "kueue:" + load, "-o", "json", "--html", page});
  ASSERT_EQ(ran.code, kExitOk) << ran.err;
  EXPECT_THAT(ran.err, HasSubstr("team-0-q-0-0/huge-2-0-0 is refused: asks for 9 cores, and queue 'team-0-q-0-0' can "
                                 "never have more than 8 cores"));
  const auto json = nlohmann::json::parse(ran.out);
  ASSERT_EQ(json.at("policies").size(), 2U);
  const auto& ours = json["policies"][0];
  const auto& fifo = json["policies"][1];
  EXPECT_EQ(ours.at("name"), "keelson");
  EXPECT_EQ(fifo.at("name"), "kueue-fifo");
  for (const auto& policy : json["policies"]) {
    EXPECT_EQ(policy.at("refused").size(), 2U);
    ASSERT_EQ(policy.at("classes").size(), 2U);
    EXPECT_EQ(policy["classes"][0].at("name"), "large");
    EXPECT_EQ(policy["classes"][0].at("workloads"), 12);
    EXPECT_EQ(policy["classes"][1].at("workloads"), 40);
    EXPECT_GE(policy.at("makespan_seconds").get<double>(), policy.at("bound_seconds").get<double>());
  }
  EXPECT_EQ(ours.at("preemptions"), 0) << "room comes by itself within the second";
  EXPECT_GT(fifo.at("preemptions").get<int>(), 0);
  EXPECT_LE(ours.at("makespan_seconds").get<double>(), fifo.at("makespan_seconds").get<double>());
  EXPECT_THAT(io::ReadFile(page).value(),
              AllOf(HasSubstr("Quota used"), HasSubstr("keelson, large"), Not(HasSubstr("http"))));
  const auto table = Simulate({"--workload", "kueue:" + load, "--policy", "keelson"});
  EXPECT_THAT(table.out, AllOf(HasSubstr("MEAN WAIT"), HasSubstr("small"), Not(HasSubstr("kueue-fifo"))));
  EXPECT_EQ(Simulate({"--workload", "kueue:" + load, "--policy", "keelson"}).out, table.out) << "the same again";
}

TEST(SimulateCommand, OptionsThatMeanNothingForALoadAreRefused) {
  const auto ran = Simulate({"--workload", "kueue:load.yaml", "--seeds", "1"});
  EXPECT_EQ(ran.code, kExitUsage);
  EXPECT_THAT(ran.err, HasSubstr("--seeds goes with openb:FILE"));
  EXPECT_THAT(Simulate({"--workload", "kueue:load.yaml", "--policy", "keelsn"}).err,
              HasSubstr("did you mean 'keelson'?"));
  EXPECT_THAT(Simulate({"--workload", "kueue:load.yaml", "--node-loss", "1"}).err,
              HasSubstr("--node-loss goes with jobs:FILE"));
  EXPECT_THAT(Simulate({"--workload", kPods, "--nodes", kNodes, "--what-if", "nodes:a=1"}).err,
              HasSubstr("--what-if goes with jobs:FILE and kueue:FILE"));
  EXPECT_THAT(Simulate({"--workload", "slurm:x"}).err, HasSubstr("is none of openb:FILE, kueue:FILE and jobs:FILE"));
}

}  // namespace
}  // namespace keelson::app
