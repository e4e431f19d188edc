#pragma once

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "scheduling/backlog.h"
#include "scheduling/pool.h"

namespace keelson::scheduling {

// Where a kind stands in line; the more important the less: the class, with ageing between inference and training; then
// whether it must borrow, since whoever is within his quota could take it back at once; then -priority.
using PlanLevel = std::tuple<int, bool, int>;

// What a look at one tree of cohorts came to, in which nothing started and nobody was told to stop. While the tree is
// as it was (nothing in it ended or came to run, and in each of its kinds the same one is first), another look can come
// to something else only
// - by kinds that depend on more than the tree: on nodes, on a search's trials, on how much is lost by now (`live`);
// - when its reservation is another one;
// - as time goes on, at `until` or when the reservation's instant passes what others would end at.
// So only the live kinds need be looked at again, and the rest need not while these come to the same.
struct TreeMemory {
  struct Live {
    WaitingKind* kind = nullptr;
    PlanLevel level;
    bool passed_over = false;  // its queue is held or closed, or its search has its number: it stood in nobody's way
  };
  // Of the most important that waits; what the others may use follows from it.
  struct Reserved {
    std::string id;
    int flavor = -1;
    std::vector<std::int64_t> usage;  // Reservation::usage when it was made
    Duration ahead{};                 // from that look to its instant
  };
  std::vector<Live> live;
  std::optional<Reserved> reserved;
  // How far ahead its instant may lie so that the same kinds as then would have ended by it.
  Duration at_least = Duration::min();
  Duration less_than = Duration::max();
  Instant since;
  Instant until;  // when the first of it will have waited too long
  // The least important that ran anywhere and could be preempted, on which MayPreempt depends.
  std::optional<std::pair<WorkloadClass, int>> least_running;
};

// The trees of which that is known, by their root in the quota tree.
class PlannerMemory {
 public:
  void Forget(int root) { trees_.erase(root); }
  void ForgetAll() { trees_.clear(); }
  void Remember(int root, TreeMemory memory) { trees_.insert_or_assign(root, std::move(memory)); }
  // What still holds; null when the whole tree must be looked at.
  const TreeMemory* Find(int root, const Pool& pool, Instant now) const;

 private:
  std::map<int, TreeMemory> trees_;
};

// The class and -priority of the least important that runs, is preemptible and was not told to stop.
std::optional<std::pair<WorkloadClass, int>> LeastRunning(const Pool& pool);

}  // namespace keelson::scheduling
