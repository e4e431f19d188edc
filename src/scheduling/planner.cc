#include "scheduling/planner.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "scheduling/planner_pass.h"

namespace keelson::scheduling {
namespace {

Status CheckCluster(const Cluster& cluster) {
  for (const Node& node : cluster.nodes) {
    if (node.pool < 0 || static_cast<std::size_t>(node.pool) >= cluster.pools.size()) {
      return Fail(ErrorCode::kInvalidArgument, fmt::format("node '{}' is in no pool", node.name), node.name);
    }
    if (node.gpus < 0 || node.gpus > kMostGpus) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("node '{}' has {} GPUs, not 0 to {}", node.name, node.gpus, kMostGpus), node.name);
    }
    if (node.domains.size() > cluster.levels.size()) {
      return Fail(ErrorCode::kInvalidArgument,
                  fmt::format("node '{}' stands in more domains than there are levels", node.name), node.name);
    }
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Planner>> Planner::Make(Cluster cluster, Queues queues, PlanPolicy policy) {
  KEELSON_RETURN_IF_ERROR(CheckCluster(cluster));
  const auto& names = PlacementPolicyNames();
  if (std::find(names.begin(), names.end(), policy.placement) == names.end()) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("there is no placement policy '{}'; there are {}", policy.placement, Join(names, ", ")));
  }
  KEELSON_ASSIGN_OR_RETURN(QuotaTree tree, QuotaTree::Build(queues));
  std::unique_ptr<Planner> planner(new Planner(std::move(cluster), std::move(queues), std::move(policy)));
  planner->pool_ = std::make_unique<Pool>(planner->cluster_, planner->queues_, std::move(tree),
                                          planner->policy_.placement, planner->policy_.assumed);
  return planner;
}

Status Planner::Check(const Workload& workload) const {
  if (backlog_.Find(workload.id) != nullptr || pool_->Find(workload.id) != nullptr) {
    return Fail(ErrorCode::kAlreadyExists, fmt::format("there is a workload '{}' already", workload.id), workload.id);
  }
  const Resources& request = workload.pod.request;
  if (std::min({request.cpu_milli, request.memory_bytes, workload.pod.disk_bytes}) < 0 || workload.pod.gpus < 0 ||
      workload.pod.gpu_milli < 0 || workload.pods < 1 || workload.least_pods < 0) {
    return Fail(ErrorCode::kInvalidArgument, "asks for less than nothing", workload.id);
  }
  if (workload.pod.gpus > 0 &&
      (workload.pod.gpu_milli == 0 || (workload.pod.gpus > 1 && workload.pod.gpu_milli < kWholeGpu))) {
    return Fail(ErrorCode::kInvalidArgument, "asks for nothing of a GPU, or for shares of several", workload.id);
  }
  const bool countable = std::max({request.cpu_milli, request.memory_bytes, workload.pod.disk_bytes}) <=
                         QuotaTree::kUnlimited / workload.pods;
  if (workload.pod.gpus > kMostGpus || workload.pod.gpu_milli > kWholeGpu || workload.pods > kMostSlots || !countable) {
    return Fail(ErrorCode::kResourceExhausted, "asks for more than there can be", workload.id);
  }
  // A gang that begins with fewer pods runs for so much longer.
  for (const auto& run_time : {workload.run_time, workload.run_time_high}) {
    if (!run_time || (*run_time >= Duration::zero() && *run_time <= Duration::max() / 4 / workload.pods)) continue;
    return Fail(ErrorCode::kInvalidArgument, "is expected to run for less than no time, or for longer than is counted",
                workload.id);
  }
  if (!workload.topology.level.empty() && FindLevel(cluster_, workload.topology.level) < 0) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("wishes to stand in one {}, and the topology has no such level", workload.topology.level),
                workload.id);
  }
  return {};
}

Result<Planner::Entry> Planner::EntryOf(const Workload& workload) {
  KEELSON_RETURN_IF_ERROR(Check(workload));
  const QuotaTree& tree = pool_->tree();
  const int queue = tree.FindQueue(workload.queue);
  if (queue < 0) return Fail(ErrorCode::kNotFound, fmt::format("there is no queue '{}'", workload.queue), workload.id);
  const Amounts amounts = workload.all(workload.least());
  const std::size_t shape = pool_->ShapeOf(workload.pod);
  const int level = workload.topology.required ? FindLevel(cluster_, workload.topology.level) : -1;
  std::vector<int> flavors;
  std::string quota;
  int room = 0;
  bool fits = false;
  for (const int flavor : tree.flavors_of(queue)) {
    if (!tree.CouldFit(queue, flavor, amounts)) {
      for (std::size_t r = 0; r < kResourceCount; ++r) {
        const auto resource = static_cast<Resource>(r);
        Amounts one;
        one[resource] = amounts[resource];
        const std::int64_t most = tree.Offers(queue, flavor, one) ? tree.Potential(queue, flavor, resource) : 0;
        if (amounts.of[r] > most) {
          quota = fmt::format("{} of flavor '{}'", FormatAmount(resource, most),
                              tree.flavor(static_cast<std::size_t>(flavor)));
        }
      }
      continue;
    }
    fits = true;
    const int here = pool_->has_nodes() ? pool_->Room(shape, flavor, level) : workload.pods;
    room = std::max(room, here);
    if (here >= workload.least()) flavors.push_back(flavor);
  }
  if (!fits) {
    return Fail(ErrorCode::kResourceExhausted,
                quota.empty() ? fmt::format("queue '{}' has no quota", workload.queue)
                              : fmt::format("asks for {}, and queue '{}' can never have more than {}",
                                            FormatAmounts(amounts), workload.queue, quota),
                workload.id);
  }
  if (flavors.empty()) {
    std::string why = room == 0 ? WhyImpossible(cluster_, workload.pod) : "";
    if (why.empty()) {
      why = fmt::format("asks for {} pods at once, and {} has room for {} of them, were it empty", workload.least(),
                        level >= 0 ? "no " + workload.topology.level : "the pool", room);
    }
    return Fail(ErrorCode::kResourceExhausted, why, workload.id);
  }
  return Entry{queue, shape, std::move(flavors)};
}

Status Planner::CouldRun(const Workload& workload) {
  KEELSON_RETURN_IF_ERROR(EntryOf(workload));
  return {};
}

Status Planner::Submit(Workload workload) {
  KEELSON_ASSIGN_OR_RETURN(const Entry entry, EntryOf(workload));
  const std::string id = workload.id;
  backlog_.Add(std::move(workload), entry.queue, entry.shape, entry.flavors);
  if (backlog_.Find(id)->first().id == id) memory_.Forget(pool_->tree().root(entry.queue));
  return {};
}

Status Planner::Adopt(Running running) {
  KEELSON_RETURN_IF_ERROR(Check(running.workload));
  const std::string id = running.workload.id;
  const int queue = pool_->tree().FindQueue(running.workload.queue);
  if (queue < 0) return Fail(ErrorCode::kNotFound, fmt::format("there is no queue '{}'", running.workload.queue), id);
  const int flavor = pool_->tree().FindFlavor(running.flavor);
  if (flavor < 0) return Fail(ErrorCode::kNotFound, fmt::format("there is no flavor '{}'", running.flavor), id);
  for (const PodPlace& place : running.places) {
    if (!pool_->has_nodes()) break;
    if (place.node < 0 || static_cast<std::size_t>(place.node) >= cluster_.nodes.size()) {
      return Fail(ErrorCode::kNotFound, fmt::format("there is no node {}", place.node), id);
    }
    const int gpus = cluster_.nodes[static_cast<std::size_t>(place.node)].gpus;
    if (std::any_of(place.gpus.begin(), place.gpus.end(), [gpus](int gpu) { return gpu < 0 || gpu >= gpus; })) {
      return Fail(ErrorCode::kNotFound,
                  fmt::format("node {} has {} GPUs, and it is said to have another", place.node, gpus), id);
    }
  }
  pool_->Put(std::move(running), queue, flavor, false);
  memory_.Forget(pool_->tree().root(queue));
  return {};
}

void Planner::Ended(const std::string& id) {
  if (const Held* held = pool_->Find(id)) {
    memory_.Forget(pool_->tree().root(held->queue));
    pool_->Take(id);
  }
  if (const WaitingKind* kind = backlog_.Find(id)) {
    if (kind->first().id == id) memory_.Forget(pool_->tree().root(kind->queue));
    backlog_.Take(id);
  }
}

Status Planner::CheckNode(int node) const {
  if (node >= 0 && static_cast<std::size_t>(node) < cluster_.nodes.size()) return {};
  return Fail(ErrorCode::kNotFound, fmt::format("there is no node {}", node));
}

Status Planner::CloseNode(int node, Instant stops) {
  KEELSON_RETURN_IF_ERROR(CheckNode(node));
  pool_->CloseNode(node, stops);
  memory_.ForgetAll();
  return {};
}

Status Planner::OpenNode(int node) {
  KEELSON_RETURN_IF_ERROR(CheckNode(node));
  pool_->OpenNode(node);
  memory_.ForgetAll();
  return {};
}

std::vector<Decision> Planner::Plan(Instant now) {
  std::vector<Decision> decisions;
  // Until nothing more happens: what starts late in a pass may change what was looked at before it.
  for (std::size_t before = decisions.size() + 1; before != decisions.size();) {
    before = decisions.size();
    while (!PlannerPass(*pool_, backlog_, queues_, policy_, memory_, now).Run(decisions)) {
    }
  }
  return decisions;
}

Result<PoolPlan> PlanPool(const PoolSnapshot& snapshot, Instant now, const PlanPolicy& policy) {
  KEELSON_ASSIGN_OR_RETURN(const auto planner, Planner::Make(snapshot.cluster, snapshot.queues, policy));
  for (const Running& running : snapshot.running) KEELSON_RETURN_IF_ERROR(planner->Adopt(running));
  for (const int node : snapshot.closed) KEELSON_RETURN_IF_ERROR(planner->CloseNode(node, Instant::max()));
  PoolPlan plan;
  for (const Workload& workload : snapshot.pending) {
    if (const Status status = planner->Submit(workload); !status) {
      plan.refused.emplace_back(workload.id, status.error().message);
    }
  }
  plan.decisions = planner->Plan(now);
  for (const auto& [key, kind] : planner->backlog().kinds()) {
    for (const auto& [place, workload] : kind.waiting) {
      plan.waiting.emplace_back(workload.id, planner->Why(workload.id).value_or(""));
    }
  }
  std::sort(plan.waiting.begin(), plan.waiting.end());
  return plan;
}

}  // namespace keelson::scheduling
