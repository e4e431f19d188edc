#include "simulation/packing.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/random.h"
#include "base/strings.h"
#include "scheduling/fragmentation.h"
#include "scheduling/placement.h"

namespace keelson::simulation {
namespace {

using scheduling::Cluster;
using scheduling::kWholeGpu;
using scheduling::PodShape;

constexpr double kMostPods = 20e6;

template <typename T>
void Shuffle(std::vector<T>& values, Random& random) {
  for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[random.Below(i)]);
}

// The shapes of the pods in the order in which they arrive.
std::vector<std::uint32_t> Arrivals(const PodTrace& trace, double demand_limit, Random& random) {
  std::vector<std::uint32_t> pods;
  pods.reserve(trace.pods.size());
  double demand = 0;
  for (const TracePod& pod : trace.pods) pods.push_back(static_cast<std::uint32_t>(pod.shape));
  Shuffle(pods, random);
  const auto milli = [&](std::uint32_t shape) { return trace.mix.shapes[shape].milli(); };
  for (const std::uint32_t pod : pods) demand += milli(pod);
  while (demand > demand_limit && !pods.empty()) {
    demand -= milli(pods.back());
    pods.pop_back();
  }
  if (pods.size() < trace.pods.size()) return pods;
  while (true) {  // as published: the first that goes over the limit ends it, several GPUs counting as one
    const auto shape = static_cast<std::uint32_t>(trace.pods[random.Below(trace.pods.size())].shape);
    const PodShape& pod = trace.mix.shapes[shape];
    if (demand + (pod.gpus > 0 ? pod.gpu_milli : 0) > demand_limit) return pods;
    demand += pod.milli();
    pods.push_back(shape);
  }
}

void Count(const PodShape& pod, FailedPods& failed) {
  if (pod.gpus == 0) {
    ++failed.without_gpu;
  } else if (pod.shares()) {
    ++failed.share;
  } else if (pod.gpus == 1) {
    ++failed.one_gpu;
  } else {
    ++failed.several_gpus;
  }
}

}  // namespace

Result<PackingReport> SimulatePacking(const Cluster& given, const PodTrace& trace, const PackingOptions& options) {
  Cluster cluster = given;
  Random random(options.seed);
  Shuffle(cluster.nodes, random);
  double capacity = 0;
  for (const scheduling::Node& node : cluster.nodes) capacity += node.gpus * double{kWholeGpu};
  double per_pod = 0;
  for (std::size_t i = 0; i < trace.mix.shapes.size(); ++i) {
    per_pod += trace.mix.frequency[i] * trace.mix.shapes[i].milli();
  }
  if (capacity <= 0) return Fail(ErrorCode::kInvalidArgument, "the cluster has no GPU");
  if (per_pod <= 0) return Fail(ErrorCode::kInvalidArgument, "no pod of the workload asks for a GPU", trace.file);
  if (!(options.arrive > 0) || options.arrive * capacity / per_pod > kMostPods) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{} times all GPUs is not a load of one to 20 million pods", options.arrive));
  }
  auto policy = scheduling::MakePlacementPolicy(options.policy, cluster, trace.mix);
  if (policy == nullptr) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("there is no policy '{}'; there are {}", options.policy,
                                                         Join(scheduling::PlacementPolicyNames(), ", ")));
  }
  scheduling::Placer placer(cluster, trace.mix.shapes, std::move(policy));
  const scheduling::Fragmentation fragmentation(trace.mix);
  std::vector<double> fragmented;
  double all_fragmented = 0;
  for (const scheduling::NodeState& node : placer.nodes()) {
    fragmented.push_back(fragmentation.Amount(node));
    all_fragmented += fragmented.back();
  }

  PackingReport report;
  double arrived = 0;
  double allocated = 0;
  const auto point = [&] {
    report.points.push_back({100 * arrived / capacity, 100 * allocated / capacity, 100 * all_fragmented / capacity});
  };
  for (const std::uint32_t shape : Arrivals(trace, options.arrive * capacity, random)) {
    const PodShape& pod = trace.mix.shapes[shape];
    ++report.pods;
    arrived += pod.milli();
    if (const auto placement = placer.Find(shape)) {
      placer.Put(shape, *placement);
      allocated += pod.milli();
      const auto node = static_cast<std::size_t>(placement->node);
      all_fragmented -= fragmented[node];
      fragmented[node] = fragmentation.Amount(placer.nodes()[node]);
      all_fragmented += fragmented[node];
    } else {
      Count(pod, report.failed);
    }
    const double percents = 100 * arrived / capacity;
    if (percents >= static_cast<double>(report.points.size() + 1)) point();
  }
  point();
  return report;
}

}  // namespace keelson::simulation
