#pragma once

#include <string>
#include <vector>

#include "kubernetes/objects/metadata.h"

namespace keelson::kubernetes {

// What a cluster needs once for all projects: the PriorityClasses, the kind Project and what runs the server.
std::vector<Json> ClusterObjects(const Settings& settings);

// Every object of Kubernetes that a project is, in an order in which they can be made. Pure: the same project, revision
// (project::Bundle::Revision) and settings always give the same bytes. No object holds a secret, only the names of
// Secrets. The errors are those of CheckSettings.
Result<std::vector<Json>> ProjectObjects(const project::Project& project, const std::string& revision,
                                         const Settings& settings);

}  // namespace keelson::kubernetes
