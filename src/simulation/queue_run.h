#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "scheduling/planner.h"
#include "simulation/outages.h"
#include "simulation/queue_bounds.h"
#include "simulation/queued_load.h"

namespace keelson::simulation {

// Who decides in a simulation of queues.
class QueueScheduler {
 public:
  virtual ~QueueScheduler() = default;
  virtual Status Submit(scheduling::Workload workload) = 0;
  virtual void Ended(const std::string& id) = 0;
  virtual std::vector<scheduling::Decision> Plan(Instant now) = 0;
  // The node goes away by then, and with it what still runs there; it is back.
  virtual void CloseNode(int node, Instant stops) = 0;
  virtual void OpenNode(int node) = 0;
};

// "keelson" (scheduling::Planner with its policy as it is) and "kueue-fifo" (kueue_fifo.h).
const std::vector<std::string>& QueuePolicyNames();
// kInvalidArgument for a name that is none of them, and for queues that do not go together.
Result<std::unique_ptr<QueueScheduler>> MakeQueueScheduler(const std::string& name, const QueuedLoad& load);

struct QueueReport {
  struct Class {
    std::size_t workloads = 0;
    double mean_wait = 0;  // seconds from submission to the end, less the run time: time lost to preemption included
    double p99_wait = 0;
    double longest_wait = 0;
  };
  struct Point {
    double seconds = 0;
    double used_percent = 0;             // of all nominal quota, of the resource that is used most
    std::map<std::string, int> waiting;  // by class
    std::vector<double> cost;            // of each pool of the fleet, until then
    double lost_seconds = 0;             // of pods, until then
  };
  double makespan = 0;      // seconds from the first submission to the last end
  QueueBounds bounds;       // what it cannot be under
  double used_percent = 0;  // of the nominal quota, over the makespan
  std::size_t starts = 0;
  std::size_t preemptions = 0;
  std::size_t interruptions = 0;  // of workloads, by machines that went away
  // Of pods: that they ran in all, of what came to its end, and that were lost. The first is the sum of the others.
  double ran_seconds = 0;
  double work_seconds = 0;
  double lost_seconds = 0;
  double lost_to_failures = 0;  // of lost_seconds, by machines that went away
  std::size_t spot_nodes_taken = 0;
  std::size_t nodes_lost = 0;
  std::vector<Outages::Paid> pools;  // of the fleet, over the makespan
  double cost = 0;                   // of all of them
  std::map<std::string, Class> classes;
  std::vector<std::pair<std::string, std::string>> refused;
  std::vector<Point> points;  // 200 over the makespan
};

// Plays the load in virtual time. What is preempted, or stands on a machine that goes away, stops at once or when its
// grace is over, loses what it did since its last checkpoint (with a word before and checkpoints_when_told: nothing),
// and is submitted again; of a gang that loses a pod all stop. kResourceExhausted for what takes longer than can be
// counted and for work that is stopped for ever, kInternal when the scheduler gets stuck, goes round in circles,
// exceeds a quota or starts something on a machine that is away.
Result<QueueReport> SimulateQueues(const QueuedLoad& load, QueueScheduler& scheduler, const Failures& failures = {});

}  // namespace keelson::simulation
