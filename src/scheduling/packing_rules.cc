#include "scheduling/packing_rules.h"

#include <cmath>

namespace keelson::scheduling {
namespace {

constexpr double kMostCpu = 128000;  // of a node, in the published simulator
constexpr double kMostGpu = 8000;

// Scores by nothing but what is free and what is asked.
class Rule : public PlacementPolicy {
 public:
  explicit Rule(double (*score)(const NodeState&, const PodShape&)) : score_(score) {}
  Offer Look(const NodeState& node, const PodShape& pod, int) override {
    return {static_cast<float>(score_(node, pod)), pod.shares() ? BestFitGpu(node, pod) : -1, 0};
  }

 private:
  double (*score_)(const NodeState&, const PodShape&);
};

double BestFit(const NodeState& node, const PodShape& pod) {
  const double cpu = static_cast<double>(node.free.cpu_milli - pod.request.cpu_milli) / kMostCpu;
  const double gpu = (node.free_milli() - pod.milli()) / kMostGpu;
  return std::trunc(100 * (1 - (cpu + gpu) / 2));
}

double DotProduct(const NodeState& node, const PodShape& pod) {
  const double cpu =
      static_cast<double>(node.free.cpu_milli) / kMostCpu * static_cast<double>(pod.request.cpu_milli) / kMostCpu;
  const double gpu = node.free_milli() / kMostGpu * pod.milli() / kMostGpu;
  return std::trunc(100 * (1 - (cpu + gpu) / 2));
}

class LeastAllocated : public PlacementPolicy {
 public:
  explicit LeastAllocated(const Cluster& cluster) : cluster_(cluster) {}
  Offer Look(const NodeState& node, const PodShape& pod, int index) override {
    const Resources& capacity = cluster_.nodes[static_cast<std::size_t>(index)].capacity;
    const auto percent = [](std::int64_t left, std::int64_t all) { return all <= 0 ? 0 : left * 100 / all; };
    const auto score = (percent(node.free.cpu_milli - pod.request.cpu_milli, capacity.cpu_milli) +
                        percent(node.free.memory_bytes - pod.request.memory_bytes, capacity.memory_bytes)) /
                       2;
    return {static_cast<float>(score), pod.shares() ? BestFitGpu(node, pod) : -1, 0};
  }

 private:
  const Cluster& cluster_;
};

}  // namespace

std::unique_ptr<PlacementPolicy> LeastAllocatedRule(const Cluster& cluster) {
  return std::make_unique<LeastAllocated>(cluster);
}
std::unique_ptr<PlacementPolicy> FirstFitRule() {
  return std::make_unique<Rule>([](const NodeState&, const PodShape&) { return 0.0; });
}
std::unique_ptr<PlacementPolicy> BestFitRule() {
  return std::make_unique<Rule>(BestFit);
}
std::unique_ptr<PlacementPolicy> DotProductRule() {
  return std::make_unique<Rule>(DotProduct);
}

}  // namespace keelson::scheduling
