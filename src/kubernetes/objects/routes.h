#pragma once

#include <vector>

#include "kubernetes/objects/metadata.h"

namespace keelson::kubernetes {

// Whether requests come through a Gateway: the cluster has the Gateway API, and one of its Gateways was named.
bool IsRouted(const Settings& settings);

// The host by which a Gateway asks replicas, of whichever version; theirs is the request's own otherwise, which they
// refuse.
std::string RoutedHost(const Owner& owner);

// The HTTPRoute that divides the requests for a project's model (Open Inference Protocol v2, KServe's v1) between the
// version that serves and its canary, by weights. Nothing where nothing is routed.
std::vector<Json> Routes(const Owner& owner);

}  // namespace keelson::kubernetes
