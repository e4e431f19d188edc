#pragma once

#include <vector>

#include "kubernetes/objects/metadata.h"

namespace keelson::kubernetes {

// The most that a project's pods ask for at a time, all that the file allows together.
struct MostAtOnce {
  double cpu = 0;
  std::uint64_t memory_bytes = 0;
  int pods = 0;
};
MostAtOnce Demand(const project::Project& project);

// Where a project lives: its Namespace, which enforces Pod Security "restricted"; a ResourceQuota of its demand; a
// LimitRange for containers that ask for nothing; and the account of its pods, which may do nothing.
std::vector<Json> Workspace(const Owner& owner);

}  // namespace keelson::kubernetes
