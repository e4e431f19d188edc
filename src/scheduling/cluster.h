#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scheduling/admission.h"

namespace keelson::scheduling {

// A GPU is 1,000 thousandths. A pod has whole GPUs, or a share of one.
inline constexpr int kWholeGpu = 1000;
inline constexpr int kMostGpus = 16;  // of one node

// The names of the GPU models of a cluster, numbered; a set of them is the bits of their numbers.
using ModelSet = std::uint64_t;
inline constexpr ModelSet kAnyModel = ~ModelSet{0};

class GpuModels {
 public:
  static constexpr std::size_t kMost = 64;

  // The number of the model, new or known; nothing when there are kMost others already.
  std::optional<int> Add(std::string_view name);
  std::optional<int> Find(std::string_view name) const;
  const std::vector<std::string>& names() const { return names_; }

 private:
  std::vector<std::string> names_;
};

// Kubernetes' meaning: a node's taint keeps away every pod that does not tolerate it (effects NoSchedule and
// NoExecute).
struct Taint {
  std::string key;
  std::string value;
  bool operator==(const Taint&) const = default;
};

// Tolerates the taints with `key` ("": every taint) and with `value` (nothing: whatever the value is).
struct Toleration {
  std::string key;
  std::optional<std::string> value;
  bool operator==(const Toleration&) const = default;
};

// Nodes of one kind, as a cloud or a cluster offers them.
struct NodePool {
  std::string name;
  std::map<std::string, std::string> labels;
  std::vector<Taint> taints;
};

struct Node {
  std::string name;
  Resources capacity;
  int gpus = 0;
  int model = -1;  // of its GPUs, by GpuModels; -1 without
  int pool = 0;    // in Cluster::pools
  std::int64_t disk_bytes = 0;
  std::vector<int> domains = {};  // that it stands in, one of each of Cluster::levels; empty without topology
};

struct Cluster {
  GpuModels models;
  std::vector<NodePool> pools{1};
  std::vector<Node> nodes;
  std::vector<std::string> levels;  // of the topology, the widest first: zone, rack, host
};

// What one pod asks for. Pods that ask for the same share one shape.
struct PodShape {
  Resources request;
  int gpus = 0;
  int gpu_milli = kWholeGpu;                    // of each: less than whole only with gpus = 1
  ModelSet models = kAnyModel;                  // that will do
  std::map<std::string, std::string> selector;  // labels that the pool must have
  std::vector<Toleration> tolerations;
  std::int64_t disk_bytes = 0;

  bool shares() const { return gpus == 1 && gpu_milli < kWholeGpu; }
  int milli() const { return gpus * gpu_milli; }  // of GPU in all
  bool operator==(const PodShape&) const = default;
};

// The distinct shapes of a load and how often each comes: the mix that a policy may know.
struct Mix {
  std::vector<PodShape> shapes;
  std::vector<double> frequency;  // of each shape; their sum is 1
};

// What is free on a node.
struct NodeState {
  Resources free;
  std::int64_t free_disk = 0;
  std::array<std::int16_t, kMostGpus> gpu_free{};  // in thousandths
  std::int16_t gpus = 0;
  std::int16_t model = -1;

  int free_milli() const;  // of all GPUs
  int whole_gpus() const;  // that are free
  bool operator==(const NodeState&) const = default;
};

NodeState EmptyNode(const Node& node);

// Whether the pool's labels and taints admit the pod.
bool Admits(const NodePool& pool, const PodShape& pod);
// Whether what is free would do for the pod, labels and taints apart.
bool Fits(const NodeState& node, const PodShape& pod);
// How many pods like it would fit, one after the other; kMostSlots stands for any number.
inline constexpr int kMostSlots = 1 << 14;
int Slots(NodeState node, const PodShape& pod);
// Puts the pod, which fits, on the node: a share on the GPU `gpu`, whole GPUs on the first that are free.
void Take(NodeState& node, const PodShape& pod, int gpu);
// Gives back what a pod on these GPUs had.
void GiveBack(NodeState& node, const PodShape& pod, const std::vector<int>& gpus);
// The GPU with the least free that has room for the share; -1 when none has.
int BestFitGpu(const NodeState& node, const PodShape& pod);

// Why no node of the cluster, were it empty, could run the pod: one sentence; "" when one could.
std::string WhyImpossible(const Cluster& cluster, const PodShape& pod);

}  // namespace keelson::scheduling
