#pragma once

#include <optional>
#include <set>
#include <string>

#include "simulation/world.h"

namespace keelson::simulation {

// What must hold at every step, whatever fails. The checker keeps its own account of what was submitted and promoted,
// so that it does not trust the world's. Check gives the first broken invariant as a sentence that begins with its
// name:
//   "traffic", "lost job", "run twice", "limits", "rollback", "weights", "versions", "one rollout", "starved".
class Invariants {
 public:
  void Submitted(const std::string& job) { submitted_.insert(job); }
  void Refused(const std::string& job) { submitted_.erase(job); }
  std::optional<std::string> Check(const World& world);
  // At the end: nothing that was submitted before `since` still waits.
  std::optional<std::string> CheckEnd(const World& world, const std::set<std::string>& submitted_early) const;

 private:
  std::set<std::string> submitted_;
  std::size_t versions_ = 0;
};

}  // namespace keelson::simulation
