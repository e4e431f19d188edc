#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "scheduling/cluster.h"

namespace keelson::simulation {

// One pod of a recorded load. Times are seconds of the recording, where it has any.
struct TracePod {
  std::size_t shape = 0;  // in PodTrace::mix
  std::size_t line = 0;   // of the file
};

// A recorded load: its pods in the order of the file, and the mix of their shapes, the most frequent first.
struct PodTrace {
  std::string file;
  std::vector<TracePod> pods;
  scheduling::Mix mix;
};

// Collects pods into a trace; shapes that are equal become one.
class TraceBuilder {
 public:
  explicit TraceBuilder(std::string file) { trace_.file = std::move(file); }
  void Add(const scheduling::PodShape& shape, std::size_t line);
  PodTrace Take();

 private:
  struct Hash {
    std::size_t operator()(const scheduling::PodShape& shape) const;
  };
  PodTrace trace_;
  std::unordered_map<scheduling::PodShape, std::size_t, Hash> numbers_;
  std::vector<std::size_t> counts_;
};

// The shapes of the trace that no node of the cluster could run, were it empty.
struct ImpossibleShape {
  std::size_t shape = 0;
  std::size_t line = 0;  // of its first pod
  std::size_t pods = 0;
  std::string reason;
};
std::vector<ImpossibleShape> FindImpossible(const PodTrace& trace, const scheduling::Cluster& cluster);

// Alibaba's openb form (clusterdata, cluster-trace-gpu-v2023). Nodes: sn, cpu_milli, memory_mib, gpu, model. Pods:
// name, cpu_milli, memory_mib, num_gpu, gpu_milli, and optionally gpu_spec, qos, pod_phase, creation_time,
// deletion_time, scheduled_time; the columns in any order. Strict: an unknown or missing column, a value out of range,
// a name twice, a GPU model that no node has, times that are missing, negative or out of order (created, scheduled,
// deleted; a pod may lack the second while its phase is Pending) are kInvalidArgument, with `where` = "file:line".
// Memory grows with the number of pods by some 60 bytes each beside the text.
Result<scheduling::Cluster> ReadOpenbNodes(std::string_view text, const std::string& file);
Result<PodTrace> ReadOpenbPods(std::string_view text, const std::string& file, const scheduling::Cluster& cluster);

}  // namespace keelson::simulation
