#pragma once

#include <array>
#include <utility>

namespace keelson::kubernetes {

// Every kind of which a project can have objects (kubernetes/objects), in the order in which they are made.
inline constexpr std::array<std::pair<const char*, const char*>, 20> kOurKinds = {{
    {"v1", "Namespace"},
    {"v1", "ResourceQuota"},
    {"v1", "LimitRange"},
    {"v1", "ServiceAccount"},
    {"rbac.authorization.k8s.io/v1", "Role"},
    {"rbac.authorization.k8s.io/v1", "RoleBinding"},
    {"networking.k8s.io/v1", "NetworkPolicy"},
    {"keelson.dev/v1", "Project"},
    {"batch/v1", "Job"},
    {"apps/v1", "Deployment"},
    {"v1", "Service"},
    {"policy/v1", "PodDisruptionBudget"},
    {"keda.sh/v1alpha1", "TriggerAuthentication"},
    {"keda.sh/v1alpha1", "ScaledObject"},
    {"autoscaling/v2", "HorizontalPodAutoscaler"},
    {"gateway.networking.k8s.io/v1", "HTTPRoute"},
    {"monitoring.coreos.com/v1", "ServiceMonitor"},
    {"monitoring.coreos.com/v1", "PrometheusRule"},
    {"v1", "ConfigMap"},
    {"v1", "Secret"},  // of attempts
}};

}  // namespace keelson::kubernetes
