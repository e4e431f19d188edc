#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "scheduling/planner.h"
#include "simulation/queued_load.h"

namespace keelson::simulation {

// Who decides in a simulation of queues.
class QueueScheduler {
 public:
  virtual ~QueueScheduler() = default;
  virtual Status Submit(scheduling::Workload workload) = 0;
  virtual void Ended(const std::string& id) = 0;
  virtual std::vector<scheduling::Decision> Plan(Instant now) = 0;
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
  };
  double makespan = 0;  // seconds from the first submission to the last end
  double bound = 0;     // what it cannot be under: the work of a tree of cohorts by its quota, the largest
  // The same with what cannot run yet because it has not been submitted: for every instant what could be done until
  // then if there were no quotas, and the rest of the work by the quota.
  double bound_of_arrivals = 0;
  double used_percent = 0;  // of the nominal quota, over the makespan
  std::size_t starts = 0;
  std::size_t preemptions = 0;
  double lost_seconds = 0;  // of pods, that ran and were lost
  std::map<std::string, Class> classes;
  std::vector<std::pair<std::string, std::string>> refused;
  std::vector<Point> points;  // 200 over the makespan
};

// Plays the load in virtual time. What is preempted stops at once or when its grace is over, loses what it did since
// its last checkpoint, and is submitted again. kResourceExhausted for what takes longer than can be counted, kInternal
// when the scheduler gets stuck, goes round in circles or exceeds a quota.
Result<QueueReport> SimulateQueues(const QueuedLoad& load, QueueScheduler& scheduler);

}  // namespace keelson::simulation
