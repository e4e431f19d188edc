#pragma once

#include <memory>

#include "scheduling/placement.h"

namespace keelson::scheduling {

// Keelson's own placement. A pod goes where the least is lost:
// - the GPU that the node was good for (FitValue) beyond what the pod itself takes,
// - the place of a pod that has few places (RoomPrices),
// - a little for nodes that few other shapes can do without (their GPU model, their size).
// docs/decisions/0015 tells why, and what each part is worth. Refers to the cluster.
std::unique_ptr<PlacementPolicy> ExpectedFitPolicy(const Cluster& cluster, const Mix& mix);

}  // namespace keelson::scheduling
