#pragma once

#include "control/job_queues.h"

namespace keelson::control {

// "default" has more than the machine; "small" a core, of a cohort of its own.
inline scheduling::Queues TestQueues() {
  scheduling::Queues queues;
  queues.flavors = {{"default", {}, ""}};
  for (const auto& [name, cores] : {std::pair{"default", 1'000}, std::pair{"small", 1}}) {
    scheduling::ClusterQueue queue;
    queue.name = name;
    scheduling::FlavorQuota quota{"default", {}};
    quota.of[static_cast<std::size_t>(scheduling::Resource::kCpu)] = scheduling::ResourceQuota{cores * 1'000, {}, {}};
    quota.of[static_cast<std::size_t>(scheduling::Resource::kMemory)] =
        scheduling::ResourceQuota{std::int64_t{1} << 40, {}, {}};
    queue.flavors = {quota};
    queues.cluster_queues.push_back(queue);
  }
  return queues;
}

}  // namespace keelson::control
