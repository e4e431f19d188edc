#include "scheduling/admission.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <tuple>

#include "base/random.h"
#include "base/strings.h"

namespace keelson::scheduling {
namespace {

struct Scene {
  std::string name;
  AdmissionSnapshot snapshot;
  std::vector<std::string> expected;  // "start a: part of the reason"
};

Resources ParseResources(const std::string& cpu, std::string memory) {
  std::int64_t scale = 1;
  if (memory.ends_with('G')) {
    scale = std::int64_t{1} << 30;
    memory.pop_back();
  }
  return {static_cast<std::int64_t>(*ParseDouble(cpu) * 1000), *ParseInt(memory) * scale};
}

WorkloadClass ParseClass(const std::string& name) {
  for (const WorkloadClass each :
       {WorkloadClass::kSystem, WorkloadClass::kInference, WorkloadClass::kTraining, WorkloadClass::kBestEffort}) {
    if (WorkloadClassName(each) == name) return each;
  }
  ADD_FAILURE() << "no such class: " << name;
  return WorkloadClass::kTraining;
}

void AddJob(const std::string& kind, const std::string& id, std::map<std::string, std::string> fields, Scene& scene) {
  const auto take = [&](const std::string& key, const std::string& otherwise) {
    const auto node = fields.extract(key);
    return node.empty() ? otherwise : node.mapped();
  };
  const std::string cpu = take("cpu", "0");
  const Resources request = ParseResources(cpu, take("mem", "0"));
  const WorkloadClass workload_class = ParseClass(take("class", "training"));
  const int priority = static_cast<int>(*ParseInt(take("priority", "0")));
  const std::string queue = take("queue", "default");
  const std::string group = take("group", "");
  if (kind == "pending") {
    const std::int64_t sequence = *ParseInt(take("seq", "0"));
    const int limit = static_cast<int>(*ParseInt(take("limit", "0")));
    scene.snapshot.pending.push_back({id, queue, workload_class, priority, sequence, request, group, limit});
  } else {
    const bool fixed = take("fixed", "no") == "yes";
    const bool stopping = take("stopping", "no") == "yes";
    scene.snapshot.running.push_back({id, queue, workload_class, priority, request, group, !fixed, stopping});
  }
  for (const auto& [key, value] : fields) ADD_FAILURE() << scene.name << ": unknown field " << key;
}

std::vector<Scene> ReadScenes() {
  std::ifstream file(std::string(KEELSON_SOURCE_DIR) + "/src/scheduling/testdata/admission.txt");
  std::vector<Scene> scenes;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.front() == '#') continue;
    std::istringstream words(line);
    std::string word;
    words >> word;
    if (word == "scene") {
      scenes.push_back({line.substr(6), {}, {}});
      continue;
    }
    Scene& scene = scenes.back();
    if (word == "->") {
      scene.expected.push_back(line.substr(3));
      continue;
    }
    std::vector<std::string> rest;
    for (std::string each; words >> each;) rest.push_back(each);
    if (word == "capacity") {
      scene.snapshot.capacity = ParseResources(rest.at(0), rest.at(1));
    } else if (word == "queue") {
      scene.snapshot.queues.push_back({rest.at(0), ParseResources(rest.at(1), rest.at(2))});
    } else {
      std::map<std::string, std::string> fields;
      for (std::size_t i = 1; i < rest.size(); ++i) {
        const auto sign = rest[i].find('=');
        fields[rest[i].substr(0, sign)] = sign == std::string::npos ? "yes" : rest[i].substr(sign + 1);
      }
      AddJob(word, rest.at(0), std::move(fields), scene);
    }
  }
  return scenes;
}

std::vector<std::string> Lines(const AdmissionPlan& plan) {
  std::vector<std::string> lines;
  for (const AdmissionAction& action : plan.actions) {
    const char* verb = action.kind == AdmissionAction::Kind::kStart     ? "start "
                       : action.kind == AdmissionAction::Kind::kPreempt ? "preempt "
                                                                        : "refuse ";
    lines.push_back(verb + action.job + ": " + action.reason);
  }
  for (const Waiting& waiting : plan.waiting) lines.push_back("wait " + waiting.job + ": " + waiting.reason);
  return lines;
}

// What the plan says, done: started jobs run, preempted ones are stopping, refused ones are gone.
AdmissionSnapshot Apply(AdmissionSnapshot snapshot, const AdmissionPlan& plan) {
  for (const AdmissionAction& action : plan.actions) {
    if (action.kind == AdmissionAction::Kind::kPreempt) {
      for (RunningJob& job : snapshot.running) {
        if (job.id == action.job) job.stopping = true;
      }
      continue;
    }
    const auto job = std::find_if(snapshot.pending.begin(), snapshot.pending.end(),
                                  [&](const PendingJob& each) { return each.id == action.job; });
    if (job == snapshot.pending.end()) {
      ADD_FAILURE() << action.job << " is not pending";
      continue;
    }
    if (action.kind == AdmissionAction::Kind::kStart) {
      snapshot.running.push_back(
          {job->id, job->queue, job->workload_class, job->priority, job->request, job->group, true, false});
    }
    snapshot.pending.erase(job);
  }
  return snapshot;
}

TEST(AdmissionTest, EveryScenePlaysAsWritten) {
  const std::vector<Scene> scenes = ReadScenes();
  ASSERT_GE(scenes.size(), 15u);
  for (const Scene& scene : scenes) {
    SCOPED_TRACE(scene.name);
    const AdmissionPlan plan = PlanAdmission(scene.snapshot);
    const std::vector<std::string> lines = Lines(plan);
    ASSERT_EQ(lines.size(), scene.expected.size()) << Join(lines, "\n");
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const std::string& expected = scene.expected[i];
      const std::string head = expected.substr(0, expected.find(':')) + ":";
      const std::string part = expected.find(':') == std::string::npos ? "" : expected.substr(head.size() + 1);
      EXPECT_TRUE(lines[i].starts_with(head) && lines[i].find(part) != std::string::npos)
          << "got:  " << lines[i] << "\nwant: " << expected;
    }
    EXPECT_EQ(PlanAdmission(Apply(scene.snapshot, plan)).actions, std::vector<AdmissionAction>{});
  }
}

// Random worlds that are crowded enough for every rule to matter.
AdmissionSnapshot RandomSnapshot(Random& random) {
  AdmissionSnapshot snapshot;
  const auto resources = [&](std::int64_t most) {
    return Resources{static_cast<std::int64_t>(random.Below(static_cast<std::uint64_t>(most))) * 500,
                     static_cast<std::int64_t>(random.Below(static_cast<std::uint64_t>(most))) << 30};
  };
  snapshot.capacity = {8000, std::int64_t{16} << 30};
  for (const char* name : {"a", "b"}) snapshot.queues.push_back({name, resources(16)});
  const std::vector<std::string> queues = {"a", "b", "free"};
  const std::vector<std::string> groups = {"", "s1", "s2"};
  Resources used;
  const std::uint64_t running = random.Below(12);
  for (std::uint64_t i = 0; i < running; ++i) {
    RunningJob job{"r" + std::to_string(i),
                   queues[random.Below(3)],
                   static_cast<WorkloadClass>(random.Below(4)),
                   static_cast<int>(random.Below(3)),
                   resources(6),
                   groups[random.Below(3)],
                   random.Below(4) != 0,
                   random.Below(5) == 0};
    Resources with = used;
    with += job.request;
    if (!with.FitsIn(snapshot.capacity)) continue;
    used = with;
    snapshot.running.push_back(job);
  }
  const std::uint64_t pending = random.Below(15);
  for (std::uint64_t i = 0; i < pending; ++i) {
    const std::string& group = groups[random.Below(3)];
    snapshot.pending.push_back({"p" + std::to_string(i), queues[random.Below(3)],
                                static_cast<WorkloadClass>(random.Below(4)), static_cast<int>(random.Below(3)),
                                static_cast<std::int64_t>(random.Below(5)), resources(12), group,
                                group.empty() ? 0 : 2});
  }
  return snapshot;
}

bool MoreImportant(const PendingJob& a, const PendingJob& b) {
  return std::tuple(a.workload_class, -a.priority, a.submitted_sequence, a.id) <
         std::tuple(b.workload_class, -b.priority, b.submitted_sequence, b.id);
}

constexpr int kWorlds = 3000;

TEST(AdmissionPropertyTest, LimitsAreNeverExceededAndEveryJobHasItsAnswer) {
  for (int seed = 0; seed < kWorlds; ++seed) {
    SCOPED_TRACE(seed);
    Random random(static_cast<std::uint64_t>(seed));
    const AdmissionSnapshot before = RandomSnapshot(random);
    const AdmissionPlan plan = PlanAdmission(before);
    const AdmissionSnapshot after = Apply(before, plan);

    std::map<std::string, int> answers;
    std::set<std::string> started;
    for (const AdmissionAction& action : plan.actions) {
      EXPECT_FALSE(action.reason.empty());
      if (action.kind == AdmissionAction::Kind::kStart) started.insert(action.job);
      if (action.kind != AdmissionAction::Kind::kPreempt) ++answers[action.job];
    }
    for (const Waiting& waiting : plan.waiting) {
      EXPECT_GT(waiting.reason.size(), 10u);
      EXPECT_EQ(waiting.reason.find('\n'), std::string::npos);
      ++answers[waiting.job];
    }
    for (const PendingJob& job : before.pending) EXPECT_EQ(answers[job.id], 1) << job.id;

    Resources all;
    std::map<std::string, Resources> by_queue;
    std::map<std::string, int> by_group;
    std::set<std::string> queues_started;
    std::set<std::string> groups_started;
    for (const RunningJob& job : after.running) {
      all += job.request;
      by_queue[job.queue] += job.request;
      ++by_group[job.group];
      if (started.contains(job.id)) {
        queues_started.insert(job.queue);
        groups_started.insert(job.group);
      }
    }
    EXPECT_TRUE(all.FitsIn(before.capacity));
    for (const QueueState& queue : before.queues) {
      Resources quota = queue.quota;
      if (quota.cpu_milli == 0) quota.cpu_milli = before.capacity.cpu_milli;
      if (quota.memory_bytes == 0) quota.memory_bytes = before.capacity.memory_bytes;
      if (queues_started.contains(queue.name)) {
        EXPECT_TRUE(by_queue[queue.name].FitsIn(quota)) << queue.name;
      }
    }
    for (const char* group : {"s1", "s2"}) {
      if (groups_started.contains(group)) {
        EXPECT_LE(by_group[group], 2);
      }
    }
  }
}

TEST(AdmissionPropertyTest, AppliedAndPlannedAgainIsEmpty) {
  for (int seed = 0; seed < kWorlds; ++seed) {
    Random random(static_cast<std::uint64_t>(seed));
    const AdmissionSnapshot before = RandomSnapshot(random);
    const AdmissionSnapshot after = Apply(before, PlanAdmission(before));
    ASSERT_EQ(PlanAdmission(after).actions, std::vector<AdmissionAction>{}) << "seed " << seed;
  }
}

// No priority inversion in its strongest form: what happens to the most important k jobs does not depend on the others.
TEST(AdmissionPropertyTest, LessImportantJobsChangeNothingForMoreImportantOnes) {
  for (int seed = 0; seed < kWorlds; ++seed) {
    Random random(static_cast<std::uint64_t>(seed));
    AdmissionSnapshot snapshot = RandomSnapshot(random);
    std::sort(snapshot.pending.begin(), snapshot.pending.end(), MoreImportant);
    const std::vector<std::string> all = Lines(PlanAdmission(snapshot));
    snapshot.pending.resize(snapshot.pending.size() / 2);
    for (const std::string& line : Lines(PlanAdmission(snapshot))) {
      ASSERT_TRUE(std::find(all.begin(), all.end(), line) != all.end()) << "seed " << seed << ": " << line;
    }
  }
}

TEST(AdmissionPropertyTest, PreemptsOnlyPreemptibleJobsOfLessImportantClassesAndNoneInVain) {
  int preemptions = 0;
  for (int seed = 0; seed < kWorlds; ++seed) {
    SCOPED_TRACE(seed);
    Random random(static_cast<std::uint64_t>(seed));
    const AdmissionSnapshot before = RandomSnapshot(random);
    const AdmissionPlan plan = PlanAdmission(before);
    WorkloadClass most_important_waiting = WorkloadClass::kBestEffort;
    for (const Waiting& waiting : plan.waiting) {
      for (const PendingJob& job : before.pending) {
        if (job.id == waiting.job) most_important_waiting = std::min(most_important_waiting, job.workload_class);
      }
    }
    AdmissionSnapshot stopped = before;
    for (const AdmissionAction& action : plan.actions) {
      if (action.kind != AdmissionAction::Kind::kPreempt) continue;
      ++preemptions;
      const auto job = std::find_if(stopped.running.begin(), stopped.running.end(),
                                    [&](const RunningJob& each) { return each.id == action.job; });
      ASSERT_NE(job, stopped.running.end());
      EXPECT_TRUE(job->preemptible);
      EXPECT_FALSE(job->stopping);
      EXPECT_GT(job->workload_class, most_important_waiting);
    }
    std::erase_if(stopped.running, [&](const RunningJob& job) {
      return job.stopping || std::any_of(plan.actions.begin(), plan.actions.end(), [&](const AdmissionAction& action) {
               return action.kind == AdmissionAction::Kind::kPreempt && action.job == job.id;
             });
    });
    // Once they have stopped, every job that somebody was preempted for starts.
    std::set<std::string> starts;
    for (const AdmissionAction& action : PlanAdmission(stopped).actions) {
      if (action.kind == AdmissionAction::Kind::kStart) starts.insert(action.job);
    }
    for (const AdmissionAction& action : plan.actions) {
      if (action.kind != AdmissionAction::Kind::kPreempt) continue;
      const auto quote = action.reason.find('\'');
      EXPECT_TRUE(starts.contains(action.reason.substr(quote + 1, action.reason.size() - quote - 2))) << action.reason;
    }
  }
  EXPECT_GT(preemptions, kWorlds / 10);
}

// Whatever order the running jobs end in, the most important job that waits for the machine starts as early with the
// back-filled jobs (which never end here) as it would have without them.
TEST(AdmissionPropertyTest, BackFillDoesNotDelayTheImportantJob) {
  int compared = 0;
  for (int seed = 0; seed < kWorlds; ++seed) {
    Random random(static_cast<std::uint64_t>(seed));
    AdmissionSnapshot with = RandomSnapshot(random);
    for (PendingJob& job : with.pending) {
      job.group.clear();
      job.queue = "free";
    }
    for (RunningJob& job : with.running) job.stopping = job.preemptible = false;
    if (with.pending.size() < 2) continue;
    std::sort(with.pending.begin(), with.pending.end(), MoreImportant);
    const std::string important = with.pending.front().id;
    AdmissionSnapshot without = with;
    without.pending.resize(1);
    const std::size_t endings = with.running.size();
    std::vector<std::string> order;
    for (const RunningJob& job : with.running) order.push_back(job.id);
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.Below(i)]);

    const auto starts_after = [&](AdmissionSnapshot snapshot) {
      for (std::size_t ended = 0; ended <= endings; ++ended) {
        if (ended > 0)
          std::erase_if(snapshot.running, [&](const RunningJob& job) { return job.id == order[ended - 1]; });
        const AdmissionPlan plan = PlanAdmission(snapshot);
        for (const AdmissionAction& action : plan.actions) {
          if (action.job == important) return ended;
        }
        snapshot = Apply(std::move(snapshot), plan);
      }
      return endings + 1;
    };
    const std::size_t alone = starts_after(without);
    ASSERT_EQ(starts_after(with), alone) << "seed " << seed;
    if (alone > 0) ++compared;
  }
  EXPECT_GT(compared, 200);
}

// A search of 50 trials keeps the machine full; a more important job that comes later is the next to start, and a
// replica does not even wait for a trial to end.
TEST(AdmissionTest, FiftyTrialsNeverStarveAMoreImportantJob) {
  AdmissionSnapshot world;
  world.capacity = {2000, std::int64_t{8} << 30};
  for (int i = 0; i < 50; ++i) {
    world.pending.push_back({"trial" + std::to_string(i),
                             "research",
                             WorkloadClass::kTraining,
                             0,
                             i,
                             {1000, std::int64_t{1} << 30},
                             "search",
                             4});
  }
  world = Apply(world, PlanAdmission(world));
  ASSERT_EQ(world.running.size(), 2u);
  world.pending.push_back(
      {"retrain", "default", WorkloadClass::kTraining, 5, 100, {2000, std::int64_t{2} << 30}, "", 0});
  int ended = 0;
  while (std::none_of(world.running.begin(), world.running.end(),
                      [](const RunningJob& job) { return job.id == "retrain"; })) {
    ASSERT_LT(ended, 3) << "more trials ended than were running when the job came";
    world.running.erase(world.running.begin());
    ++ended;
    world = Apply(world, PlanAdmission(world));
  }
  EXPECT_EQ(ended, 2);

  world.pending.push_back(
      {"replica", "serving", WorkloadClass::kInference, 0, 101, {1000, std::int64_t{1} << 30}, "", 0});
  const AdmissionPlan plan = PlanAdmission(world);
  ASSERT_EQ(plan.actions.size(), 1u);
  EXPECT_EQ(plan.actions[0].kind, AdmissionAction::Kind::kPreempt);
  EXPECT_EQ(plan.actions[0].job, "retrain");
}

TEST(AdmissionTest, PlansAThousandJobsSoon) {
  AdmissionSnapshot world;
  world.capacity = {64000, std::int64_t{256} << 30};
  for (int i = 0; i < 1000; ++i) {
    world.pending.push_back(
        {"p" + std::to_string(i), "q", WorkloadClass::kInference, i % 7, i, {1000, 1 << 30}, "", 0});
    if (i < 64) {
      world.running.push_back(
          {"r" + std::to_string(i), "q", WorkloadClass::kBestEffort, i % 5, {1000, 1 << 30}, "", true, false});
    }
  }
  const AdmissionPlan plan = PlanAdmission(world);
  EXPECT_EQ(plan.actions.size(), 64u);
  EXPECT_EQ(plan.waiting.size(), 1000u);
}

}  // namespace
}  // namespace keelson::scheduling
