#include "kubernetes/objects/monitoring.h"

#include <fmt/format.h>

#include "kubernetes/objects/dashboard.h"
#include "kubernetes/objects/endpoint.h"
#include "kubernetes/objects/pod.h"
#include "kubernetes/objects/queries.h"

namespace keelson::kubernetes {
namespace {

constexpr const char* kWait = "5m";  // that a condition must hold before it is an alarm

Json ServiceMonitor(const Owner& owner) {
  Json object = NewObject(owner, "monitoring.coreos.com/v1", "ServiceMonitor", ObjectName({owner.project.name}),
                          component::kEndpoint);
  const Json token = {{"type", "Bearer"}, {"credentials", {{"name", kAccessSecret}, {"key", kReplicaTokenKey}}}};
  object["spec"] = {{"selector", {{"matchLabels", Selector(owner, component::kEndpoint)}}},
                    {"endpoints", Json::array({{{"port", "rest"}, {"path", "/metrics"}, {"authorization", token}}})}};
  return object;
}

Json Alert(const char* name, const std::string& expression, const std::string& summary) {
  return {{"alert", name},
          {"expr", expression},
          {"for", kWait},
          {"labels", {{"severity", "warning"}}},
          {"annotations", {{"summary", summary}}}};
}

Json PrometheusRule(const Owner& owner) {
  const std::string& name = owner.project.name;
  const project::CanarySpec& canary = owner.project.serve->canary;
  Json rules = Json::array();
  rules.push_back(Alert("KeelsonEndpointRefuses", RefusalRate(owner) + " > 0",
                        fmt::format("{} refuses requests: its queue is full or they expire in it", name)));
  if (canary.guard_error_rate) {
    rules.push_back(Alert("KeelsonEndpointErrors", fmt::format("{} > {}", ErrorShare(owner), *canary.guard_error_rate),
                          fmt::format("more than {} of the answers of {} are errors", *canary.guard_error_rate, name)));
  }
  if (canary.guard_p99) {
    const double seconds = std::chrono::duration<double>(*canary.guard_p99).count();
    rules.push_back(Alert("KeelsonEndpointSlow", fmt::format("{} > {}", Latency(owner, 0.99), seconds),
                          fmt::format("one in a hundred answers of {} takes more than {} s", name, seconds)));
  }
  Json object =
      NewObject(owner, "monitoring.coreos.com/v1", "PrometheusRule", ObjectName({name}), component::kEndpoint);
  object["spec"]["groups"] = Json::array({{{"name", "keelson." + name}, {"rules", std::move(rules)}}});
  return object;
}

// Grafana's sidecar takes dashboards from ConfigMaps with this label.
Json DashboardMap(const Owner& owner) {
  Json object =
      NewObject(owner, "v1", "ConfigMap", ObjectName({owner.project.name, "dashboard"}), component::kEndpoint);
  object["metadata"]["labels"]["grafana_dashboard"] = "1";
  object["data"][owner.project.name + ".json"] = Dashboard(owner).dump(1);
  return object;
}

}  // namespace

std::vector<Json> Monitoring(const Owner& owner) {
  if (!owner.settings.addons.contains(Addon::kPrometheusOperator)) return {};
  return {ServiceMonitor(owner), PrometheusRule(owner), DashboardMap(owner)};
}

}  // namespace keelson::kubernetes
