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
#include "scheduling/planner_memory.h"

namespace keelson::scheduling {

// One look at all that waits, for Planner::Plan. Of the trees that the memory knows only the live kinds are looked at;
// what comes of it is the same as if all had been.
class PlannerPass {
 public:
  PlannerPass(Pool& pool, Backlog& backlog, const Queues& queues, const PlanPolicy& policy, PlannerMemory& memory,
              Instant now)
      : pool_(pool),
        backlog_(backlog),
        queues_(queues),
        policy_(policy),
        memory_(memory),
        now_(now),
        order_(pool.tree()),
        known_(pool.tree().size(), nullptr),
        borrowers_(pool.tree().size() * kRanks, std::numeric_limits<int>::max()) {}

  // Appends what was decided, and has done it to the pool and the backlog; what came of the trees in which nothing was
  // decided is in the memory. False: one that the memory knew came to something else. Then it is forgotten, and nothing
  // was decided: another pass will see all of it.
  bool Run(std::vector<Decision>& decisions);

 private:
  using Level = PlanLevel;
  static constexpr int kRanks = 5;
  bool Borrows(const WaitingKind& kind) const;
  Level LevelOf(const WaitingKind& kind);
  void AddTree(int root);
  void FindFirstOfStrictQueues();
  bool StandsBehind(const Held& held, const WaitingKind& kind) const;
  std::optional<Instant> OverdueFrom(const Workload& workload) const;
  bool Overdue(const Workload& workload) const;
  void RunLevel(const Level& level, const std::vector<WaitingKind*>& kinds);
  bool Look(WaitingKind& kind, const Level& level);
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

  const TreeMemory* Known(int root) const { return known_[static_cast<std::size_t>(root)]; }
  void Touch(int root);
  void KeepReservation(const Reservation& reservation);
  void Remember(int root);
  void TakeAllBack();

  Pool& pool_;
  Backlog& backlog_;
  const Queues& queues_;
  const PlanPolicy& policy_;
  PlannerMemory& memory_;
  Instant now_;
  FairOrder order_;
  std::vector<int> looked_at_;            // roots of the trees of which all is looked at
  std::vector<const TreeMemory*> known_;  // by root: of the others
  std::set<int> touched_;                 // roots of the trees in which something was decided
  std::set<int> changed_;                 // roots of trees that came to something else than was known
  std::optional<std::pair<WorkloadClass, int>> least_running_;  // LeastRunning at the beginning
  bool least_changed_ = false;                                  // meanwhile
  std::set<const WaitingKind*> passed_over_;                    // when they were last looked at: of the known trees
  std::map<Level, std::vector<WaitingKind*>> levels_;
  std::vector<WaitingKind*> open_;  // what FairOrder's claims stand for
  std::vector<Reservation> reservations_;
  std::map<int, TreeMemory::Reserved> reserved_;  // by root
  int node_reservations_ = 0;
  // By queue and class: the least -priority of what must borrow. Whatever is less important in the queue goes behind
  // it.
  std::vector<int> borrowers_;
  std::map<int, const WaitingKind*> strict_;  // by strict queue: who is first in line
  std::map<int, std::string> closed_;         // strict queues, and who is first in them
  // By WaitingKind::alike: who found no room, and when it would have ended. What keeps the more important one waiting
  // keeps the others too, unless they end sooner.
  struct Blocked {
    std::string id;
    Instant end;
    TreeMemory::Live as;
  };
  std::unordered_map<int, Blocked> blocked_;
  // Found no nodes, or (`delays`) none that would not delay others: so many pods and more, ending then and later.
  struct Unplaced {
    int pods = 0;
    Instant end;
    bool delays = false;
  };
  std::map<std::tuple<std::size_t, int, std::string>, std::vector<Unplaced>>
      unplaced_;                                       // shape, flavor, level required
  Level looked_at_from_;                               // of what is being looked at
  bool beyond_tree_ = false;                           // it has looked at more than its tree (TreeMemory)
  std::map<int, std::vector<TreeMemory::Live>> live_;  // by root
  struct Done {
    Decision decision;
    std::vector<int> flavors;  // of what started
  };
  std::vector<Done> done_;
};

}  // namespace keelson::scheduling
