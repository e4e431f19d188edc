#include "simulation/trace.h"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <tuple>

namespace keelson::simulation {

std::size_t TraceBuilder::Hash::operator()(const scheduling::PodShape& shape) const {
  std::uint64_t hash = 0;
  for (const std::uint64_t each :
       {static_cast<std::uint64_t>(shape.request.cpu_milli), static_cast<std::uint64_t>(shape.request.memory_bytes),
        static_cast<std::uint64_t>(shape.gpus), static_cast<std::uint64_t>(shape.gpu_milli), shape.models}) {
    hash = (hash ^ each) * 0x9E3779B97F4A7C15U;
    hash ^= hash >> 32;
  }
  return hash;
}

void TraceBuilder::Add(const scheduling::PodShape& shape, std::size_t line) {
  const auto [entry, fresh] = numbers_.try_emplace(shape, counts_.size());
  if (fresh) counts_.push_back(0);
  ++counts_[entry->second];
  trace_.pods.push_back({entry->second, line});
}

PodTrace TraceBuilder::Take() {
  std::vector<std::size_t> order(counts_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return counts_[a] > counts_[b]; });
  std::vector<std::size_t> place(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) place[order[i]] = i;
  trace_.mix.shapes.resize(order.size());
  trace_.mix.frequency.resize(order.size());
  for (auto& [shape, number] : numbers_) {
    trace_.mix.shapes[place[number]] = shape;
    trace_.mix.frequency[place[number]] =
        static_cast<double>(counts_[number]) / static_cast<double>(trace_.pods.size());
  }
  for (TracePod& pod : trace_.pods) pod.shape = place[pod.shape];
  numbers_.clear();
  counts_.clear();
  return std::move(trace_);
}

std::vector<ImpossibleShape> FindImpossible(const PodTrace& trace, const scheduling::Cluster& cluster) {
  scheduling::Cluster kinds = cluster;  // one node of each kind is enough to ask
  const auto kind = [](const scheduling::Node& node) {
    return std::tuple(node.capacity.cpu_milli, node.capacity.memory_bytes, node.gpus, node.model, node.pool);
  };
  std::sort(kinds.nodes.begin(), kinds.nodes.end(), [&](const auto& a, const auto& b) { return kind(a) < kind(b); });
  const auto end = std::unique(kinds.nodes.begin(), kinds.nodes.end(),
                               [&](const auto& a, const auto& b) { return kind(a) == kind(b); });
  kinds.nodes.erase(end, kinds.nodes.end());

  std::vector<ImpossibleShape> impossible;
  std::vector<std::size_t> place(trace.mix.shapes.size(), 0);  // in `impossible`, from 1
  for (std::size_t i = 0; i < trace.mix.shapes.size(); ++i) {
    std::string reason = scheduling::WhyImpossible(kinds, trace.mix.shapes[i]);
    if (reason.empty()) continue;
    impossible.push_back({i, 0, 0, std::move(reason)});
    place[i] = impossible.size();
  }
  for (const TracePod& pod : trace.pods) {
    if (place[pod.shape] == 0) continue;
    ImpossibleShape& each = impossible[place[pod.shape] - 1];
    if (each.pods++ == 0) each.line = pod.line;
  }
  std::sort(impossible.begin(), impossible.end(), [](const auto& a, const auto& b) { return a.line < b.line; });
  return impossible;
}

}  // namespace keelson::simulation
