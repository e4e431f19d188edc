#pragma once

#include <algorithm>
#include <functional>
#include <string>

#include "simulation/world.h"

namespace keelson::simulation {

// Every decision that the simulated server takes: the plan functions of the rooms, and the few rules of control beside
// them. A test breaks one on purpose to see that the invariants notice.
struct Policies {
  std::function<scheduling::AdmissionPlan(const scheduling::AdmissionSnapshot&)> admission = scheduling::PlanAdmission;
  std::function<scheduling::ReplicaPlan(const scheduling::ReplicaSnapshot&, const scheduling::ReplicaPolicy&)>
      replicas = scheduling::PlanReplicas;
  std::function<gateway::CanaryAction(const gateway::CanarySnapshot&, Instant, const gateway::CanaryPolicy&)> canary =
      gateway::PlanCanary;
  std::function<monitoring::TriggerDecision(const monitoring::WindowReport&, const monitoring::TriggerState&,
                                            const monitoring::TriggerPolicy&, Instant)>
      trigger = monitoring::PlanTrigger;
  // May a replica take a request?
  std::function<bool(const World&, const Attempt&)> may_route = [](const World& world, const Attempt& replica) {
    return !replica.stops && replica.ready <= world.now;
  };
  // Does a report of the end of `attempt` count?
  std::function<bool(const Job&, int attempt)> accepts = [](const Job& job, int attempt) {
    return !job.done && attempt == job.attempt;
  };
  // Does a job whose process died go back to the queue?
  std::function<bool(const Job&)> requeues = [](const Job&) { return true; };
  // May a version's folder be deleted?
  std::function<bool(const World&, int version)> may_delete = [](const World& world, int version) {
    const Stored& stored = world.stored;
    return version != stored.champion && version != stored.previous_champion && version != stored.challenger &&
           std::find(stored.queued.begin(), stored.queued.end(), version) == stored.queued.end();
  };
  // The number of the next version.
  std::function<int(const World&)> next_version = [](const World& world) {
    return static_cast<int>(world.stored.versions.size()) + 1;
  };
  // May a version begin its roll-out now?
  std::function<bool(const World&)> may_begin = [](const World& world) { return world.stored.challenger == 0; };
};

}  // namespace keelson::simulation
