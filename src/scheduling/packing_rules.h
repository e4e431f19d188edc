#pragma once

#include <memory>

#include "scheduling/placement.h"

namespace keelson::scheduling {

// The rules that users have today, to compare with. A share lies on the GPU with the least room that has enough.

// Kubernetes' default, NodeResourcesFit with LeastAllocated: the mean of the free parts of CPU and memory, in whole
// percents; GPUs do not count.
std::unique_ptr<PlacementPolicy> LeastAllocatedRule(const Cluster& cluster);  // refers to it
// The first node that fits.
std::unique_ptr<PlacementPolicy> FirstFitRule();
// The least left over of CPU and GPU, each as a part of the largest node, as in the simulator published with FGD.
std::unique_ptr<PlacementPolicy> BestFitRule();
// The smallest product of what is asked and what is free (Tetris), GPUs merged, parts of the largest node, as there.
std::unique_ptr<PlacementPolicy> DotProductRule();

}  // namespace keelson::scheduling
