#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"
#include "project/spec.h"

namespace keelson::kubernetes {

// What a cluster may have beside Kubernetes itself, where objects differ by it.
enum class Addon { kKeda, kMetricsServer, kPrometheusOperator, kGatewayApi, kKueue };

// By the kinds that a cluster has: `has` is asked for an apiVersion and a kind.
std::set<Addon> AddonsOf(const std::function<bool(std::string_view, std::string_view)>& has);

// What the objects of a project depend on beside the project itself.
struct Settings {
  std::string version;         // of Keelson, for the label app.kubernetes.io/version
  std::string image;           // of Keelson, with its tag or digest
  std::string workspace = {};  // the Namespace that is the project's own; "": called like the project
  std::string server_namespace = "keelson-system";
  std::string monitoring_namespace = "monitoring";  // of the Prometheus that may ask replicas
  int model_version = 1;                            // the registered version that the endpoint serves
  std::optional<int> canary_version = {};           // a further one, which gets a share of the requests
  int canary_percent = 0;                           // that share
  std::string gateway = {};                         // "NAMESPACE/NAME" of the Gateway that requests come through
  std::set<Addon> addons = {};
};

// The settings with everything filled in, or kInvalidArgument with the path of what is wrong: "metadata.name" of the
// project, else "settings.FIELD".
Result<Settings> CheckSettings(const project::Project& project, Settings settings);

}  // namespace keelson::kubernetes
