#include "scheduling/queue_lookup.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/strings.h"

namespace keelson::scheduling {
namespace {

constexpr std::int64_t kPlenty = std::int64_t{1} << 55;  // more than any pool has, of each resource

}  // namespace

void AddUnlimitedQueue(const std::string& queue, const std::string& flavor, Queues* queues) {
  queues->flavors.push_back({flavor, {}, ""});
  ClusterQueue made;
  made.name = queue;
  FlavorQuota quota{flavor, {}};
  for (auto& each : quota.of) each = ResourceQuota{kPlenty, {}, {}};
  made.flavors = {quota};
  queues->cluster_queues.push_back(made);
}

Result<std::string> FindClusterQueue(const Queues& queues, const std::string& name_space, const std::string& name) {
  for (const LocalQueue& local : queues.local_queues) {
    if (local.name_space == name_space && local.name == name) return local.cluster_queue;
  }
  if (std::ranges::find(queues.cluster_queues, name, &ClusterQueue::name) != queues.cluster_queues.end()) return name;
  std::vector<std::string> names;
  for (const LocalQueue& local : queues.local_queues) {
    if (local.name_space == name_space) names.push_back(local.name);
  }
  for (const ClusterQueue& each : queues.cluster_queues) names.push_back(each.name);
  return Fail(ErrorCode::kNotFound,
              fmt::format("there is no queue '{}' for project '{}'; there {} {}", name, name_space,
                          names.size() == 1 ? "is" : "are", names.empty() ? "none" : Join(names, ", ")));
}

}  // namespace keelson::scheduling
