#include "scheduling/cluster.h"

#include <fmt/format.h>

#include <algorithm>

#include "scheduling/amounts.h"

namespace keelson::scheduling {
namespace {

bool Tolerates(const PodShape& pod, const Taint& taint) {
  return std::any_of(pod.tolerations.begin(), pod.tolerations.end(), [&](const Toleration& each) {
    return (each.key.empty() || each.key == taint.key) && (!each.value || *each.value == taint.value);
  });
}

std::string ModelNames(const GpuModels& models, ModelSet set) {
  std::string text;
  for (std::size_t i = 0; i < models.names().size(); ++i) {
    if ((set >> i & 1) != 0) text += (text.empty() ? "" : " or ") + models.names()[i];
  }
  return text;
}

}  // namespace

std::optional<int> GpuModels::Add(std::string_view name) {
  if (const auto known = Find(name)) return known;
  if (names_.size() == kMost) return std::nullopt;
  names_.emplace_back(name);
  return static_cast<int>(names_.size()) - 1;
}

std::optional<int> GpuModels::Find(std::string_view name) const {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found == names_.end()) return std::nullopt;
  return static_cast<int>(found - names_.begin());
}

int NodeState::free_milli() const {
  int sum = 0;
  for (int i = 0; i < gpus; ++i) sum += gpu_free[static_cast<std::size_t>(i)];
  return sum;
}

int NodeState::whole_gpus() const {
  return static_cast<int>(std::count(gpu_free.begin(), gpu_free.begin() + gpus, kWholeGpu));
}

NodeState EmptyNode(const Node& node) {
  NodeState state;
  state.free = node.capacity;
  state.free_disk = node.disk_bytes;
  state.gpus = static_cast<std::int16_t>(node.gpus);
  state.model = static_cast<std::int16_t>(node.model);
  std::fill_n(state.gpu_free.begin(), node.gpus, static_cast<std::int16_t>(kWholeGpu));
  return state;
}

bool Admits(const NodePool& pool, const PodShape& pod) {
  for (const auto& [key, value] : pod.selector) {
    const auto label = pool.labels.find(key);
    if (label == pool.labels.end() || label->second != value) return false;
  }
  return std::all_of(pool.taints.begin(), pool.taints.end(), [&](const Taint& taint) { return Tolerates(pod, taint); });
}

bool Fits(const NodeState& node, const PodShape& pod) {
  if (!pod.request.FitsIn(node.free) || pod.disk_bytes > node.free_disk) return false;
  if (pod.gpus == 0) return true;
  if (node.model < 0 || (pod.models >> node.model & 1) == 0) return false;
  int room = 0;
  for (int i = 0; i < node.gpus; ++i) room += node.gpu_free[static_cast<std::size_t>(i)] >= pod.gpu_milli ? 1 : 0;
  return room >= pod.gpus;
}

int Slots(NodeState node, const PodShape& pod) {
  if (!Fits(node, pod)) return 0;
  if (pod.shares()) {
    int slots = 0;
    for (; Fits(node, pod); ++slots) Take(node, pod, BestFitGpu(node, pod));
    return slots;
  }
  std::int64_t slots = kMostSlots;
  const auto limit = [&slots](std::int64_t free, std::int64_t request) {
    if (request > 0) slots = std::min(slots, free / request);
  };
  limit(node.free.cpu_milli, pod.request.cpu_milli);
  limit(node.free.memory_bytes, pod.request.memory_bytes);
  limit(node.free_disk, pod.disk_bytes);
  limit(node.whole_gpus(), pod.gpus);
  return static_cast<int>(slots);
}

void Take(NodeState& node, const PodShape& pod, int gpu) {
  node.free -= pod.request;
  node.free_disk -= pod.disk_bytes;
  if (pod.shares()) {
    auto& free = node.gpu_free[static_cast<std::size_t>(gpu)];
    free = static_cast<std::int16_t>(free - pod.gpu_milli);
    return;
  }
  int wanted = pod.gpus;
  for (int i = 0; i < node.gpus && wanted > 0; ++i) {
    auto& free = node.gpu_free[static_cast<std::size_t>(i)];
    if (free != kWholeGpu) continue;
    free = 0;
    --wanted;
  }
}

void GiveBack(NodeState& node, const PodShape& pod, const std::vector<int>& gpus) {
  node.free += pod.request;
  node.free_disk += pod.disk_bytes;
  for (const int gpu : gpus) {
    auto& free = node.gpu_free[static_cast<std::size_t>(gpu)];
    free = static_cast<std::int16_t>(free + pod.gpu_milli);
  }
}

int BestFitGpu(const NodeState& node, const PodShape& pod) {
  int best = -1;
  for (int i = 0; i < node.gpus; ++i) {
    const int free = node.gpu_free[static_cast<std::size_t>(i)];
    if (free >= pod.gpu_milli && (best < 0 || free < node.gpu_free[static_cast<std::size_t>(best)])) best = i;
  }
  return best;
}

std::string WhyImpossible(const Cluster& cluster, const PodShape& pod) {
  bool admitted = false;
  bool model = false;
  Resources most;
  std::int64_t disk = 0;
  int gpus = 0;
  for (const Node& node : cluster.nodes) {
    if (!Admits(cluster.pools[static_cast<std::size_t>(node.pool)], pod)) continue;
    admitted = true;
    if (pod.gpus > 0 && (node.model < 0 || (pod.models >> node.model & 1) == 0)) continue;
    model = true;
    if (Fits(EmptyNode(node), pod)) return {};
    gpus = std::max(gpus, node.gpus);
    most = {std::max(most.cpu_milli, node.capacity.cpu_milli), std::max(most.memory_bytes, node.capacity.memory_bytes)};
    disk = std::max(disk, node.disk_bytes);
  }
  if (!admitted) return "no node has the labels that it selects and only taints that it tolerates";
  if (!model) {
    return pod.models == kAnyModel
               ? "no node that it may use has a GPU"
               : fmt::format("no node that it may use has a GPU of model {}", ModelNames(cluster.models, pod.models));
  }
  if (pod.gpus > gpus)
    return fmt::format("it asks for {} GPUs, and no node that it may use has more than {}", pod.gpus, gpus);
  if (!pod.request.FitsIn(most)) {
    return fmt::format("it asks for {}, and no node that it may use has more than {}", FormatResources(pod.request),
                       FormatResources(most));
  }
  if (pod.disk_bytes > disk) {
    return fmt::format("it asks for {}, and no node that it may use has more than {}",
                       FormatAmount(Resource::kDisk, pod.disk_bytes), FormatAmount(Resource::kDisk, disk));
  }
  return fmt::format("it asks for {} beside {} GPUs, and no one node that it may use has all of that",
                     FormatResources(pod.request), pod.gpus);
}

}  // namespace keelson::scheduling
