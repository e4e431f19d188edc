#pragma once

#include <string>

#include "base/result.h"
#include "scheduling/queues.h"

namespace keelson::scheduling {

// Adds a queue and a flavor whose quota nobody can use up: the machines alone limit it, and more important classes
// preempt for it.
void AddUnlimitedQueue(const std::string& queue, const std::string& flavor, Queues* queues);

// The ClusterQueue that `name` means in a namespace: that of the LocalQueue of this name there, else the ClusterQueue
// itself. kNotFound names those that there are.
Result<std::string> FindClusterQueue(const Queues& queues, const std::string& name_space, const std::string& name);

}  // namespace keelson::scheduling
