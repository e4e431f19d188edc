#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "app/output.h"
#include "simulation/packing.h"

namespace keelson::app {

// Several policies over the same seeds.
struct PackingRuns {
  struct Policy {
    std::string name;
    std::map<std::uint64_t, simulation::PackingReport> seeds;
  };
  std::string workload;
  double arrive = 0;
  std::vector<Policy> policies;
  std::vector<simulation::ImpossibleShape> refused;
};

// Every run, side by side on all cores; the result does not depend on how many.
Result<PackingRuns> RunPacking(const scheduling::Cluster& cluster, const simulation::PodTrace& trace,
                               const std::vector<std::string>& policies, double arrive,
                               const std::vector<std::uint64_t>& seeds);

// A policy's means over its seeds at one moment.
struct PackingMeans {
  double arrived_percent = 0;
  double allocated_percent = 0;
  double fragmented_percent = 0;
};
// At each whole percent that arrived, in order, and at the end; for every seed has all but the last, up to which the
// shortest goes.
std::vector<PackingMeans> MeanCurve(const PackingRuns::Policy& policy);

nlohmann::ordered_json PackingJson(const PackingRuns& runs);
TextTable PackingTable(const PackingRuns& runs);
// A page for itself: the table and plots of allocation and fragmentation over what arrived. Loads nothing.
std::string PackingPage(const PackingRuns& runs);

}  // namespace keelson::app
