#pragma once

#include <nlohmann/json_fwd.hpp>

#include "scheduling/cluster.h"

namespace keelson::kubernetes {

inline constexpr const char* kGpuResource = "nvidia.com/gpu";
inline constexpr const char* kGpuProductLabel = "nvidia.com/gpu.product";

// What a pod asks of a node, by its specification: the sum of its containers, or what one init container asks for if
// that is more; its overhead; its node selector and its tolerations. Whole GPUs of any model. Node affinity is the
// scheduler's alone: with it a pod may wait although we saw room.
scheduling::PodShape ShapeOf(const nlohmann::json& pod_spec);

}  // namespace keelson::kubernetes
