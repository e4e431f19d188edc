#include "kubernetes/objects/settings.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"

namespace keelson::kubernetes {
namespace {

constexpr std::size_t kMaximumLabel = 63;

// An RFC 1123 label, which the name of a Namespace must be.
bool IsLabel(const std::string& text) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !text.empty() && text.size() <= kMaximumLabel && plain(text.front()) && plain(text.back()) &&
         std::all_of(text.begin(), text.end(), [&](char c) { return plain(c) || c == '-'; });
}

Status CheckNamespace(const std::string& name, const std::string& where) {
  if (IsLabel(name)) return {};
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("\"{}\" is no name of a namespace: lower-case letters, digits and -, at most 63", name),
              where);
}

// What Kubernetes and the cluster's administrators keep in it would be shut off by the workspace's policies.
bool IsOfTheCluster(const std::string& name, const Settings& settings) {
  return name == "default" || name.starts_with("kube-") || name == settings.server_namespace ||
         name == settings.monitoring_namespace;
}

Status CheckGateway(const std::string& gateway) {
  const std::size_t slash = gateway.find('/');
  const bool named =
      slash != std::string::npos && IsLabel(gateway.substr(0, slash)) && IsLabel(gateway.substr(slash + 1));
  if (gateway.empty() || named) return {};
  return Fail(ErrorCode::kInvalidArgument, fmt::format("\"{}\" is no Gateway: expected NAMESPACE/NAME", gateway),
              "settings.gateway");
}

Status CheckCanary(const Settings& settings) {
  if (settings.canary_percent < 0 || settings.canary_percent > 100) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{} is no share of the requests in percent", settings.canary_percent),
                "settings.canary_percent");
  }
  if (!settings.canary_version) return {};
  const std::string where = "settings.canary_version";
  if (*settings.canary_version < 1 || *settings.canary_version == settings.model_version) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("version {} cannot be the canary beside version {}", *settings.canary_version,
                            settings.model_version),
                where);
  }
  if (!settings.gateway.empty() && settings.addons.contains(Addon::kGatewayApi)) return {};
  return Fail(ErrorCode::kInvalidArgument,
              "nobody divides the requests between it and the version that serves: that takes the Gateway API in the "
              "cluster, and the name of a Gateway",
              where);
}

}  // namespace

std::set<Addon> AddonsOf(const std::function<bool(std::string_view, std::string_view)>& has) {
  std::set<Addon> addons;
  if (has("keda.sh/v1alpha1", "ScaledObject")) addons.insert(Addon::kKeda);
  if (has("metrics.k8s.io/v1beta1", "PodMetrics")) addons.insert(Addon::kMetricsServer);
  if (has("monitoring.coreos.com/v1", "ServiceMonitor")) addons.insert(Addon::kPrometheusOperator);
  if (has("gateway.networking.k8s.io/v1", "HTTPRoute")) addons.insert(Addon::kGatewayApi);
  if (has("kueue.x-k8s.io/v1beta1", "LocalQueue") || has("kueue.x-k8s.io/v1beta2", "LocalQueue"))
    addons.insert(Addon::kKueue);
  return addons;
}

Result<Settings> CheckSettings(const project::Project& project, Settings settings) {
  KEELSON_RETURN_IF_ERROR(CheckNamespace(settings.server_namespace, "settings.server_namespace"));
  KEELSON_RETURN_IF_ERROR(CheckNamespace(settings.monitoring_namespace, "settings.monitoring_namespace"));
  const bool named = !settings.workspace.empty();
  const std::string where = named ? "settings.workspace" : "metadata.name";
  if (!named) settings.workspace = project.name;
  KEELSON_RETURN_IF_ERROR(CheckNamespace(settings.workspace, where));
  if (IsOfTheCluster(settings.workspace, settings)) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("the namespace \"{}\" is the cluster's own; a project has one for itself: name another{}",
                            settings.workspace, named ? "" : " by --namespace"),
                where);
  }
  const auto bad = [](char c) { return static_cast<unsigned char>(c) <= ' ' || static_cast<unsigned char>(c) > '~'; };
  if (settings.image.empty() || std::any_of(settings.image.begin(), settings.image.end(), bad)) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("\"{}\" is no image: expected such as registry.example/keelson:1.0", settings.image),
                "settings.image");
  }
  if (settings.model_version < 1) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("{} is no version of a model: they count from 1", settings.model_version),
                "settings.model_version");
  }
  KEELSON_RETURN_IF_ERROR(CheckGateway(settings.gateway));
  KEELSON_RETURN_IF_ERROR(CheckCanary(settings));
  return settings;
}

}  // namespace keelson::kubernetes
