#pragma once

#include <string>
#include <vector>

#include "kubernetes/objects/metadata.h"

namespace keelson::kubernetes {

// How a cloud's nodes are made: an object of its own Karpenter, such as an EC2NodeClass.
struct NodeClass {
  std::string group;
  std::string kind;
  std::string name;
};

// "karpenter.k8s.aws/EC2NodeClass/default"; kInvalidArgument for what is not three parts.
Result<NodeClass> ParseNodeClass(const std::string& text);

// The most that all nodes of a pool may have together.
struct PoolLimits {
  int cores = 256;
  int gpus = 16;  // of the pool with GPUs
};

// Two NodePools of Karpenter (karpenter.sh/v1) for the pods of projects: one of nodes without GPUs, one of nodes with
// them, which are tainted so that nothing else lands on them. Spot nodes are taken first, for Karpenter takes the
// cheapest that both pools allow, and on-demand ones where there are none. A tenth of the nodes may be taken down at a
// time to make the pool smaller, and none with a training on it, whose pods say so (StepJob).
std::vector<Json> NodePools(const std::string& version, const NodeClass& node_class, const PoolLimits& limits);

}  // namespace keelson::kubernetes
