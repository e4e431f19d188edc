#pragma once

#include <string>
#include <vector>

#include "kubernetes/objects/metadata.h"

namespace keelson::kubernetes {

inline constexpr int kRestPort = 8080;
inline constexpr int kGrpcPort = 8081;

// "flight-delays-v3": of everything that serves one version of the model.
std::string RevisionName(const Owner& owner);

// Whether the number of replicas follows the load.
bool Scales(const project::ServeSpec& serve);

// One version of the project's model in service: its Deployment, a Service before its replicas (the gateway divides
// requests between versions) and a PodDisruptionBudget. The Deployment says no number of replicas where something
// scales it: a number there would take it back at every apply.
std::vector<Json> Endpoint(const Owner& owner);

}  // namespace keelson::kubernetes
