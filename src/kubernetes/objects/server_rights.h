#pragma once

#include <vector>

#include "kubernetes/objects/metadata.h"

namespace keelson::kubernetes {

inline constexpr const char* kServerAccount = "keelson-server";  // and its roles and their bindings

// What the server may do in the cluster (kubernetes/operator does it) and no more: a ClusterRole, and a Role for its
// Lease in its own namespace, each with its binding. It reads no Secret, runs nothing in a pod and gives nobody rights.
std::vector<Json> ServerRights(const Settings& settings);

}  // namespace keelson::kubernetes
