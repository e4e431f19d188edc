#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "scheduling/admission.h"
#include "scheduling/amounts.h"
#include "scheduling/cluster.h"

namespace keelson::scheduling {

// Where the pods of a gang should stand: in one domain of a level of the topology (Cluster::levels).
struct TopologyWish {
  std::string level;      // "": anywhere
  bool required = false;  // else the narrowest domain from the level upwards that does, or anywhere
  bool operator==(const TopologyWish&) const = default;
};

// One claim on the pool: a gang of equal pods (often of one), which run all or not at all.
struct Workload {
  std::string id;
  std::string queue;  // a ClusterQueue
  std::string user;
  // System and inference before training (gangs and trials) before best-effort (batch).
  WorkloadClass workload_class = WorkloadClass::kTraining;
  int priority = 0;  // inside the class
  Instant submitted;
  PodShape pod;
  int pods = 1;
  // Of an elastic gang: what it can begin with; 0: all of them. What it takes beyond that, it never borrows.
  int least_pods = 0;
  TopologyWish topology;
  std::optional<Duration> run_time;  // expected, given or learned
  // What it should not exceed: whether it delays a reservation goes by this. Nothing: by run_time.
  std::optional<Duration> run_time_high = {};
  // What stopping it costs: it starts again from its last checkpoint, and once more costs the restart.
  bool preemptible = true;
  Duration checkpoint_interval{};      // 0: it keeps nothing
  bool checkpoints_when_told = false;  // and within the grace
  Duration restart{};
  int times_preempted = 0;
  // Of a trial: its search, of which at most `parallel` run at once (0: any number), and how far it has come.
  std::string search;
  int parallel = 0;
  int rung = 0;

  int least() const { return least_pods > 0 && least_pods < pods ? least_pods : pods; }
  Amounts each() const;  // what one pod asks for
  Amounts all(int count) const;
};

// The place of one pod.
struct PodPlace {
  int node = -1;
  std::vector<int> gpus;  // that it has, in whole or in part
  bool operator==(const PodPlace&) const = default;
};

// A workload that runs.
struct Running {
  Workload workload;
  std::string flavor;            // whose quota it uses
  std::vector<PodPlace> places;  // of each pod; in a pool without nodes nothing but their number counts
  Instant started;
  std::optional<Instant> checkpointed;  // what was done until then is kept
  std::optional<Instant> stops;         // it was told to stop, and will have by then
  std::string stops_for;                // whom it makes room for; "" when nobody knows
};

// What is truly lost when it stops at `now`, in seconds of one of its pods: the work since its last checkpoint (or
// since it began), and the restart; and as much again for each time that it was preempted already.
double LostWork(const Running& running, Instant now);

}  // namespace keelson::scheduling
