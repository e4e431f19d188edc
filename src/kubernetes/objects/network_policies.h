#pragma once

#include <vector>

#include "kubernetes/objects/metadata.h"

namespace keelson::kubernetes {

// Who may speak to whom in a workspace: nobody to nobody, but pods to the cluster's DNS and to the server, and to
// replicas the server (and its gateway), the Prometheus of the monitoring namespace and the Gateway that was named.
std::vector<Json> NetworkPolicies(const Owner& owner);

}  // namespace keelson::kubernetes
