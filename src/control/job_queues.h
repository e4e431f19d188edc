#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "control/types.h"
#include "project/spec.h"
#include "scheduling/queues.h"

namespace keelson::scheduling {
class Planner;
struct Workload;
}  // namespace keelson::scheduling

namespace keelson::control {

// Which jobs start and stop: the machine as a pool of one node, the queues that somebody declared for it, and
// scheduling::Planner over both. It is told of every job as it is and brings the planner to that, so a restarted server
// plans as the one before. No I/O.
//
// A job's queue is the LocalQueue of that name in the namespace of its project's name, else the ClusterQueue of that
// name. Where nobody declared one of the name "default", in which stands what names no queue, the server's own jobs
// too, it has the whole machine; where nobody declared any, it is the only one, whatever queue a job names.
class JobQueues {
 public:
  ~JobQueues();
  // The errors of scheduling::Planner::Make: all mistakes of the queues, with where each was declared.
  static Result<std::unique_ptr<JobQueues>> Make(std::optional<scheduling::Queues> declared,
                                                 const scheduling::Resources& machine);

  struct Action {
    enum class Kind { kStart, kPreempt, kRefuse } kind = Kind::kStart;
    std::string job;
    std::string reason;  // of kPreempt and kRefuse, for people
    std::string flavor;  // of kStart: whose quota it uses
  };
  // What should happen, taken as done. `not_yet`: jobs that wait for a reason of their own. Planned again at once it is
  // empty. What could never run is refused with the reason, once.
  std::vector<Action> Plan(const std::map<std::string, Job>& jobs, const std::set<std::string>& not_yet, Instant now);

  // Why it waits, one sentence, as of the last Plan; nothing for a job that does not stand in line.
  std::optional<std::string> Why(const std::string& job) const;
  // When it should end, as far as its like tell: of what runs.
  std::optional<Instant> ExpectedEnd(const std::string& job) const;

  // Whether a job that asks for so much could ever run in the project's queue: kNotFound, or kResourceExhausted with
  // the reason.
  Status Check(const std::string& project, const std::string& queue, const scheduling::Resources& resources);
  // What its submitter should know now: that the quota is used and it will wait; "" when there is room in the quota.
  std::string Notice(const std::string& project, const std::string& queue,
                     const scheduling::Resources& resources) const;

  struct Quota {
    std::string flavor;
    scheduling::Resource resource = scheduling::Resource::kCpu;
    std::optional<std::int64_t> nominal;    // nothing: not limited but by the machine
    std::int64_t used = 0;                  // by what runs
    std::optional<std::int64_t> available;  // now, what can be borrowed included
  };
  struct Queue {
    std::string name;
    std::string cohort;
    bool held = false;
    double weight = 1;
    int running = 0;
    int waiting = 0;
    std::vector<Quota> quotas;
  };
  std::vector<Queue> queues() const;  // as they were declared
  // The ClusterQueue of a job. kNotFound names those that there are.
  Result<std::string> QueueOf(const std::string& project, const std::string& queue) const;
  const scheduling::Resources& machine() const { return machine_; }

 private:
  enum class Known { kPending, kRunning, kStopping, kRefused };
  JobQueues(bool declared, const scheduling::Resources& machine);
  Result<scheduling::Workload> WorkloadOf(const Job& job) const;
  std::optional<std::string> Tell(const std::map<std::string, Job>& jobs, const Job& job, Known state, Instant now);

  bool declared_;
  bool unlimited_default_ = false;  // "default" is ours
  scheduling::Resources machine_;
  std::unique_ptr<scheduling::Planner> planner_;
  std::map<std::string, Known> known_;
};

// How long a job should take: the median of those that did the same step for the same project and succeeded at the
// first attempt, the latest 20 of them, in whole seconds. Nothing when there is none.
std::optional<Duration> ExpectedRunTime(const std::map<std::string, Job>& jobs, const Job& job);

// What a training of this project asks for.
scheduling::Resources ResourcesOf(const project::TrainSpec& train);

// That the queue of the project's training is there and could ever run it; for a project without training nothing.
Status CheckQueue(const project::Project& project, JobQueues& queues);

}  // namespace keelson::control
