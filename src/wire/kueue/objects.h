#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "scheduling/queues.h"

namespace keelson::wire::kueue {

// Kueue's own objects (kueue.x-k8s.io/v1beta1 and v1beta2: ClusterQueue, LocalQueue, Cohort, ResourceFlavor), as many
// in one YAML file as there are. Fields that Kueue does not know are errors, and so is what it knows and we do not do:
// admission checks, several resource groups in a queue, preemption while borrowing, equal-priority preemption,
// resources but cpu, memory, ephemeral-storage and GPUs. Every mistake at once, with its line. Objects of other kinds
// are errors too. That the objects go together is for scheduling::QuotaTree::Build to say.
Result<scheduling::Queues> ReadObjects(std::string_view text, const std::string& file);

}  // namespace keelson::wire::kueue
