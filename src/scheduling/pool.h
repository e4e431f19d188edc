#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "scheduling/gang_placement.h"
#include "scheduling/pod_shapes.h"
#include "scheduling/quota_tree.h"
#include "scheduling/workload.h"

namespace keelson::scheduling {

// What runs, with all that was looked up about it.
struct Held {
  Running running;
  int queue = -1;  // in the quota tree
  int flavor = -1;
  std::size_t shape = 0;
  Amounts amounts;   // of all its pods
  Instant expected;  // its end, by its run time; when it was told to stop, that
};

// The pool as it is: what quotas are used, what is free on every node, what runs and when it should end. Every change
// of it goes through Put, Take and Tell, so that the three always agree. Not thread-safe.
class Pool {
 public:
  // `placement` is one of PlacementPolicyNames(); the cluster must outlive it. A cluster without nodes is a pool of
  // which nothing but quotas is known.
  Pool(const Cluster& cluster, const Queues& queues, QuotaTree tree, const std::string& placement, Duration assumed);
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  std::size_t ShapeOf(const PodShape& pod) { return shapes_.Number(pod); }
  const PodShape& shape(std::size_t index) const { return shapes_[index]; }
  bool has_nodes() const { return !cluster_.nodes.empty(); }
  const Cluster& cluster() const { return cluster_; }
  const QuotaTree& tree() const { return tree_; }
  QuotaTree& tree() { return tree_; }  // to try something and put it back
  const Placer& placer() const { return *placer_; }
  Placer& placer() { return *placer_; }
  GangPlacer& gangs() { return gangs_; }
  // The nodes that the flavor is made of; null: all.
  const std::vector<char>* NodesOf(int flavor) const;
  // How many pods of the shape an empty pool would take on the flavor's nodes: in all (level -1), or in the domain of
  // the level that takes the most.
  int Room(std::size_t shape, int flavor, int level);

  // It runs from now on; its pods stand on their nodes already when `placed`.
  const Held& Put(Running running, int queue, int flavor, bool placed);
  void Take(const std::string& id);                                              // it has ended
  void Tell(const std::string& id, Instant stops, const std::string& for_whom);  // it was told to stop
  void TakeBack(const std::string& id);                                          // it was not, after all

  // The node takes nothing more until it is opened; what stands there was told that it stops by then, with nobody to
  // make room for.
  void CloseNode(int node, Instant stops);
  void OpenNode(int node);

  const Held* Find(const std::string& id) const;
  const std::unordered_map<std::string, Held>& held() const { return held_; }
  using ById = std::map<std::string_view, const Held*>;
  const ById& HeldOf(int queue) const;     // what runs of the queue, what is stopping included
  const ById& StoppingIn(int root) const;  // what was told to stop, of the tree of `root` or of the whole pool (-1)
  int RunningOf(const std::string& search) const;  // trials that run
  // What should end next, at the instant that is to be expected at `now`, until `look` says false: of the tree of
  // `root`, or of the whole pool (-1). What has run for longer than was expected is thought to be half way through.
  void EachEnding(int root, Instant now, const std::function<bool(Instant, const Held&)>& look) const;
  // How many run, are preemptible and were not told to stop, by class and -priority: of a queue, or of the pool (-1).
  using Counts = std::map<std::pair<WorkloadClass, int>, int>;
  const Counts& CountsOf(int queue) const;

 private:
  using Endings = std::map<std::pair<Instant, std::string_view>, const Held*>;
  Instant ExpectedEnd(const Running& running) const;
  void Index(const Held& held, int step);

  const Cluster& cluster_;
  QuotaTree tree_;
  Duration assumed_;
  PodShapes shapes_;
  std::unique_ptr<Placer> placer_;
  GangPlacer gangs_;
  std::vector<std::vector<char>> flavor_nodes_;  // empty: all
  std::map<std::tuple<std::size_t, int, int>, int> room_;
  std::unordered_map<std::string, Held> held_;
  std::map<int, Endings> endings_;  // by root; -1: all
  std::map<int, Counts> counts_;    // by queue; -1: all
  std::map<int, ById> by_queue_;
  std::map<int, ById> stopping_;  // by root; -1: all
  std::map<std::string, int> searches_;
};

}  // namespace keelson::scheduling
