#pragma once

#include "kubernetes/objects/metadata.h"

namespace keelson::kubernetes {

// A dashboard of Grafana for a project's endpoint: requests, errors, latency and refusals by version of the model.
Json Dashboard(const Owner& owner);

}  // namespace keelson::kubernetes
