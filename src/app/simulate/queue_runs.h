#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "app/output.h"
#include "simulation/queue_run.h"

namespace keelson::app {

// A load over time under several policies.
struct QueueRuns {
  struct Policy {
    std::string name;
    simulation::QueueReport report;
  };
  std::string workload;
  std::vector<Policy> policies;
};

// Every run, side by side on all cores; the result does not depend on how many.
Result<QueueRuns> RunQueues(const simulation::QueuedLoad& load, const std::vector<std::string>& policies);

nlohmann::ordered_json QueuesJson(const QueueRuns& runs);
TextTable QueuesTable(const QueueRuns& runs);
// A page for itself: the table, and plots of the quota used and of what waits over time. Loads nothing.
std::string QueuesPage(const QueueRuns& runs);

}  // namespace keelson::app
