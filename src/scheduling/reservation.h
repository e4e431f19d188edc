#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "scheduling/backlog.h"
#include "scheduling/pool.h"

namespace keelson::scheduling {

// The instant and the room that are kept for a workload that cannot start yet. What would still run then may only use
// what it leaves.
struct Reservation {
  std::string id;
  int root = -1;  // of its queue's tree
  int flavor = -1;
  Instant at;
  std::string freed_by;                     // the last that has to end before
  std::vector<std::int64_t> usage;          // of the tree at that instant, itself included
  std::unordered_map<int, NodeState> left;  // what is free then on each node that it will have, itself included

  // How many pods, up to `most`, of one that asks for `each` the quotas leave; `tree` is unchanged.
  int QuotaLeaves(QuotaTree& tree, int queue, int flavor_of_it, const Amounts& each, int most) const;
  // Another that will still run at `at` has started: what it has is no longer left.
  void Use(QuotaTree& tree, int queue, int flavor_of_it, const Amounts& amounts);
  void Use(const PodShape& pod, const std::vector<PodPlace>& places);
};

// The level of the topology in one domain of which the kind must stand; -1: it need not.
int RequiredLevel(const Pool& pool, const WaitingKind& kind);

// How many pods of the kind each node would take now; -1 on nodes that it may not use: closed, of another flavor, with
// labels or taints that do not admit it, outside of the topology's level that it requires, kept by `before` for
// somebody else.
std::vector<int> SlotsFor(Pool& pool, const WaitingKind& kind, int flavor, const std::vector<Reservation>& before);

// The largest number of pods, up to `most`, that the queue's quota allows of the flavor.
int QuotaAllows(const QuotaTree& tree, int queue, int flavor, const Amounts& each, int most);

// The first instant, as things should end, at which the first of the kind has the quota and, with `nodes`, the nodes
// for its least number of pods, and what would be left then. Nodes that `before` keeps for others are not looked at.
// Nothing when that never comes.
std::optional<Reservation> Reserve(Pool& pool, const WaitingKind& kind, Instant now,
                                   const std::vector<Reservation>& before, bool nodes);

}  // namespace keelson::scheduling
