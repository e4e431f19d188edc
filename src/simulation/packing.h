#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "simulation/trace.h"

namespace keelson::simulation {

// How well a policy packs a cluster until nothing more fits, by the protocol published with FGD: the trace's pods in
// random order, then random pods of it again, until they ask for `arrive` times all GPUs; nobody leaves; a pod is
// placed on a node that fits it, or fails. The nodes stand in random order too.
struct PackingOptions {
  std::string policy;  // one of scheduling::PlacementPolicyNames()
  double arrive = 1.3;
  std::uint64_t seed = 42;  // of both orders: equal seeds give every policy the same pods and nodes
};

struct PackingPoint {
  double arrived_percent = 0;  // all of the cluster's GPUs
  double allocated_percent = 0;
  double fragmented_percent = 0;  // what typical pods cannot use of what is free (scheduling::Fragmentation)
};

struct FailedPods {
  int without_gpu = 0;
  int share = 0;
  int one_gpu = 0;
  int several_gpus = 0;
  int all() const { return without_gpu + share + one_gpu + several_gpus; }
};

struct PackingReport {
  int pods = 0;
  FailedPods failed;
  std::vector<PackingPoint> points;  // at each percent that arrived, and the end last
  const PackingPoint& end() const { return points.back(); }
};

// kInvalidArgument for a policy that is not there, a trace or cluster without GPU, and more than 20 million pods.
Result<PackingReport> SimulatePacking(const scheduling::Cluster& cluster, const PodTrace& trace,
                                      const PackingOptions& options);

}  // namespace keelson::simulation
