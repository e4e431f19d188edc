#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "scheduling/cluster.h"

namespace keelson::app {

// A cluster in words: each text is "COUNTxCORES,MEMORY" or with GPUs "COUNTxCORES,MEMORY,GPUSxMODEL", such as
// "4x16,64Gi" or "2x96,680Gi,8xA100"; cores and memory as Kubernetes' quantities. kInvalidArgument says which is wrong.
Result<scheduling::Cluster> ParseMachines(const std::vector<std::string>& texts);

}  // namespace keelson::app
