#pragma once

#include <optional>
#include <string>

#include "kubernetes/objects/metadata.h"
#include "project/expand.h"

namespace keelson::kubernetes {

// What a step that reads data asks for; a training asks for what the project says.
inline constexpr project::ResourcesSpec kStepResources = {.cpu = 1, .memory_bytes = std::uint64_t{1} << 30};

// The Job of one step of a project's pipeline, suspended. To let it run is to write the Secret "JOB-attempt" (what to
// do, "spec.json", and the attempt's own "token", both of which nobody else sees) and then to lift its suspension: a
// program that Kubernetes starts twice has one token, whose effects count once. Pods that the cluster takes away, and
// those that ended after a checkpoint because they were asked to, count for nothing. Nothing for a search: its trials
// are Jobs that the server makes one by one, each chosen by what the ones before have shown.
std::optional<Json> StepJob(const Owner& owner, const project::PipelineStep& step);

}  // namespace keelson::kubernetes
