#pragma once

#include <limits>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "scheduling/fair_order.h"
#include "scheduling/planner.h"

namespace keelson::scheduling {

// One look at all that waits, for Planner::Plan.
class PlannerPass {
 public:
  PlannerPass(Pool& pool, Backlog& backlog, const Queues& queues, const PlanPolicy& policy, Instant now)
      : pool_(pool),
        backlog_(backlog),
        queues_(queues),
        policy_(policy),
        now_(now),
        order_(pool.tree()),
        borrowers_(pool.tree().size() * kRanks, std::numeric_limits<int>::max()) {}

  // Appends what was decided, and has done it to the pool and the backlog.
  void Run(std::vector<Decision>& decisions);

 private:
  // The more important the less: the class, with ageing between inference and training; then whether it must borrow,
  // since whoever is within his quota could take it back at once; then -priority.
  using Level = std::tuple<int, bool, int>;
  static constexpr int kRanks = 5;
  bool Borrows(const WaitingKind& kind) const;
  Level LevelOf(const WaitingKind& kind);
  void FindFirstOfStrictQueues();
  bool StandsBehind(const Held& held, const WaitingKind& kind) const;
  bool Overdue(const Workload& workload) const;
  void RunLevel(const Level& level, std::vector<WaitingKind*> kinds);
  bool Start(WaitingKind& kind);
  std::vector<PodPlace> Place(const WaitingKind& kind, int least, int most, int flavor, Instant end, bool& delays);
  bool Hopeless(WaitingKind& kind) const;
  void Block(WaitingKind& kind);
  bool MayPreempt(const WaitingKind& kind) const;
  bool Preempt(WaitingKind& kind, std::optional<Instant> by_itself);
  const ClusterQueue& QueueOf(const WaitingKind& kind) const {
    return queues_.cluster_queues[static_cast<std::size_t>(pool_.tree().queue_index(kind.queue))];
  }
  Instant EndOf(const Workload& workload, int pods) const;

  Pool& pool_;
  Backlog& backlog_;
  const Queues& queues_;
  const PlanPolicy& policy_;
  Instant now_;
  FairOrder order_;
  std::map<Level, std::vector<WaitingKind*>> levels_;
  std::vector<WaitingKind*> open_;  // what FairOrder's claims stand for
  std::vector<Reservation> reservations_;
  std::set<int> reserved_roots_;
  int node_reservations_ = 0;
  // By queue and class: the least -priority of what must borrow. Whatever is less important in the queue goes behind
  // it.
  std::vector<int> borrowers_;
  std::map<int, const WaitingKind*> strict_;  // by strict queue: who is first in line
  std::map<int, std::string> closed_;         // strict queues, and who is first in them
  // By WaitingKind::alike: who found no room, and when it would have ended. What keeps the more important one waiting
  // keeps the others too, unless they end sooner.
  std::unordered_map<int, std::pair<std::string, Instant>> blocked_;
  // Found no nodes, or (`delays`) none that would not delay others: so many pods and more, ending then and later.
  struct Unplaced {
    int pods = 0;
    Instant end;
    bool delays = false;
  };
  std::map<std::tuple<std::size_t, int, std::string>, std::vector<Unplaced>>
      unplaced_;  // shape, flavor, level required
  std::vector<Decision>* decisions_ = nullptr;
};

}  // namespace keelson::scheduling
