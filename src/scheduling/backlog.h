#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <ranges>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "scheduling/workload.h"

namespace keelson::scheduling {

// Why the first of a kind did not start when it was last looked at.
struct Cause {
  enum class Kind {
    kNew,          // nobody has looked yet
    kHeld,         // its queue starts nothing
    kSearch,       // its search has as many trials running as it may
    kBehind,       // `other` is before it in the queue, which is strict, or asks for the same
    kQuota,        // the quota is used
    kNodes,        // no nodes have room for all its pods
    kReservation,  // there is room, and it would delay `other`
  } kind = Kind::kNew;
  std::string other;
  std::string flavor;
  std::optional<Instant> expected;  // when it should start
  std::string freed_by;             // what has to end for that, of what runs: the last of it
};

// Workloads that wait and differ in nothing that a decision looks at but who came first: only the first need be looked
// at, and what keeps it waiting keeps them all.
struct WaitingKind {
  int queue = -1;
  std::size_t shape = 0;
  Amounts each;              // of one pod
  std::vector<int> flavors;  // that could run it, in the queue's order
  int alike = 0;             // kinds with the same number ask for the same in the same queue
  std::map<std::pair<Instant, std::string>, Workload> waiting;
  Cause cause;

  const Workload& first() const { return waiting.begin()->second; }
  Amounts all(int pods) const;
};

// All that waits, by kind.
class Backlog {
 public:
  using Key = std::tuple<int, WorkloadClass, int, std::size_t, int, int, std::string, bool, std::int64_t, std::int64_t,
                         std::string, int, int>;

  // `flavors` is asked only for the first of its kind.
  void Add(Workload workload, int queue, std::size_t shape, const std::vector<int>& flavors);
  // Takes it out; nothing when it is not there.
  std::optional<Workload> Take(const std::string& id);
  const WaitingKind* Find(const std::string& id) const;
  const Workload* FindWorkload(const std::string& id) const;
  std::map<Key, WaitingKind>& kinds() { return kinds_; }
  const std::map<Key, WaitingKind>& kinds() const { return kinds_; }
  // Those of the queues from `begin` up to `end`.
  std::ranges::subrange<std::map<Key, WaitingKind>::iterator> KindsOf(int begin, int end);
  std::size_t size() const { return places_.size(); }
  std::size_t alikes() const { return alikes_.size(); }  // different numbers WaitingKind::alike

 private:
  // What a kind asks for, and in which queue.
  using Asked = std::tuple<int, std::size_t, int, int, std::string, bool, std::string>;
  struct Alike {
    int number = 0;
    int kinds = 0;  // that have it
  };
  static Asked AskedBy(const Key& key);

  std::map<Key, WaitingKind> kinds_;
  std::unordered_map<std::string, std::pair<Key, Instant>> places_;
  std::map<Asked, Alike> alikes_;
  int next_alike_ = 0;
};

}  // namespace keelson::scheduling
