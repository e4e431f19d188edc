#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "app/output.h"
#include "simulation/queue_run.h"

namespace keelson::app {

// A load over time under several policies, as it is and with what somebody wonders about.
struct QueueRuns {
  struct Policy {
    std::string name;
    std::string what_if;  // "": as it is
    simulation::Fleet fleet;
    simulation::QueueReport report;

    std::string Title() const;  // for people
  };
  std::string workload;
  std::vector<Policy> policies;

  bool priced() const;  // some machine has a price
};

struct QueueRunOptions {
  std::vector<std::string> policies;
  std::vector<std::string> what_ifs;  // beside the load as it is
  simulation::Failures failures;
};

// Every run, the policies side by side on all cores; the result does not depend on how many. `load_of` makes the load
// with a what-if, or as it is ("").
Result<QueueRuns> RunQueues(const std::function<Result<simulation::QueuedLoad>(const std::string&)>& load_of,
                            const QueueRunOptions& options);

nlohmann::ordered_json QueuesJson(const QueueRuns& runs);
TextTable QueuesTable(const QueueRuns& runs);
// A page for itself: the table, and plots of the quota used and of what waits over time. Loads nothing.
std::string QueuesPage(const QueueRuns& runs);

}  // namespace keelson::app
