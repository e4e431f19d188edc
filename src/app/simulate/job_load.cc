#include "app/simulate/job_load.h"

#include <algorithm>

#include "app/simulate/machines.h"
#include "io/files.h"
#include "scheduling/queue_lookup.h"
#include "simulation/job_rows.h"
#include "wire/kueue/objects.h"

namespace keelson::app {
namespace {

constexpr const char* kDefault = "default";

// A queue and a flavor of this name that have all that the machines have.
void AddQueueOfAll(const char* name, simulation::QueuedLoad& load) {
  scheduling::Amounts all;
  for (const scheduling::Node& node : load.cluster.nodes) {
    all[scheduling::Resource::kCpu] += node.capacity.cpu_milli;
    all[scheduling::Resource::kMemory] += node.capacity.memory_bytes;
    all[scheduling::Resource::kGpu] += std::int64_t{scheduling::kWholeGpu} * node.gpus;
  }
  scheduling::FlavorQuota quota{name, {}};
  for (std::size_t r = 0; r < scheduling::kResourceCount; ++r) {
    quota.of[r] = scheduling::ResourceQuota{all.of[r], {}, {}};
  }
  scheduling::ClusterQueue queue;
  queue.name = name;
  queue.flavors = {quota};
  load.queues.flavors.push_back({name, {}, ""});
  load.queues.cluster_queues.push_back(queue);
}

// As the server does: a LocalQueue of the job's project, else the ClusterQueue of that name. What names neither is
// left as it is, and refused by name.
void FindQueues(simulation::QueuedLoad& load) {
  for (auto& [workload, run_time, name, project] : load.arrivals) {
    if (auto found = scheduling::FindClusterQueue(load.queues, project, workload.queue)) {
      workload.queue = *std::move(found);
    }
  }
}

}  // namespace

Result<simulation::QueuedLoad> ReadJobLoad(const std::string& path, const std::vector<std::string>& machines,
                                           const std::string& queues_path) {
  if (machines.empty() && queues_path.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "jobs need machines or queues to run in: --machines or --queues");
  }
  KEELSON_ASSIGN_OR_RETURN(const std::string text, io::ReadFile(path));
  KEELSON_ASSIGN_OR_RETURN(auto load, simulation::ReadJobRows(text, path));
  KEELSON_ASSIGN_OR_RETURN(load.cluster, ParseMachines(machines));
  if (queues_path.empty()) {
    AddQueueOfAll(kDefault, load);
    for (auto& arrival : load.arrivals) arrival.workload.queue = kDefault;
    return load;
  }
  KEELSON_ASSIGN_OR_RETURN(const std::string objects, io::ReadFile(queues_path));
  KEELSON_ASSIGN_OR_RETURN(load.queues, wire::kueue::ReadObjects(objects, queues_path));
  const auto named = [](const auto& each) { return each.name == kDefault; };
  if (!load.cluster.nodes.empty() && std::ranges::none_of(load.queues.cluster_queues, named) &&
      std::ranges::none_of(load.queues.flavors, named)) {
    AddQueueOfAll(kDefault, load);
  }
  FindQueues(load);
  return load;
}

}  // namespace keelson::app
