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

}  // namespace

std::set<Addon> AddonsOf(const std::function<bool(std::string_view, std::string_view)>& has) {
  std::set<Addon> addons;
  if (has("keda.sh/v1alpha1", "ScaledObject")) addons.insert(Addon::kKeda);
  if (has("metrics.k8s.io/v1beta1", "PodMetrics")) addons.insert(Addon::kMetricsServer);
  if (has("monitoring.coreos.com/v1", "ServiceMonitor")) addons.insert(Addon::kPrometheusOperator);
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
  return settings;
}

}  // namespace keelson::kubernetes
