#include "app/commands/kubernetes_options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>

namespace keelson::app {
namespace {

using kubernetes::Addon;

constexpr std::array<std::pair<const char*, Addon>, 5> kAddons = {
    {{"gateway-api", Addon::kGatewayApi},
     {"keda", Addon::kKeda},
     {"kueue", Addon::kKueue},
     {"metrics-server", Addon::kMetricsServer},
     {"prometheus-operator", Addon::kPrometheusOperator}}};

}  // namespace

CLI::Option* KubernetesOptions::AddTo(CLI::App& app, const char* description) {
  auto* const flag = app.add_flag("--kubernetes", wanted, description);
  const auto add = [&](const char* name, auto& value, const char* meaning) {
    return app.add_option(name, value, meaning)->needs(flag);
  };
  add("--image", settings.image, "Image of Keelson, with its tag or digest; keelson:VERSION without it");
  add("--namespace", settings.workspace, "The Namespace that is the project's own; called like it without");
  add("--server-namespace", settings.server_namespace, "Where the server runs; keelson-system without it");
  add("--monitoring-namespace", settings.monitoring_namespace,
      "Where the Prometheus runs that asks replicas; monitoring without it");
  add("--model-version", settings.model_version, "Version of the model that is served; 1 without it")
      ->check(CLI::PositiveNumber);
  add("--gateway", settings.gateway,
      "NAMESPACE/NAME of the Gateway that requests come through, where the Gateway API is");
  auto* const canary = add("--canary-version", canary_version, "A further version, which gets a share of the requests")
                           ->check(CLI::PositiveNumber);
  add("--canary-percent", settings.canary_percent, "That share")->needs(canary)->check(CLI::Range(0, 100));
  std::vector<std::string> names;
  for (const auto& [name, addon] : kAddons) names.emplace_back(name);
  add("--with", addons, "What the cluster has beside Kubernetes")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::IsMember(names));
  return flag;
}

kubernetes::Settings KubernetesOptions::Chosen() const {
  kubernetes::Settings chosen = settings;
  if (canary_version > 0) chosen.canary_version = canary_version;
  for (const auto& [name, addon] : kAddons) {
    if (std::ranges::find(addons, name) != addons.end()) chosen.addons.insert(addon);
  }
  return chosen;
}

}  // namespace keelson::app
