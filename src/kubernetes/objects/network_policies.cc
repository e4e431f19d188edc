#include "kubernetes/objects/network_policies.h"

#include "kubernetes/objects/endpoint.h"
#include "kubernetes/objects/pod.h"
#include "kubernetes/objects/routes.h"

namespace keelson::kubernetes {
namespace {

Json Policy(const Owner& owner, const char* name, Json pods, const std::vector<std::string>& directions) {
  Json object = NewObject(owner, "networking.k8s.io/v1", "NetworkPolicy", name, component::kWorkspace);
  object["spec"] = {{"podSelector", std::move(pods)}, {"policyTypes", directions}};
  return object;
}

Json InNamespace(const std::string& name) {
  return {{"namespaceSelector", {{"matchLabels", {{"kubernetes.io/metadata.name", name}}}}}};
}

Json Port(const char* protocol, const Json& port) {
  return {{"protocol", protocol}, {"port", port}};
}

Json Server(const Owner& owner) {
  Json peer = InNamespace(owner.settings.server_namespace);
  peer["podSelector"]["matchLabels"]["app.kubernetes.io/name"] = "keelson";
  return peer;
}

const Json kAllPods = Json::object();

Json DenyAll(const Owner& owner) {
  return Policy(owner, "deny-all", kAllPods, {"Ingress", "Egress"});
}

Json ToNames(const Owner& owner) {
  Json object = Policy(owner, "to-dns", kAllPods, {"Egress"});
  object["spec"]["egress"] = Json::array({{{"to", Json::array({InNamespace("kube-system")})},
                                           {"ports", Json::array({Port("UDP", 53), Port("TCP", 53)})}}});
  return object;
}

Json ToServer(const Owner& owner) {
  Json object = Policy(owner, "to-server", kAllPods, {"Egress"});
  object["spec"]["egress"] =
      Json::array({{{"to", Json::array({Server(owner)})}, {"ports", Json::array({Port("TCP", kServerPort)})}}});
  return object;
}

Json ToReplicas(const Owner& owner) {
  const Json replicas = {{"matchLabels", Selector(owner, component::kEndpoint)}};
  Json object = Policy(owner, "to-replicas", replicas, {"Ingress"});
  object["spec"]["ingress"] = Json::array({{{"from", Json::array({Server(owner)})},
                                            {"ports", Json::array({Port("TCP", kRestPort), Port("TCP", kGrpcPort)})}},
                                           {{"from", Json::array({InNamespace(owner.settings.monitoring_namespace)})},
                                            {"ports", Json::array({Port("TCP", kRestPort)})}}});
  if (IsRouted(owner.settings)) {
    const std::string& gateway = owner.settings.gateway;
    object["spec"]["ingress"].push_back({{"from", Json::array({InNamespace(gateway.substr(0, gateway.find('/')))})},
                                         {"ports", Json::array({Port("TCP", kRestPort)})}});
  }
  return object;
}

}  // namespace

std::vector<Json> NetworkPolicies(const Owner& owner) {
  std::vector<Json> policies = {DenyAll(owner), ToNames(owner), ToServer(owner)};
  if (owner.project.serve) policies.push_back(ToReplicas(owner));
  return policies;
}

}  // namespace keelson::kubernetes
