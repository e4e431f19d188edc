#include "scheduling/workload.h"

#include <algorithm>

namespace keelson::scheduling {

Amounts Workload::each() const {
  Amounts amounts;
  amounts[Resource::kCpu] = pod.request.cpu_milli;
  amounts[Resource::kMemory] = pod.request.memory_bytes;
  amounts[Resource::kDisk] = pod.disk_bytes;
  amounts[Resource::kGpu] = pod.milli();
  return amounts;
}

Amounts Workload::all(int count) const {
  Amounts amounts = each();
  for (std::int64_t& each : amounts.of) each *= count;
  return amounts;
}

double LostWork(const Running& running, Instant now) {
  const Workload& workload = running.workload;
  Instant kept = running.started;
  if (workload.checkpoints_when_told) {
    kept = now;
  } else if (running.checkpointed) {
    kept = std::max(kept, *running.checkpointed);
  } else if (workload.checkpoint_interval > Duration::zero()) {  // nobody told of one: it keeps to its interval
    kept += (now - running.started) / workload.checkpoint_interval * workload.checkpoint_interval;
  }
  const Duration lost = std::max(Duration::zero(), now - kept) + workload.restart;
  const auto pods = static_cast<double>(std::max<std::size_t>(1, running.places.size()));
  return std::chrono::duration<double>(lost).count() * pods * (1 + workload.times_preempted);
}

}  // namespace keelson::scheduling
