#pragma once

#include <vector>

#include "kubernetes/objects/metadata.h"

namespace keelson::kubernetes {

// What scales a version in service, by what the cluster has:
// - KEDA: a ScaledObject that asks the server how many requests are under way and waiting, to none when the project
//   allows it, and the TriggerAuthentication with the reference to the server's token;
// - metrics-server: a HorizontalPodAutoscaler on the CPU, never below one replica: it cannot wake a sleeping endpoint;
// - neither: nothing; the server scales itself.
// Nothing as well when the project fixes the number.
std::vector<Json> Scaling(const Owner& owner);

}  // namespace keelson::kubernetes
