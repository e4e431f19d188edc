#include "scheduling/expected_fit.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "scheduling/fit_value.h"
#include "scheduling/room_prices.h"

namespace keelson::scheduling {
namespace {

constexpr double kScarcity = 0.2;             // of a GPU, for using one on a node of mean scarcity
constexpr std::size_t kScarcityShapes = 512;  // the first of the mix

// How much the mix depends on each node: the demand of every shape that fits on it, each shared among all GPUs that it
// could use; the mean over all GPUs is 1.
std::vector<float> Scarcity(const Cluster& cluster, const Mix& mix) {
  using Kind = std::tuple<std::int64_t, std::int64_t, int, int, int>;
  std::map<Kind, std::vector<std::size_t>> kinds;
  double all_gpus = 0;
  for (std::size_t i = 0; i < cluster.nodes.size(); ++i) {
    const Node& node = cluster.nodes[i];
    kinds[{node.capacity.cpu_milli, node.capacity.memory_bytes, node.gpus, node.model, node.pool}].push_back(i);
    all_gpus += node.gpus;
  }
  std::vector<double> scarcity(kinds.size(), 0);
  for (std::size_t shape = 0; shape < std::min(mix.shapes.size(), kScarcityShapes); ++shape) {
    const PodShape& pod = mix.shapes[shape];
    if (pod.gpus == 0) continue;
    std::vector<std::size_t> usable;
    double gpus = 0;
    std::size_t kind = 0;
    for (const auto& [key, nodes] : kinds) {
      const Node& node = cluster.nodes[nodes.front()];
      if (Fits(EmptyNode(node), pod) && Admits(cluster.pools[static_cast<std::size_t>(node.pool)], pod)) {
        usable.push_back(kind);
        gpus += node.gpus * static_cast<double>(nodes.size());
      }
      ++kind;
    }
    for (const std::size_t each : usable) scarcity[each] += mix.frequency[shape] * pod.milli() / gpus;
  }
  std::vector<float> by_node(cluster.nodes.size(), 0);
  double mean = 0;
  std::size_t kind = 0;
  for (const auto& [key, nodes] : kinds) {
    const double each = scarcity[kind++];
    for (const std::size_t node : nodes) {
      by_node[node] = static_cast<float>(each);
      mean += each * cluster.nodes[node].gpus / std::max(all_gpus, 1.0);
    }
  }
  for (float& each : by_node) each = mean > 0 ? static_cast<float>(each / mean) : 0;
  return by_node;
}

class ExpectedFit : public PlacementPolicy {
 public:
  ExpectedFit(const Cluster& cluster, const Mix& mix)
      : value_(cluster, mix), prices_(cluster, mix), scarcity_(Scarcity(cluster, mix)), before_(scarcity_.size(), -1) {}

  Offer Look(const NodeState& node, const PodShape& pod, int index) override {
    const auto at = static_cast<std::size_t>(index);
    if (before_[at] < 0) before_[at] = value_.Of(node);
    const float own = static_cast<float>(pod.milli()) * static_cast<float>(1 - kScarcity * scarcity_[at]) - before_[at];
    Offer best;
    NodeState then = node;
    if (pod.shares()) {
      for (int gpu = 0; gpu < node.gpus; ++gpu) {
        const std::int16_t free = node.gpu_free[static_cast<std::size_t>(gpu)];
        const auto end = node.gpu_free.begin() + gpu;
        if (free < pod.gpu_milli || std::find(node.gpu_free.begin(), end, free) != end) continue;
        NodeState after = node;
        Take(after, pod, gpu);
        const float score = value_.Of(after) + own;
        if (best.gpu >= 0 && score <= best.score) continue;
        best = {score, gpu, 0};
        then = after;
      }
    } else {
      Take(then, pod, -1);
      best.score = value_.Of(then) + own;
    }
    best.takes = prices_.Lost(index, then);
    return best;
  }

  float Price(std::uint64_t takes) const override { return prices_.Of(takes); }

  void Changed(const NodeState& before, const NodeState& after, int index) override {
    before_[static_cast<std::size_t>(index)] = -1;
    prices_.Changed(index, before, after);
  }

 private:
  FitValue value_;
  RoomPrices prices_;
  std::vector<float> scarcity_;  // by node
  std::vector<float> before_;    // the value of each node as it is; -1 when it is not known
};

}  // namespace

std::unique_ptr<PlacementPolicy> ExpectedFitPolicy(const Cluster& cluster, const Mix& mix) {
  return std::make_unique<ExpectedFit>(cluster, mix);
}

}  // namespace keelson::scheduling
