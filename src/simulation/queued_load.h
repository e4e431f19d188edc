#pragma once

#include <string>
#include <vector>

#include "scheduling/cluster.h"
#include "scheduling/queues.h"
#include "scheduling/workload.h"
#include "simulation/fleet.h"

namespace keelson::simulation {

// What arrives when at which queues, for a simulation over time.
struct QueuedLoad {
  struct Arrival {
    scheduling::Workload workload;  // its `submitted` counts from the beginning, Instant{}
    Duration run_time{};            // what it really takes, at its full number of pods
    std::string name;               // of its kind, for reports
    std::string project = {};       // whose LocalQueue its queue may be; "": none's
  };
  std::string file;
  // What the cluster is made of, where somebody said what it costs and how it fails; empty: it lasts for ever.
  Fleet fleet;
  scheduling::Cluster cluster;  // without nodes quotas alone are in play
  scheduling::Queues queues;
  std::vector<Arrival> arrivals;  // in their order in time
};

}  // namespace keelson::simulation
