#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "scheduling/planner.h"

namespace keelson::scheduling {

inline const Instant kNow = InstantFromMicros(1'000'000'000'000);

// A world of a few nodes and queues that is crowded enough for every rule to matter: cohorts that borrow and lend,
// gangs, shares of GPUs, topology, every class, run times known and not.
inline PoolSnapshot RandomPool(Random& random) {
  PoolSnapshot world;
  const auto below = [&random](int bound) { return static_cast<int>(random.Below(static_cast<std::uint64_t>(bound))); };
  world.cluster.models.Add("gpu");
  world.cluster.levels = {"rack"};
  for (int i = 0; i < 4; ++i) {
    world.cluster.nodes.push_back({"n" + std::to_string(i), {8000, 8}, 4, 0, 0, 100, {i / 2}});
  }
  world.queues.flavors = {{"default", {}, ""}};
  for (int i = 0; i < 4; ++i) {
    ClusterQueue queue;
    queue.name = "q" + std::to_string(i);
    queue.cohort = i == 3 ? "" : "all";
    FlavorQuota quota{"default", {}};
    for (const Resource resource : {Resource::kCpu, Resource::kMemory, Resource::kDisk, Resource::kGpu}) {
      ResourceQuota of{resource == Resource::kMemory ? 8
                       : resource == Resource::kDisk ? 200
                                                     : 1000 * (2 + below(10)),
                       {},
                       {}};
      if (i < 3 && below(3) == 0) of.borrowing_limit = 4000;
      if (i < 3 && below(3) == 0) of.lending_limit = of.nominal / 2;
      quota.of[static_cast<std::size_t>(resource)] = of;
    }
    queue.flavors = {quota};
    queue.reclaim = static_cast<ReclaimWithinCohort>(below(3));
    queue.preempt = static_cast<PreemptWithinQueue>(below(2));
    queue.strict_fifo = below(8) == 0;
    world.queues.cluster_queues.push_back(queue);
  }
  const auto workload = [&](const std::string& id) {
    Workload made;
    made.id = id;
    made.queue = "q" + std::to_string(below(4));
    made.workload_class = static_cast<WorkloadClass>(below(4));
    made.priority = below(3);
    made.submitted = kNow - std::chrono::seconds(below(100));
    made.pod.request = {500 * (1 + below(6)), below(3)};
    if (below(6) == 0) made.pod.disk_bytes = 40;
    made.pod.gpus = below(3);
    if (made.pod.gpus == 1 && below(3) == 0) made.pod.gpu_milli = 250 * (1 + below(3));
    made.pods = 1 + below(3);
    if (made.pods > 1 && below(3) == 0) made.least_pods = 1;
    if (made.pods > 1 && below(3) == 0) made.topology = {"rack", below(2) == 0};
    if (below(3) != 0) made.run_time = std::chrono::seconds(10 * (1 + below(60)));
    made.preemptible = below(5) != 0;
    if (below(2) == 0) made.checkpoint_interval = std::chrono::seconds(30);
    if (below(4) == 0) made.search = "s", made.parallel = 2;
    made.rung = below(2);
    made.times_preempted = below(2);
    return made;
  };
  // What runs came there by a plan of other times, so that it stands on nodes as it could.
  for (int i = 0; i < 14; ++i) world.pending.push_back(workload("r" + std::to_string(i)));
  const Instant before = kNow - std::chrono::seconds(200);
  const PoolPlan plan = PlanPool(world, before, {}).value();
  std::map<std::string, Workload> all;
  for (const Workload& each : world.pending) all.emplace(each.id, each);
  for (const Decision& each : plan.decisions) {
    if (each.kind != Decision::Kind::kStart) continue;
    Running running{all.at(each.id), "default", each.places, before + std::chrono::seconds(below(190)), {}, {}, {}};
    if (below(6) == 0) running.stops = kNow + std::chrono::seconds(below(60));
    world.running.push_back(running);
  }
  world.pending.clear();
  const int pending = 1 + below(12);
  for (int i = 0; i < pending; ++i) world.pending.push_back(workload("p" + std::to_string(i)));
  return world;
}

// What the plan says, done: what starts runs, what is preempted is stopping, what is refused is gone.
inline PoolSnapshot Apply(PoolSnapshot world, const PoolPlan& plan, Instant now) {
  const auto take = [&world](const std::string& id) {
    const auto found =
        std::find_if(world.pending.begin(), world.pending.end(), [&](const Workload& each) { return each.id == id; });
    Workload workload = *found;
    world.pending.erase(found);
    return workload;
  };
  for (const Decision& decision : plan.decisions) {
    if (decision.kind == Decision::Kind::kStart) {
      world.running.push_back({take(decision.id), decision.flavor, decision.places, now, {}, {}, {}});
      continue;
    }
    for (Running& each : world.running) {
      if (each.workload.id != decision.id) continue;
      each.stops = decision.stops;
      each.stops_for = decision.for_whom;
    }
  }
  for (const auto& [id, reason] : plan.refused) take(id);
  return world;
}

// What is broken after a plan was applied: a queue or cohort beyond its quota that was not before, a node given twice,
// a gang in part, a search beyond its limit. "" when nothing is.
inline std::string Broken(const PoolSnapshot& before, const PoolSnapshot& after) {
  const QuotaTree tree = QuotaTree::Build(after.queues).value();
  const auto use = [&](const PoolSnapshot& world) {
    QuotaTree used = tree;
    for (const Running& each : world.running) {
      used.Add(used.FindQueue(each.workload.queue), used.FindFlavor(each.flavor),
               each.workload.all(static_cast<int>(each.places.size())));
    }
    return used;
  };
  const QuotaTree was = use(before);
  const QuotaTree is = use(after);
  for (int node = 0; node < static_cast<int>(tree.size()); ++node) {
    for (std::size_t r = 0; r < kResourceCount; ++r) {
      const auto resource = static_cast<Resource>(r);
      const bool more = is.Used(node, 0, resource) > was.Used(node, 0, resource);
      if (more && is.Available(node, 0, resource) < 0) return "the quota of " + tree.name(node) + " is exceeded";
    }
  }
  std::vector<NodeState> nodes;
  for (const Node& each : after.cluster.nodes) nodes.push_back(EmptyNode(each));
  std::map<std::string, int> searches;
  for (const Running& each : after.running) {
    const Workload& workload = each.workload;
    const auto pods = static_cast<int>(each.places.size());
    if (pods < workload.least() || pods > workload.pods) return workload.id + " runs in part";
    std::set<int> racks;
    for (const PodPlace& place : each.places) {
      NodeState& node = nodes[static_cast<std::size_t>(place.node)];
      racks.insert(after.cluster.nodes[static_cast<std::size_t>(place.node)].domains[0]);
      node.free -= workload.pod.request;
      node.free_disk -= workload.pod.disk_bytes;
      if (static_cast<int>(place.gpus.size()) != workload.pod.gpus) return workload.id + " lacks GPUs";
      for (const int gpu : place.gpus) {
        auto& free = node.gpu_free[static_cast<std::size_t>(gpu)];
        free = static_cast<std::int16_t>(free - workload.pod.gpu_milli);
        if (free < 0) return "a GPU of node " + std::to_string(place.node) + " is given twice";
      }
      if (!Resources{}.FitsIn(node.free) || node.free_disk < 0)
        return "node " + std::to_string(place.node) + " is given twice";
    }
    if (workload.topology.required && racks.size() > 1) return workload.id + " stands in several racks";
    if (!workload.search.empty() && ++searches[workload.search] > workload.parallel)
      return "a search is beyond its limit";
  }
  return "";
}

}  // namespace keelson::scheduling
