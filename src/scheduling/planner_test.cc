#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <map>
#include <sstream>

#include "base/strings.h"
#include "scheduling/planner_testing.h"

namespace keelson::scheduling {
namespace {

using std::chrono::seconds;

struct Scene {
  std::string name;
  PoolSnapshot world;
  std::vector<std::string> expected;
};

// The fields of a line, each to be taken once.
class Given {
 public:
  Given(std::istringstream& words, std::string scene) : scene_(std::move(scene)) {
    for (std::string word; words >> word;) {
      const auto sign = word.find('=');
      fields_[word.substr(0, sign)] = sign == std::string::npos ? "yes" : word.substr(sign + 1);
    }
  }
  Given(const Given&) = delete;
  ~Given() {
    for (const auto& [name, value] : fields_) ADD_FAILURE() << scene_ << ": unknown field " << name;
  }
  std::string Text(const std::string& name, const std::string& otherwise = "") {
    const auto node = fields_.extract(name);
    return node.empty() ? otherwise : node.mapped();
  }
  std::int64_t Number(const std::string& name, std::int64_t otherwise = 0) {
    const std::string text = Text(name);
    return text.empty() ? otherwise : *ParseInt(text);
  }
  bool Has(const std::string& name) { return !Text(name).empty(); }

 private:
  std::string scene_;
  std::map<std::string, std::string> fields_;
};

ResourceQuota Quota(const std::string& text) {
  const std::vector<std::string_view> parts = Split(text, '/');
  const auto limit = [&](std::size_t i) -> std::optional<std::int64_t> {
    if (i >= parts.size() || parts[i] == "-") return std::nullopt;
    return *ParseInt(parts[i]) * 1000;
  };
  return {*limit(0), limit(1), limit(2)};
}

void AddQueue(const std::string& name, Given& given, PoolSnapshot& world) {
  ClusterQueue queue;
  queue.name = name;
  queue.cohort = given.Text("cohort");
  FlavorQuota quota{"default", {}};
  quota.of[0] = Quota(given.Text("cpu", "0"));
  if (const std::string gpu = given.Text("gpu"); !gpu.empty()) quota.of[3] = Quota(gpu);
  queue.flavors = {quota};
  queue.weight = static_cast<double>(given.Number("weight", 1));
  const std::string reclaim = given.Text("reclaim");
  if (reclaim == "any") queue.reclaim = ReclaimWithinCohort::kAny;
  if (reclaim == "lower") queue.reclaim = ReclaimWithinCohort::kLowerPriority;
  if (given.Text("preempt") == "lower") queue.preempt = PreemptWithinQueue::kLowerPriority;
  queue.strict_fifo = given.Has("strict");
  queue.held = given.Has("held");
  world.queues.cluster_queues.push_back(queue);
}

void AddNode(const std::string& name, Given& given, PoolSnapshot& world) {
  Node node;
  node.name = name;
  node.capacity.cpu_milli = given.Number("cpu") * 1000;
  node.gpus = static_cast<int>(given.Number("gpu"));
  if (node.gpus > 0) node.model = *world.cluster.models.Add("gpu");
  if (const std::string rack = given.Text("rack"); !rack.empty()) {
    world.cluster.levels = {"rack"};
    node.domains = {rack[0] - 'a'};
  }
  world.cluster.nodes.push_back(node);
}

Workload Made(const std::string& id, Given& given) {
  Workload made;
  made.id = id;
  made.queue = given.Text("queue");
  const std::string name = given.Text("class", "training");
  for (const WorkloadClass each :
       {WorkloadClass::kSystem, WorkloadClass::kInference, WorkloadClass::kTraining, WorkloadClass::kBestEffort}) {
    if (WorkloadClassName(each) == name) made.workload_class = each;
  }
  made.priority = static_cast<int>(given.Number("prio"));
  made.pod.request.cpu_milli = given.Number("cpu") * 1000;
  made.pod.gpus = static_cast<int>(given.Number("gpu"));
  made.pods = static_cast<int>(given.Number("pods", 1));
  made.least_pods = static_cast<int>(given.Number("least"));
  made.submitted = kNow - seconds(given.Number("ago"));
  if (const auto run = given.Number("run"); run > 0) made.run_time = seconds(run);
  made.checkpoint_interval = seconds(given.Number("checkpoint"));
  made.rung = static_cast<int>(given.Number("rung"));
  made.times_preempted = static_cast<int>(given.Number("preempted"));
  made.search = given.Text("search");
  made.parallel = static_cast<int>(given.Number("parallel"));
  if (const std::string rack = given.Text("rack"); !rack.empty()) made.topology = {"rack", rack == "required"};
  return made;
}

int NodeOf(const PoolSnapshot& world, const std::string& name) {
  for (std::size_t i = 0; i < world.cluster.nodes.size(); ++i) {
    if (world.cluster.nodes[i].name == name) return static_cast<int>(i);
  }
  ADD_FAILURE() << "no node " << name;
  return 0;
}

std::vector<Scene> ReadScenes() {
  std::ifstream file(std::string(KEELSON_SOURCE_DIR) + "/src/scheduling/testdata/planner.txt");
  std::vector<Scene> scenes;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.front() == '#') continue;
    std::istringstream words(line);
    std::string word;
    words >> word;
    if (word == "scene") {
      scenes.push_back({line.substr(6), {}, {}});
      scenes.back().world.queues.flavors = {{"default", {}, ""}};
      continue;
    }
    Scene& scene = scenes.back();
    if (word == "->") {
      scene.expected.push_back(line.substr(3));
      continue;
    }
    std::string name;
    words >> name;
    Given given(words, scene.name);
    if (word == "queue") {
      AddQueue(name, given, scene.world);
    } else if (word == "node") {
      AddNode(name, given, scene.world);
    } else if (word == "pending") {
      scene.world.pending.push_back(Made(name, given));
    } else {
      Running running;
      running.started = kNow - seconds(given.Number("for"));
      if (const auto stops = given.Number("stops"); stops > 0) running.stops = kNow + seconds(stops);
      running.flavor = "default";
      const std::string at = given.Text("at");
      running.workload = Made(name, given);
      running.places.resize(static_cast<std::size_t>(running.workload.pods));
      if (!at.empty()) running.places[0].node = NodeOf(scene.world, at);
      scene.world.running.push_back(running);
    }
  }
  return scenes;
}

std::vector<std::string> Lines(const PoolSnapshot& world, const PoolPlan& plan) {
  std::vector<std::string> lines;
  for (const Decision& each : plan.decisions) {
    if (each.kind == Decision::Kind::kPreempt) {
      lines.push_back("preempt " + each.id + " for " + each.for_whom);
      continue;
    }
    std::vector<std::string> nodes;
    for (const PodPlace& place : each.places) {
      if (place.node >= 0) nodes.push_back(world.cluster.nodes[static_cast<std::size_t>(place.node)].name);
    }
    lines.push_back("start " + each.id + (nodes.empty() ? "" : " on " + Join(nodes, ",")));
  }
  std::vector<std::string> rest;
  for (const auto& [id, reason] : plan.refused) rest.push_back("refuse " + id + ": " + reason);
  for (const auto& [id, reason] : plan.waiting) rest.push_back("wait " + id + ": " + reason);
  std::sort(rest.begin(), rest.end());
  lines.insert(lines.end(), rest.begin(), rest.end());
  return lines;
}

TEST(PlannerTest, EveryScenePlaysAsWritten) {
  const std::vector<Scene> scenes = ReadScenes();
  ASSERT_GE(scenes.size(), 24u);
  for (const Scene& scene : scenes) {
    SCOPED_TRACE(scene.name);
    const auto plan = PlanPool(scene.world, kNow, {});
    ASSERT_TRUE(plan) << plan.error().ToString();
    const std::vector<std::string> lines = Lines(scene.world, *plan);
    ASSERT_EQ(lines.size(), scene.expected.size()) << Join(lines, "\n");
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const std::string& expected = scene.expected[i];
      const std::string head = expected.substr(0, expected.find(':'));
      const std::string part = expected.find(':') == std::string::npos ? "" : expected.substr(head.size() + 2);
      EXPECT_TRUE(lines[i].starts_with(head) && lines[i].find(part) != std::string::npos)
          << "got:  " << lines[i] << "\nwant: " << expected;
    }
  }
}

TEST(PlannerTest, WhatIsNotThereIsSaid) {
  const auto make = [](Cluster cluster, PlanPolicy policy) {
    const auto planner = Planner::Make(std::move(cluster), {{{"default", {}, ""}}, {}, {}, {}}, std::move(policy));
    return planner ? "made" : planner.error().message;
  };
  PlanPolicy policy;
  policy.placement = "worst-fit";
  EXPECT_NE(make({}, policy).find("no placement policy 'worst-fit'"), std::string::npos);
  Cluster cluster;
  cluster.nodes.push_back({"n", {}, 0, -1, 3});
  EXPECT_EQ(make(cluster, {}), "node 'n' is in no pool");
  cluster.nodes[0] = {"n", {}, 17, 0, 0};
  EXPECT_NE(make(cluster, {}).find("has 17 GPUs"), std::string::npos);

  PoolSnapshot world;
  world.cluster.nodes.push_back({"n", {1000, 0}, 0, -1, 0});
  world.queues.flavors = {{"default", {}, ""}};
  auto planner = Planner::Make(world.cluster, world.queues, {}).value();
  Workload workload;
  workload.id = "w";
  workload.queue = "q";
  EXPECT_EQ(planner->Submit(workload).error().code, ErrorCode::kNotFound);
  workload.pods = 0;
  EXPECT_EQ(planner->Submit(workload).error().code, ErrorCode::kInvalidArgument);
  workload.pods = 1;
  workload.topology.level = "rack";
  EXPECT_NE(planner->Submit(workload).error().message.find("the topology has no such level"), std::string::npos);
  EXPECT_EQ(planner->Why("w"), std::nullopt);
  planner->Ended("w");
}

ResourceQuota Plenty() {
  ResourceQuota quota;
  quota.nominal = 1'000'000'000;
  return quota;
}

TEST(PlannerTest, WhatCannotBeCountedIsRefused) {
  PoolSnapshot world;
  world.queues.flavors = {{"default", {}, ""}};
  ClusterQueue queue;
  queue.name = "q";
  queue.flavors = {{"default", {Plenty(), Plenty(), {}, {}}}};
  world.queues.cluster_queues = {queue};
  auto planner = Planner::Make(world.cluster, world.queues, {}).value();
  const auto refused = [&](const std::function<void(Workload&)>& change) -> std::optional<ErrorCode> {
    Workload workload;
    workload.id = "w";
    workload.queue = "q";
    workload.pod.request = {1, 1};
    workload.pods = 4;
    change(workload);
    const Status status = planner->Submit(workload);
    planner->Ended("w");
    if (status) return std::nullopt;
    return status.error().code;
  };
  EXPECT_EQ(refused([](Workload&) {}), std::nullopt);
  // Four times as much is nothing at all in 64 bits.
  EXPECT_EQ(refused([](Workload& each) { each.pod.request.memory_bytes = std::int64_t{1} << 62; }),
            ErrorCode::kResourceExhausted);
  EXPECT_EQ(refused([](Workload& each) { each.run_time = Duration::max() / 2; }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refused([](Workload& each) { each.run_time = Duration(-1); }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refused([](Workload& each) { each.run_time = std::chrono::years(1000); }), std::nullopt);
  EXPECT_EQ(refused([](Workload& each) { each.pod.gpus = 1, each.pod.gpu_milli = 0; }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(refused([](Workload& each) { each.pod.gpus = 2, each.pod.gpu_milli = 500; }), ErrorCode::kInvalidArgument);
}

TEST(PlannerTest, AResourceThatTheQueueDoesNotOfferIsNamedThoughItsCohortHasSome) {
  PoolSnapshot world;
  world.queues.flavors = {{"default", {}, ""}};
  ClusterQueue without;
  without.name = "without";
  without.cohort = "all";
  without.flavors = {{"default", {Plenty(), {}, {}, {}}}};
  ClusterQueue with = without;
  with.name = "with";
  with.flavors[0].of[static_cast<std::size_t>(Resource::kGpu)] = Plenty();
  world.queues.cluster_queues = {without, with};
  auto planner = Planner::Make(world.cluster, world.queues, {}).value();
  Workload workload;
  workload.id = "w";
  workload.queue = "without";
  workload.pod.request.cpu_milli = 1000;
  workload.pod.gpus = 2;
  EXPECT_EQ(planner->Submit(workload).error().message,
            "asks for 1 core and 2 GPUs, and queue 'without' can never have more than 0 GPUs of flavor 'default'");
}

TEST(PlannerTest, NothingStartsOnANodeThatGoesAwayAndWhatRunsThereIsThoughtToStop) {
  PoolSnapshot world;
  world.queues.flavors = {{"default", {}, ""}};
  ClusterQueue queue;
  queue.name = "all";
  queue.flavors = {{"default", {Plenty(), Plenty(), Plenty(), Plenty()}}};
  world.queues.cluster_queues = {queue};
  world.cluster.nodes = {{"a", {4'000, 4}, 0, -1, 0}, {"b", {4'000, 4}, 0, -1, 0}};
  auto planner = Planner::Make(world.cluster, world.queues, {}).value();
  Workload workload;
  workload.queue = "all";
  workload.pod.request.cpu_milli = 4'000;
  workload.run_time = std::chrono::hours(1);
  for (const char* id : {"j1", "j2", "j3"}) {
    workload.id = id;
    ASSERT_TRUE(planner->Submit(workload));
  }
  ASSERT_EQ(planner->Plan(kNow).size(), 2U);
  const std::string on_a = planner->pool().held().begin()->second.running.places[0].node == 0
                               ? planner->pool().held().begin()->first
                               : std::next(planner->pool().held().begin())->first;
  ASSERT_TRUE(planner->CloseNode(0, kNow + seconds(120)));
  EXPECT_EQ(planner->pool().Find(on_a)->expected, kNow + seconds(120));
  EXPECT_TRUE(planner->Plan(kNow).empty());
  planner->Ended(on_a);
  EXPECT_TRUE(planner->Plan(kNow + seconds(120)).empty()) << "its room is no room";
  EXPECT_NE(planner->backlog().Find("j3"), nullptr);
  ASSERT_TRUE(planner->OpenNode(0));
  const auto decisions = planner->Plan(kNow + seconds(200));
  ASSERT_EQ(decisions.size(), 1U);
  EXPECT_EQ(decisions[0].places[0].node, 0);
  EXPECT_EQ(planner->CloseNode(2, kNow).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(planner->OpenNode(-1).error().code, ErrorCode::kNotFound);
}

TEST(LostWorkTest, IsWhatWasDoneSinceTheLastCheckpointTheRestartAndWhatWasSufferedBefore) {
  Running running;
  running.started = kNow - seconds(1000);
  running.places.resize(2);
  EXPECT_EQ(LostWork(running, kNow), 2000);
  running.workload.restart = seconds(50);
  EXPECT_EQ(LostWork(running, kNow), 2100);
  running.workload.checkpoint_interval = seconds(300);
  EXPECT_EQ(LostWork(running, kNow), 2 * (100 + 50)) << "three intervals are kept";
  running.checkpointed = kNow - seconds(10);
  EXPECT_EQ(LostWork(running, kNow), 2 * (10 + 50));
  running.workload.times_preempted = 2;
  EXPECT_EQ(LostWork(running, kNow), 3 * 2 * (10 + 50));
  running.workload.checkpoints_when_told = true;
  EXPECT_EQ(LostWork(running, kNow), 3 * 2 * 50);
}

}  // namespace
}  // namespace keelson::scheduling
