#include "kubernetes/operator/node_room.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "kubernetes/client/api_client.h"
#include "kubernetes/operator/member.h"
#include "kubernetes/operator/pod_claim.h"
#include "kubernetes/operator/quantity.h"

namespace keelson::kubernetes {
namespace {

using nlohmann::json;

bool TakesPods(const json& node) {
  if (node.at("metadata").contains("deletionTimestamp")) return false;
  return Member(node, {"spec", "unschedulable"}) != true && ConditionStatus(node, "Ready") == "True";
}

scheduling::NodePool PoolOf(const json& node, const std::set<std::string>& labels) {
  scheduling::NodePool pool;
  for (const auto& [key, value] : Member(node, {"metadata", "labels"}).items()) {
    if (labels.contains(key) && value.is_string()) pool.labels[key] = value;
  }
  for (const json& taint : Member(node, {"spec", "taints"})) {
    if (taint.value("effect", "") == "PreferNoSchedule") continue;
    pool.taints.push_back({taint.value("key", ""), taint.value("value", "")});
  }
  return pool;
}

int NumberOf(scheduling::NodePool pool, std::vector<scheduling::NodePool>* pools) {
  const auto same = [&](const scheduling::NodePool& other) {
    return other.labels == pool.labels && other.taints == pool.taints;
  };
  auto found = std::ranges::find_if(*pools, same);
  if (found == pools->end()) {
    pool.name = "pool-" + std::to_string(pools->size());
    found = pools->insert(pools->end(), std::move(pool));
  }
  return static_cast<int>(found - pools->begin());
}

scheduling::Node NodeWith(const json& node, const json& allocatable, scheduling::Cluster* cluster) {
  scheduling::Node made;
  made.name = NameOf(node);
  made.capacity = {.cpu_milli = QuantityOf(allocatable, "cpu", 1'000),
                   .memory_bytes = QuantityOf(allocatable, "memory", 1)};
  made.disk_bytes = QuantityOf(allocatable, "ephemeral-storage", 1);
  made.gpus = static_cast<int>(std::min<std::int64_t>(QuantityOf(allocatable, kGpuResource, 1), scheduling::kMostGpus));
  if (made.gpus > 0) {
    made.model = cluster->models.Add(TextAt(node, {"metadata", "labels", kGpuProductLabel})).value_or(-1);
  }
  return made;
}

}  // namespace

std::string NodeOf(const json& pod) {
  return TextAt(pod, {"spec", "nodeName"});
}

bool Occupies(const json& pod) {
  const std::string phase = TextAt(pod, {"status", "phase"});
  return !NodeOf(pod).empty() && phase != "Succeeded" && phase != "Failed";
}

NodeRoom RoomOf(const Objects& nodes, const std::set<std::string>& labels) {
  NodeRoom room;
  room.cluster.pools.clear();
  for (const SharedObject& node : nodes) {
    if (!TakesPods(*node)) continue;
    scheduling::Node made = NodeWith(*node, Member(*node, {"status", "allocatable"}), &room.cluster);
    made.pool = NumberOf(PoolOf(*node, labels), &room.cluster.pools);
    room.index.emplace(made.name, static_cast<int>(room.cluster.nodes.size()));
    room.cluster.nodes.push_back(std::move(made));
  }
  if (room.cluster.pools.empty()) room.cluster.pools.resize(1);
  return room;
}

}  // namespace keelson::kubernetes
