#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "scheduling/amounts.h"
#include "scheduling/cluster.h"

namespace keelson::scheduling {

// The queues of a pool of machines, in the terms and with the meaning of Kueue's objects (kueue.x-k8s.io): plain
// values, as somebody declared them. QuotaTree checks them and counts with them.

// Machines of one kind that quotas speak of. It is made of the node pools that have all its labels.
struct ResourceFlavor {
  std::string name;
  std::map<std::string, std::string> node_labels;
  std::string where;  // it was declared, for errors: "queues.yaml:12"; may be ""
};

struct ResourceQuota {
  std::int64_t nominal = 0;
  std::optional<std::int64_t> borrowing_limit;  // nothing: all that the cohort has
  std::optional<std::int64_t> lending_limit;    // nothing: all that is nominal
  bool operator==(const ResourceQuota&) const = default;
};

struct FlavorQuota {
  std::string flavor;
  std::array<std::optional<ResourceQuota>, kResourceCount> of;  // nothing: the flavor does not offer this resource
};

enum class ReclaimWithinCohort { kNever, kLowerPriority, kAny };
enum class PreemptWithinQueue { kNever, kLowerPriority };

// Kueue's ClusterQueue.
struct ClusterQueue {
  std::string name;
  std::string cohort;                // "": none
  std::vector<FlavorQuota> flavors;  // a workload takes the first that does
  double weight = 1;                 // of its fair share
  ReclaimWithinCohort reclaim = ReclaimWithinCohort::kNever;
  PreemptWithinQueue preempt = PreemptWithinQueue::kNever;
  bool strict_fifo = false;  // nobody in it goes before one that came earlier and is as important
  bool held = false;         // starts nothing
  std::string where;
};

// Kueue's Cohort. One that queues name and nobody declares is there, with nothing of its own.
struct Cohort {
  std::string name;
  std::string parent;  // "": none
  std::vector<FlavorQuota> flavors;
  double weight = 1;
  std::string where;
};

// Kueue's LocalQueue: the name by which a namespace knows a ClusterQueue.
struct LocalQueue {
  std::string name_space;
  std::string name;
  std::string cluster_queue;
  std::string where;
};

struct Queues {
  std::vector<ResourceFlavor> flavors;
  std::vector<Cohort> cohorts;
  std::vector<ClusterQueue> cluster_queues;
  std::vector<LocalQueue> local_queues;
};

}  // namespace keelson::scheduling
