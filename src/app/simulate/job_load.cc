#include "app/simulate/job_load.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/simulate/machines.h"
#include "app/simulate/what_if.h"
#include "io/files.h"
#include "project/price_file.h"
#include "scheduling/queue_lookup.h"
#include "simulation/job_rows.h"
#include "wire/kueue/objects.h"

namespace keelson::app {
namespace {

// The built-in prices, and over them those of the file; "": none.
Result<project::Pricing> ReadPricing(const std::string& path) {
  if (path.empty()) return project::WithBuiltIn({});
  KEELSON_ASSIGN_OR_RETURN(const std::string text, io::ReadFile(path));
  KEELSON_ASSIGN_OR_RETURN(project::Pricing own, project::ReadPrices(text, path));
  return project::WithBuiltIn(std::move(own));
}

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

Result<JobLoad> JobLoad::Read(const Files& files, const std::vector<std::string>& machines) {
  if (machines.empty() && files.queues.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "jobs need machines or queues to run in: --machines or --queues");
  }
  JobLoad load;
  KEELSON_ASSIGN_OR_RETURN(const project::Pricing pricing, ReadPricing(files.prices));
  KEELSON_ASSIGN_OR_RETURN(load.fleet_, ParseMachines(machines, pricing.table));
  if (!files.queues.empty()) {
    KEELSON_ASSIGN_OR_RETURN(const std::string objects, io::ReadFile(files.queues));
    KEELSON_ASSIGN_OR_RETURN(load.queues_, wire::kueue::ReadObjects(objects, files.queues));
  }
  KEELSON_ASSIGN_OR_RETURN(const std::string text, io::ReadFile(files.jobs));
  KEELSON_ASSIGN_OR_RETURN(load.jobs_, simulation::ReadJobRows(text, files.jobs));
  return load;
}

Result<simulation::QueuedLoad> JobLoad::With(const std::string& what_if) const {
  simulation::QueuedLoad load = jobs_;
  load.fleet = fleet_;
  load.queues = queues_.value_or(scheduling::Queues{});
  if (!what_if.empty()) KEELSON_RETURN_IF_ERROR(ApplyWhatIf(what_if, load.fleet, load.queues));
  load.cluster = simulation::ClusterOf(load.fleet);
  if (load.cluster.nodes.empty() && !load.fleet.pools.empty())
    return Fail(ErrorCode::kInvalidArgument, fmt::format("what if '{}': no machine is left", what_if));
  const auto named = [](const auto& each) { return each.name == kDefault; };
  const bool declared =
      std::ranges::any_of(load.queues.cluster_queues, named) || std::ranges::any_of(load.queues.flavors, named);
  if (!load.cluster.nodes.empty() && !declared) AddQueueOfAll(kDefault, load);
  if (queues_) {
    FindQueues(load);
  } else {
    for (auto& arrival : load.arrivals) arrival.workload.queue = kDefault;
  }
  return load;
}

}  // namespace keelson::app
