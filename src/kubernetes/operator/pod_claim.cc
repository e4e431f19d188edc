#include "kubernetes/operator/pod_claim.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "kubernetes/operator/member.h"
#include "kubernetes/operator/quantity.h"

namespace keelson::kubernetes {
namespace {

using nlohmann::json;

struct Claim {
  std::int64_t cpu = 0;
  std::int64_t memory = 0;
  std::int64_t disk = 0;
  std::int64_t gpus = 0;

  void Add(const Claim& other) {
    cpu += other.cpu;
    memory += other.memory;
    disk += other.disk;
    gpus += other.gpus;
  }
  void AtLeast(const Claim& other) {
    cpu = std::max(cpu, other.cpu);
    memory = std::max(memory, other.memory);
    disk = std::max(disk, other.disk);
    gpus = std::max(gpus, other.gpus);
  }
};

Claim ClaimOf(const json& amounts) {
  return {.cpu = QuantityOf(amounts, "cpu", 1'000),
          .memory = QuantityOf(amounts, "memory", 1),
          .disk = QuantityOf(amounts, "ephemeral-storage", 1),
          .gpus = QuantityOf(amounts, kGpuResource, 1)};
}

// Where there is a limit and no request, the API server has written the limit as the request.
Claim ClaimOfContainer(const json& container) {
  return ClaimOf(Member(container, {"resources", "requests"}));
}

scheduling::Toleration TolerationOf(const json& toleration) {
  scheduling::Toleration made;
  made.key = toleration.value("key", "");
  if (toleration.value("operator", "Equal") != "Exists") made.value = toleration.value("value", "");
  return made;
}

bool KeepsAway(const std::string& effect) {
  return effect.empty() || effect == "NoSchedule" || effect == "NoExecute";
}

}  // namespace

scheduling::PodShape ShapeOf(const json& pod_spec) {
  Claim claim;
  Claim beginning;
  for (const json& container : Member(pod_spec, {"containers"})) claim.Add(ClaimOfContainer(container));
  Claim sidecars;
  for (const json& container : Member(pod_spec, {"initContainers"})) {
    if (container.value("restartPolicy", "") == "Always") {
      sidecars.Add(ClaimOfContainer(container));
      continue;
    }
    Claim beside = ClaimOfContainer(container);
    beside.Add(sidecars);
    beginning.AtLeast(beside);
  }
  claim.Add(sidecars);
  claim.AtLeast(beginning);
  claim.Add(ClaimOf(Member(pod_spec, {"overhead"})));
  scheduling::PodShape shape;
  shape.request = {.cpu_milli = claim.cpu, .memory_bytes = claim.memory};
  shape.disk_bytes = claim.disk;
  constexpr std::int64_t kMost = 1'000'000;  // no node has as many: such a pod is refused and not cut
  shape.gpus = static_cast<int>(std::min(claim.gpus, kMost));
  for (const auto& [key, value] : Member(pod_spec, {"nodeSelector"}).items()) {
    if (value.is_string()) shape.selector[key] = value;
  }
  for (const json& toleration : Member(pod_spec, {"tolerations"})) {
    if (KeepsAway(toleration.value("effect", ""))) shape.tolerations.push_back(TolerationOf(toleration));
  }
  return shape;
}

}  // namespace keelson::kubernetes
