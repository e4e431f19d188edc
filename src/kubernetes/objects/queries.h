#pragma once

#include <string>

#include "kubernetes/objects/metadata.h"

namespace keelson::kubernetes {

// PromQL over the metrics of a project's replicas (wire/inference/metrics.h), summed over all that serve one version of
// the model: a series each version.
std::string RequestRate(const Owner& owner);  // answers a second
std::string ErrorShare(const Owner& owner);   // of them, 0 to 1
std::string RefusalRate(const Owner& owner);  // requests refused a second, because of the queue or their timeout
std::string Latency(const Owner& owner, double quantile);  // seconds inside the replica

}  // namespace keelson::kubernetes
