#include "scheduling/planner_memory.h"

namespace keelson::scheduling {

std::optional<std::pair<WorkloadClass, int>> LeastRunning(const Pool& pool) {
  const Pool::Counts& counts = pool.CountsOf(-1);
  if (counts.empty()) return std::nullopt;
  return counts.rbegin()->first;
}

const TreeMemory* PlannerMemory::Find(int root, const Pool& pool, Instant now) const {
  const auto found = trees_.find(root);
  if (found == trees_.end()) return nullptr;
  const TreeMemory& memory = found->second;
  const bool holds = memory.since <= now && now < memory.until && memory.least_running == LeastRunning(pool);
  return holds ? &memory : nullptr;
}

}  // namespace keelson::scheduling
