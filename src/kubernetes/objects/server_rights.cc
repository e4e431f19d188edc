#include "kubernetes/objects/server_rights.h"

#include <string>

namespace keelson::kubernetes {
namespace {

using Words = std::vector<std::string>;

constexpr const char* kRbac = "rbac.authorization.k8s.io";

Json Rule(const char* group, const Words& resources, const Words& verbs) {
  return {{"apiGroups", Json::array({group})}, {"resources", resources}, {"verbs", verbs}};
}

Json RoleObject(const Settings& settings, const char* kind) {
  return PlatformObject(settings.version, (std::string(kRbac) + "/v1").c_str(), kind, kServerAccount);
}

Json ClusterRole(const Settings& settings) {
  const Words follow = {"list", "watch"};
  // To apply by server-side apply what is not there is to create it.
  const Words keep = {"list", "watch", "get", "create", "patch"};
  const Words manage = {"list", "watch", "get", "create", "patch", "delete"};
  Json object = RoleObject(settings, "ClusterRole");
  object["rules"] = {Rule("", {"nodes", "pods"}, follow),
                     Rule("keelson.dev", {"projects"}, follow),
                     Rule("keelson.dev", {"projects/status"}, {"patch"}),
                     Rule("batch", {"jobs"}, {"list", "watch", "patch"}),
                     Rule("", {"limitranges", "resourcequotas", "serviceaccounts"}, keep),
                     Rule("", {"configmaps", "services"}, manage),
                     Rule("networking.k8s.io", {"networkpolicies"}, manage),
                     Rule("apps", {"deployments"}, manage),
                     Rule("policy", {"poddisruptionbudgets"}, manage),
                     Rule("autoscaling", {"horizontalpodautoscalers"}, manage),
                     Rule("keda.sh", {"scaledobjects", "triggerauthentications"}, manage),
                     Rule("gateway.networking.k8s.io", {"httproutes"}, manage),
                     Rule("monitoring.coreos.com", {"prometheusrules", "servicemonitors"}, manage),
                     Rule("events.k8s.io", {"events"}, {"create"})};
  return object;
}

Json LeaseRole(const Settings& settings) {
  Json object = RoleObject(settings, "Role");
  object["metadata"]["namespace"] = settings.server_namespace;
  object["rules"] = Json::array({Rule("coordination.k8s.io", {"leases"}, {"get", "create", "patch"})});
  return object;
}

Json BindingOf(const Settings& settings, const Json& role) {
  const std::string kind = role.at("kind");
  Json object = RoleObject(settings, (kind + "Binding").c_str());
  if (role.at("metadata").contains("namespace")) object["metadata"]["namespace"] = settings.server_namespace;
  object["roleRef"] = {{"apiGroup", kRbac}, {"kind", kind}, {"name", kServerAccount}};
  object["subjects"] =
      Json::array({{{"kind", "ServiceAccount"}, {"name", kServerAccount}, {"namespace", settings.server_namespace}}});
  return object;
}

}  // namespace

std::vector<Json> ServerRights(const Settings& settings) {
  const Json cluster = ClusterRole(settings);
  const Json lease = LeaseRole(settings);
  return {cluster, BindingOf(settings, cluster), lease, BindingOf(settings, lease)};
}

}  // namespace keelson::kubernetes
