#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "kubernetes/operator/node_room.h"
#include "scheduling/queues.h"

namespace keelson::kubernetes {

// Which of a cluster's Jobs may run now. A Job stands in line by its label kQueueLabel: made suspended, it is let run
// when its queue has the quota and the nodes have room for all its pods at once, and suspended again when something
// more important takes its place or when its pods found no node after all.
inline constexpr const char* kQueueLabel = "keelson.dev/queue";
inline constexpr const char* kKueueQueueLabel = "kueue.x-k8s.io/queue-name";  // by which Kueue takes a Job
inline constexpr const char* kPriorityLabel = "keelson.dev/priority";         // inside its class: more goes before less
inline constexpr const char* kStepKindLabel = "keelson.dev/step-kind";        // of a step of a project's pipeline
inline constexpr const char* kAttemptAnnotation = "keelson.dev/attempt";      // the Secret JOB-attempt is written
inline constexpr const char* kFlavorAnnotation = "keelson.dev/flavor";        // whose quota it uses
// Which keys of its pods' nodeSelector are that flavor's: they go when it gets another.
inline constexpr const char* kFlavorLabelsAnnotation = "keelson.dev/flavor-labels";
inline constexpr const char* kPreemptedAnnotation = "keelson.dev/preempted";  // how often

// Pods of a Job that was let run and that no node takes for so long: the whole of it goes back into the line.
inline constexpr Duration kPlacePatience = std::chrono::minutes(5);

struct AdmissionSnapshot {
  Objects jobs;   // those with kQueueLabel
  Objects pods;   // all of the cluster
  Objects nodes;  // without any, or unless by_nodes, quotas alone decide: where nodes are made for pods that wait
  bool by_nodes = true;
  bool by_kueue =
      false;  // Kueue decides: a Job whose turn it is to stand in line is handed to the LocalQueue of its name
  scheduling::Queues queues;  // "default", all of the cluster, is added when there is none of that name
};

struct JobChange {
  enum class What { kRelease, kSuspend, kHandOver } what = What::kRelease;
  SharedObject job;
  nlohmann::json patch;  // a merge patch, of the Job as it was seen: it is refused when the Job has changed since
  std::string why;       // for people
};

struct AdmissionPlan {
  std::vector<JobChange> changes;
  std::map<std::string, std::string> waiting;  // one sentence on each Job that may not run, by JobId
};

// "namespace/name"
std::string JobId(const nlohmann::json& job);

// Pure. Carried out and planned again it says nothing new. The errors are those of the queues.
Result<AdmissionPlan> PlanAdmission(const AdmissionSnapshot& snapshot, Instant now);

}  // namespace keelson::kubernetes
