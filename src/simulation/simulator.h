#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "simulation/policies.h"

namespace keelson::simulation {

struct SimulationOptions {
  std::uint64_t seed = 0;
  Duration length = std::chrono::hours(24 * 30);
  Duration step = std::chrono::minutes(10);
  Policies policies;
};

struct SimulationReport {
  std::optional<std::string> broken;  // "seed 7, step 812: limits: ..."; nothing when every invariant held to the end
  int steps = 0;
  int completed = 0;  // jobs
  int crashes = 0;    // of processes
  int preemptions = 0;
  int server_restarts = 0;
  int stale_reports = 0;  // told and not counted
  int retrainings = 0;
  int promotions = 0;
  int rollbacks = 0;
  std::uint64_t requests = 0;
  bool operator==(const SimulationReport&) const = default;
};

// A month of operation in virtual time, decided by the rooms' own plan functions, under faults drawn from the seed:
// processes that crash and lose what was not checkpointed, replicas that die, lost and repeated reports, a server that
// is killed and comes back with what is stored, bad versions, drift. Invariants are checked after every step. Pure:
// equal options give equal reports.
SimulationReport Simulate(const SimulationOptions& options);

}  // namespace keelson::simulation
