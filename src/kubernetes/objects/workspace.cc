#include "kubernetes/objects/workspace.h"

#include <algorithm>

#include "kubernetes/objects/pod.h"
#include "kubernetes/objects/step_job.h"

namespace keelson::kubernetes {
namespace {

void Add(const project::ResourcesSpec& each, int count, MostAtOnce* sum) {
  sum->cpu += each.cpu * count;
  sum->memory_bytes += each.memory_bytes * static_cast<std::uint64_t>(count);
  sum->pods += count;
}

Json Namespace(const Owner& owner) {
  Json object = NewObject(owner, "v1", "Namespace", owner.settings.workspace, component::kWorkspace);
  object["metadata"].erase("namespace");
  EnforcePodSecurity(&object);
  return object;
}

Json Quota(const Owner& owner) {
  const MostAtOnce demand = Demand(owner.project);
  Json object = NewObject(owner, "v1", "ResourceQuota", "keelson", component::kWorkspace);
  object["spec"]["hard"] = {{"requests.cpu", Cores(demand.cpu)},
                            {"requests.memory", Bytes(demand.memory_bytes)},
                            {"limits.memory", Bytes(demand.memory_bytes)},
                            {"pods", std::to_string(demand.pods)}};
  return object;
}

// For a container that somebody runs here by hand: without it the quota would refuse one that asks for nothing. No
// limit of CPU: whoever asks for none may have what lies idle.
Json Limits(const Owner& owner) {
  Json object = NewObject(owner, "v1", "LimitRange", "keelson", component::kWorkspace);
  object["spec"]["limits"] = Json::array({{{"type", "Container"},
                                           {"defaultRequest", {{"cpu", "100m"}, {"memory", "256Mi"}}},
                                           {"default", {{"memory", "256Mi"}}}}});
  return object;
}

Json Account(const Owner& owner) {
  Json object = NewObject(owner, "v1", "ServiceAccount", kServiceAccount, component::kWorkspace);
  object["automountServiceAccountToken"] = false;
  return object;
}

}  // namespace

MostAtOnce Demand(const project::Project& project) {
  MostAtOnce sum;
  // All sources are read at a time, then all suites are checked at a time; materializing goes on beside the training.
  const auto reading = static_cast<int>(std::max(project.sources.size(), project.expectations.size()));
  Add(kStepResources, std::max(1, reading) + 1, &sum);
  if (project.train) Add(project.train->resources, project.train->search ? project.train->search->parallel : 1, &sum);
  // Two versions while one takes over from the other, and of each one replica more while its pods are replaced.
  if (project.serve) Add(project.serve->resources, 2 * (project.serve->max_replicas + 1), &sum);
  return sum;
}

std::vector<Json> Workspace(const Owner& owner) {
  return {Namespace(owner), Quota(owner), Limits(owner), Account(owner)};
}

}  // namespace keelson::kubernetes
