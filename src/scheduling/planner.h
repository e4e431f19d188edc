#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "scheduling/backlog.h"
#include "scheduling/planner_memory.h"
#include "scheduling/pool.h"
#include "scheduling/queues.h"
#include "scheduling/reservation.h"

namespace keelson::scheduling {

struct PlanPolicy {
  std::string placement = "best-fit";  // how the placement core ranks nodes; PlacementPolicyNames()
  // What is told to stop has so long to write a checkpoint.
  Duration grace = std::chrono::minutes(2);
  // Nobody is preempted while room comes by itself so soon; system and inference do not wait for it.
  Duration spare = std::chrono::minutes(1);
  // What nobody knows the run time of is thought to take so long; it is never back-filled before a reservation.
  Duration assumed = std::chrono::hours(1);
  // Ageing: what has waited for `patience`, or for `patience_runs` times its run time if that is less, goes before
  // everything but system, inference and what has waited so long and came earlier.
  Duration patience = std::chrono::hours(24);
  double patience_runs = 150;
  // Beside one workload in each tree of cohorts, so many in all have nodes kept for them.
  int node_reservations = 4;
  bool preempt_by_class = true;  // PreemptionRules::by_class
  // What was found out of a tree of cohorts is not found out again while it holds (PlannerMemory). It decides the same
  // without, slower.
  bool remember = true;
};

struct Decision {
  enum class Kind { kStart, kPreempt } kind = Kind::kStart;
  std::string id;
  std::string flavor;            // of a start
  std::vector<PodPlace> places;  // of a start, one a pod; without nodes only their number counts
  std::string for_whom;          // of a preemption
  Instant stops;                 // of a preemption: it has until then
  bool operator==(const Decision&) const = default;
};

// The scheduler's mind: what waits and what runs, and what should happen now. Every decision follows from what it
// holds, not from how it came to hold it: one that was told everything in small steps plans as one that is made anew.
//
// Plan looks at what waits, the most important first: by class, with what has waited too long before training; then
// what is within its queue's nominal quota before what must borrow; then by priority, then the share of its cohort and
// queue (FairOrder), then who came first. It starts what fits into its quota and on nodes, gangs whole. The first in
// each tree of cohorts that does not fit gets a reservation: the first instant at which it can start, and what it will
// use then; less important work starts only if it will have ended or leaves that. So no large gang is passed for ever,
// and every workload starts within the time that all that is ahead of it takes once its patience has ended, whatever
// still comes. Whoever may preempt, by its queue's rules or by class, does (ChooseVictims).
//
// Not thread-safe. No I/O, no clock: `now` is told.
class Planner {
 public:
  // The errors of QuotaTree::Build; kInvalidArgument for a placement policy that is not there, and node pools and
  // domains that do not go together.
  static Result<std::unique_ptr<Planner>> Make(Cluster cluster, Queues queues, PlanPolicy policy);

  // It waits from now on. An error says why it never could start (kResourceExhausted: larger than the pool or what its
  // queue may have; kNotFound: the queue; kInvalidArgument), or that there is one of its id (kAlreadyExists).
  Status Submit(Workload workload);
  // What Submit would answer.
  Status CouldRun(const Workload& workload);
  // It runs already, somebody says. kNotFound for a queue, flavor or node that is not there.
  Status Adopt(Running running);
  // It has ended, has stopped, or does not want to start any more. Of an unknown one nothing changes.
  void Ended(const std::string& id);

  // The node goes away, or will: nothing starts there until it is opened again, and what runs there stops by then,
  // whoever tells it; Ended says when it has. kNotFound for a node that is not there.
  Status CloseNode(int node, Instant stops);
  Status OpenNode(int node);

  // What should happen, in order, taken as done: what starts runs, what is preempted is stopping. Planned again at once
  // it has nothing to say.
  std::vector<Decision> Plan(Instant now);

  // One sentence on a workload that waits: for what, what would free it, and when it should start. Of the last Plan.
  // nullopt: it does not wait.
  std::optional<std::string> Why(const std::string& id) const;

  const Pool& pool() const { return *pool_; }
  const Backlog& backlog() const { return backlog_; }
  const Queues& queues() const { return queues_; }

 private:
  Planner(Cluster cluster, Queues queues, PlanPolicy policy)
      : cluster_(std::move(cluster)), queues_(std::move(queues)), policy_(std::move(policy)) {}
  // Where it could stand in line.
  struct Entry {
    int queue = -1;
    std::size_t shape = 0;
    std::vector<int> flavors;
  };
  Status Check(const Workload& workload) const;
  Status CheckNode(int node) const;
  Result<Entry> EntryOf(const Workload& workload);

  Cluster cluster_;
  Queues queues_;
  PlanPolicy policy_;
  std::unique_ptr<Pool> pool_;
  Backlog backlog_;
  PlannerMemory memory_;  // of the last Plan, as far as it still holds
};

// All of it as one pure function.
struct PoolSnapshot {
  Cluster cluster;
  Queues queues;
  std::vector<Workload> pending;
  std::vector<Running> running;
  std::vector<int> closed;  // nodes that take nothing now
};
struct PoolPlan {
  std::vector<Decision> decisions;
  std::vector<std::pair<std::string, std::string>> refused;  // id and reason
  std::vector<std::pair<std::string, std::string>> waiting;  // id and sentence
};
Result<PoolPlan> PlanPool(const PoolSnapshot& snapshot, Instant now, const PlanPolicy& policy);

}  // namespace keelson::scheduling
