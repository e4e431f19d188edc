#include "kubernetes/objects/workspace.h"

#include <algorithm>

#include "kubernetes/objects/pod.h"
#include "kubernetes/objects/step_job.h"

namespace keelson::kubernetes {
namespace {

constexpr const char* kRole = "keelson-server";  // and the server's account, in its own namespace

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

Json Rule(const char* group, const std::vector<std::string>& resources, const std::vector<std::string>& verbs) {
  return {{"apiGroups", Json::array({group})}, {"resources", resources}, {"verbs", verbs}};
}

Json Role(const Owner& owner) {
  const std::vector<std::string> manage = {"get", "list", "watch", "create", "patch", "delete"};
  Json object = NewObject(owner, "rbac.authorization.k8s.io/v1", "Role", kRole, component::kWorkspace);
  object["rules"] = {Rule("batch", {"jobs"}, manage),
                     Rule("apps", {"deployments"}, manage),
                     Rule("apps", {"deployments/scale"}, {"patch"}),
                     Rule("policy", {"poddisruptionbudgets"}, manage),
                     Rule("keelson.dev", {"projects"}, {"get", "list", "watch"}),
                     Rule("keelson.dev", {"projects/status"}, {"patch"}),
                     Rule("", {"services"}, manage),
                     Rule("", {"pods"}, {"get", "list", "watch", "delete"}),
                     Rule("", {"pods/log"}, {"get"}),
                     Rule("", {"secrets"}, {"create", "patch", "delete"}),  // an attempt's own; it reads none
                     Rule("events.k8s.io", {"events"}, {"create", "patch"})};
  return object;
}

Json Binding(const Owner& owner) {
  Json object = NewObject(owner, "rbac.authorization.k8s.io/v1", "RoleBinding", kRole, component::kWorkspace);
  object["roleRef"] = {{"apiGroup", "rbac.authorization.k8s.io"}, {"kind", "Role"}, {"name", kRole}};
  object["subjects"] =
      Json::array({{{"kind", "ServiceAccount"}, {"name", kRole}, {"namespace", owner.settings.server_namespace}}});
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
  return {Namespace(owner), Quota(owner), Limits(owner), Account(owner), Role(owner), Binding(owner)};
}

}  // namespace keelson::kubernetes
