#pragma once

#include <functional>
#include <string>
#include <vector>

#include "scheduling/backlog.h"
#include "scheduling/pool.h"
#include "scheduling/reservation.h"

namespace keelson::scheduling {

// Who may be told to stop for whom.
struct PreemptionRules {
  ReclaimWithinCohort reclaim = ReclaimWithinCohort::kNever;
  PreemptWithinQueue within_queue = PreemptWithinQueue::kNever;
  bool by_class = true;  // for nodes: less important classes, in whatever queue, for what is within its nominal quota
  // Whether it would stand behind the first of the kind if it had to wait again: only then it may be preempted.
  std::function<bool(const Held&)> stands_behind;
};

struct Victims {
  std::vector<std::string> ids;
  // That there are none follows from the tree of the kind's queue alone: from what runs and is reserved in it, not from
  // nodes nor from how much anybody would lose by now.
  bool by_tree_alone = false;
};

// Which whole gangs must stop so that the first of the kind can start with its least number of pods, once they and what
// is stopping already are gone, without delaying what has a reservation. Empty when nothing helps, or nothing is
// needed. Of the classes that may go the least important that suffice; of those no one too many; one or two where
// these are enough; and what loses least (LostWork), trials of lower rungs first.
//
// A workload is preempted by what is more important (by class, then priority), or by what its queue borrowed from, if
// that is of no less important a class: whoever reclaims stays within its nominal quota, and whoever is reclaimed from
// is beyond it. Since all of them would stand behind it in line, no two can preempt each other in turn.
Victims ChooseVictims(Pool& pool, const WaitingKind& kind, int flavor, const PreemptionRules& rules,
                      const std::vector<Reservation>& reservations, Instant now);

}  // namespace keelson::scheduling
