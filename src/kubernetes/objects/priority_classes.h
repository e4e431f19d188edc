#pragma once

#include <vector>

#include "kubernetes/objects/metadata.h"

namespace keelson::kubernetes {

// Which pods go before which, in all projects of a cluster alike. What answers requests preempts what trains; nothing
// preempts for the last one's sake, which runs where there is room.
inline constexpr const char* kSystemPriority = "keelson-system";
inline constexpr const char* kInferencePriority = "keelson-inference";
inline constexpr const char* kTrainingPriority = "keelson-training";
inline constexpr const char* kBestEffortPriority = "keelson-best-effort";

// The four PriorityClasses. They belong to no project: a cluster has them once.
std::vector<Json> PriorityClasses(const std::string& version);

}  // namespace keelson::kubernetes
