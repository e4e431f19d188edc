#pragma once

#include <vector>

#include "kubernetes/objects/metadata.h"

namespace keelson::kubernetes {

// How an endpoint is watched where the Prometheus operator is: a ServiceMonitor with the reference to the token that
// replicas ask for, a PrometheusRule (errors and latency above the guard of the project's canary, refused requests) and
// a dashboard for Grafana in a ConfigMap. Nothing where it is not: then annotations of the pods say where they are.
std::vector<Json> Monitoring(const Owner& owner);

}  // namespace keelson::kubernetes
