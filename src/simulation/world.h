#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "gateway/canary.h"
#include "monitoring/trigger.h"
#include "scheduling/admission.h"
#include "scheduling/autoscaling.h"

namespace keelson::simulation {

// The imagined machine. What a real server keeps on disk is in Stored and survives its restart; what processes and
// memory alone know is in Live.

struct Job {
  scheduling::PendingJob ask;  // id, queue, class, priority, ...
  bool trains = false;         // a retraining, which ends in a version
  int replica_of = 0;          // a replica of this version; never ends by itself
  Duration work{};             // to do in all
  Duration kept{};             // done and in a checkpoint
  int attempt = 0;             // the present one; a report of an earlier one is stale
  int completions = 0;
  bool done = false;
};

struct Version {
  int number = 0;
  bool bad = false;    // fails a part of its requests
  bool stored = true;  // its model folder is there
  Instant trained;
};

struct Stored {
  std::map<std::string, Job> jobs;
  std::vector<Version> versions;
  int champion = 0;  // 0: none
  int previous_champion = 0;
  int challenger = 0;  // 0: nothing is rolled out
  int step = -1;
  Instant step_since;
  std::map<int, int> weights;  // percent by version; empty before the first version
  std::vector<int> queued;     // versions that wait for the present roll-out to end
  monitoring::TriggerState trigger;
};

// A process: it outlives a killed server.
struct Attempt {
  int number = 0;
  Instant started;
  Duration from{};               // what the checkpoint saved
  bool ended = false;            // did all its work; the server has not heard of it yet
  std::optional<Instant> stops;  // was told to stop
  Instant ready;                 // of a replica
};

struct Routed {
  int version = 0;
  std::string replica;
  bool ready = false;
};

struct Live {
  Instant server_up;                                       // down until then
  std::map<std::string, Attempt> running;                  // by job
  std::vector<std::pair<std::string, int>> stale_reports;  // (job, attempt): will be told (again) later
  int in_flight = 0;
  int held = 0;
  Instant last_request;
  std::map<int, Instant> enough_since;    // by version: since when fewer replicas would do
  std::uint64_t challenger_requests = 0;  // of this step; lost with the server
  std::uint64_t challenger_errors = 0;
  std::vector<Routed> routed;  // in this step of time
};

struct World {
  Instant now;
  scheduling::Resources capacity{4000, std::int64_t{16} << 30};
  std::vector<scheduling::QueueState> queues;
  scheduling::ReplicaPolicy replicas;
  gateway::CanaryPolicy canary;
  monitoring::TriggerPolicy trigger;
  Stored stored;
  Live live;

  const Version* Find(int version) const {
    return version >= 1 && version <= static_cast<int>(stored.versions.size())
               ? &stored.versions[static_cast<std::size_t>(version - 1)]
               : nullptr;
  }
};

}  // namespace keelson::simulation
