#pragma once

#include <string>

#include "base/time.h"

namespace keelson::scheduling {

struct ReplicaSnapshot {
  int ready = 0;
  int starting = 0;
  int in_flight = 0;     // requests inside replicas
  int held = 0;          // requests that wait in the gateway for a replica
  Duration idle_for{};   // monotonic time since the last request ended; zero while one is under way
  Duration below_for{};  // how long the wanted number has been under the present one
};

struct ReplicaPolicy {
  int min = 0;
  int max = 1;
  double target_concurrency = 8;
  Duration idle = std::chrono::minutes(5);            // to zero after this long, when min is 0
  Duration stabilization = std::chrono::seconds(60);  // scale down only after this long below
};

struct ReplicaPlan {
  int replicas = 0;    // wanted
  std::string reason;  // for people
  bool operator==(const ReplicaPlan&) const = default;
};

// Pure. Concurrency decides: ceil((in_flight + held) / target), within [min, max]; at least one while anything is held.
ReplicaPlan PlanReplicas(const ReplicaSnapshot& snapshot, const ReplicaPolicy& policy);

}  // namespace keelson::scheduling
