#include "kubernetes/objects/priority_classes.h"

namespace keelson::kubernetes {
namespace {

Json PriorityClass(const std::string& version, const char* name, int value, bool preempts, const char* description) {
  Json object = PlatformObject(version, "scheduling.k8s.io/v1", "PriorityClass", name);
  object["value"] = value;
  object["preemptionPolicy"] = preempts ? "PreemptLowerPriority" : "Never";
  object["globalDefault"] = false;
  object["description"] = description;
  return object;
}

}  // namespace

std::vector<Json> PriorityClasses(const std::string& version) {
  // Below 1,000,000,000, where the classes of Kubernetes' own parts begin, and above 0, which pods without a class
  // have; only best effort yields to those.
  return {
      PriorityClass(version, kSystemPriority, 900'000'000, true, "Keelson's server and gateway."),
      PriorityClass(version, kInferencePriority, 1'000'000, true,
                    "Replicas of endpoints: they take the place of trainings when there is no other."),
      PriorityClass(version, kTrainingPriority, 10'000, false,
                    "Trainings and steps of pipelines: they wait for room and go on from a checkpoint."),
      PriorityClass(version, kBestEffortPriority, -10'000, false, "What may be ended at any time for anything else.")};
}

}  // namespace keelson::kubernetes
