#pragma once

#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <vector>

#include "scheduling/cluster.h"

namespace keelson::kubernetes {

using SharedObject = std::shared_ptr<const nlohmann::json>;
using Objects = std::vector<SharedObject>;

// The nodes of a cluster that take pods, as the planner sees them.
struct NodeRoom {
  scheduling::Cluster cluster;
  std::map<std::string, int> index;  // of a node in cluster.nodes
};

// Nodes that are ready and not cordoned. `labels`: those that somebody selects by, the only ones that are told apart;
// nodes alike in these and in their taints are one pool. A node counts with at most scheduling::kMostGpus GPUs.
NodeRoom RoomOf(const Objects& nodes, const std::set<std::string>& labels);

// Whether a pod is on a node and has not ended: it uses what it asks for.
bool Occupies(const nlohmann::json& pod);
std::string NodeOf(const nlohmann::json& pod);

}  // namespace keelson::kubernetes
