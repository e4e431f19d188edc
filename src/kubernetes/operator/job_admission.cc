#include "kubernetes/operator/job_admission.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "base/strings.h"
#include "kubernetes/changes/change_plan.h"
#include "kubernetes/client/api_client.h"
#include "kubernetes/objects/priority_classes.h"
#include "kubernetes/operator/member.h"
#include "kubernetes/operator/pod_claim.h"
#include "scheduling/planner.h"
#include "scheduling/queue_lookup.h"

namespace keelson::kubernetes {
namespace {

using nlohmann::json;
using scheduling::PodPlace;
using scheduling::PodShape;

constexpr const char* kDefaultQueue = "default";
constexpr const char* kUntold = "waits to be told what it is to do";
constexpr const char* kWholeCluster = "the whole cluster";  // no name that a declared flavor could have
constexpr const char* kOtherPods = "other pods";            // queue and flavor of what is nobody's Job

std::string LabelOf(const json& object, const char* name) {
  return TextAt(object, {"metadata", "labels", name});
}
std::string AnnotationOf(const json& object, const char* name) {
  return TextAt(object, {"metadata", "annotations", name});
}

std::string OwnerOf(const json& pod) {
  for (const json& owner : Member(pod, {"metadata", "ownerReferences"})) {
    if (owner.value("kind", "") == "Job") return owner.value("uid", "");
  }
  return "";
}

int PodsOf(const json& spec, const json& status) {
  const auto number = [](const json& object, const char* name, int unsaid) {
    const json& value = Member(object, {name});
    return value.is_number_integer() ? value.get<int>() : unsaid;
  };
  int pods = number(spec, "parallelism", 1);
  if (spec.contains("completions"))
    pods = std::min(pods, number(spec, "completions", pods) - number(status, "succeeded", 0));
  return std::max(1, pods);
}

scheduling::WorkloadClass ClassOf(const json& pod_spec) {
  const std::string name = TextAt(pod_spec, {"priorityClassName"});
  if (name == kSystemPriority) return scheduling::WorkloadClass::kSystem;
  if (name == kInferencePriority) return scheduling::WorkloadClass::kInference;
  if (name == kBestEffortPriority) return scheduling::WorkloadClass::kBestEffort;
  return scheduling::WorkloadClass::kTraining;
}

// Which GPUs of which node are spoken for, and what of it is free: to number what pods have without saying which.
class Places {
 public:
  explicit Places(const NodeRoom& room) : room_(room) {
    for (const scheduling::Node& node : room.cluster.nodes) free_.push_back(scheduling::EmptyNode(node));
  }

  // A pod that is on the node of this name; nothing when that takes no pods any more.
  std::optional<PodPlace> On(const std::string& node, const PodShape& shape) {
    const auto found = room_.index.find(node);
    if (found == room_.index.end()) return std::nullopt;
    return Take(found->second, shape);
  }
  // One that no node has yet: where it should find room, where the least is left over.
  std::optional<PodPlace> Somewhere(const PodShape& shape) {
    int best = -1;
    std::int64_t least = 0;
    for (std::size_t i = 0; i < free_.size(); ++i) {
      const auto& pool = room_.cluster.pools[static_cast<std::size_t>(room_.cluster.nodes[i].pool)];
      if (!scheduling::Admits(pool, shape) || !scheduling::Fits(free_[i], shape)) continue;
      if (best >= 0 && free_[i].free.cpu_milli >= least) continue;
      best = static_cast<int>(i);
      least = free_[i].free.cpu_milli;
    }
    if (best < 0) return std::nullopt;
    return Take(best, shape);
  }

 private:
  PodPlace Take(int node, const PodShape& shape) {
    scheduling::NodeState& state = free_[static_cast<std::size_t>(node)];
    PodPlace place{node, {}};
    for (int gpu = 0; gpu < state.gpus && static_cast<int>(place.gpus.size()) < shape.gpus; ++gpu) {
      if (state.gpu_free[static_cast<std::size_t>(gpu)] < scheduling::kWholeGpu) continue;
      state.gpu_free[static_cast<std::size_t>(gpu)] = 0;
      place.gpus.push_back(gpu);
    }
    state.free -= shape.request;
    state.free_disk -= shape.disk_bytes;
    return place;
  }

  const NodeRoom& room_;
  std::vector<scheduling::NodeState> free_;
};

// One Job that stands in line or runs.
struct Entry {
  SharedObject job;
  bool suspended = false;
  scheduling::Workload workload;
  Objects pods;  // that have not ended
};

Instant TimeAt(const json& object, std::initializer_list<const char*> path) {
  return ParseInstant(TextAt(object, path)).value_or(Instant{});
}

// The keys of the nodeSelector that a release before has written.
std::set<std::string> FlavorLabelsOf(const json& job) {
  std::set<std::string> keys;
  for (const std::string_view key : Split(AnnotationOf(job, kFlavorLabelsAnnotation), ',')) {
    if (!key.empty()) keys.emplace(key);
  }
  return keys;
}

Entry EntryOf(const SharedObject& job, std::string queue) {
  const json& spec = Member(*job, {"spec"});
  const json& pod = Member(spec, {"template", "spec"});
  Entry entry;
  entry.job = job;
  entry.suspended = Member(spec, {"suspend"}) == true;
  scheduling::Workload& workload = entry.workload;
  workload.id = JobId(*job);
  workload.queue = std::move(queue);
  workload.user = NamespaceOf(*job);
  workload.workload_class = ClassOf(pod);
  workload.priority = static_cast<int>(
      std::clamp<std::int64_t>(ParseInt(LabelOf(*job, kPriorityLabel)).value_or(0), -1'000'000'000, 1'000'000'000));
  workload.submitted = TimeAt(*job, {"metadata", "creationTimestamp"});
  workload.pod = ShapeOf(pod);
  if (entry.suspended) {  // it may get another flavor than the last time
    for (const std::string& key : FlavorLabelsOf(*job)) workload.pod.selector.erase(key);
  }
  workload.pods = PodsOf(spec, Member(*job, {"status"}));
  workload.times_preempted = static_cast<int>(
      std::clamp<std::int64_t>(ParseInt(AnnotationOf(*job, kPreemptedAnnotation)).value_or(0), 0, 1'000));
  return entry;
}

// Since when no node takes one of its pods, when none of them runs.
std::optional<Instant> HomelessSince(const Entry& entry) {
  std::optional<Instant> since;
  for (const SharedObject& pod : entry.pods) {
    if (!NodeOf(*pod).empty()) return std::nullopt;
    for (const json& condition : Member(*pod, {"status", "conditions"})) {
      if (condition.value("type", "") != "PodScheduled" || condition.value("status", "") != "False") continue;
      const Instant at = TimeAt(condition, {"lastTransitionTime"});
      since = since ? std::min(*since, at) : at;
    }
  }
  return since;
}

json Seen(const json& job) {
  return {{"metadata", {{"resourceVersion", ResourceVersionOf(job)}}}};
}

JobChange Release(const SharedObject& job, const std::string& flavor, const scheduling::Queues& queues) {
  JobChange change{JobChange::What::kRelease, job, Seen(*job), fmt::format("let run on quota of '{}'", flavor)};
  change.patch["metadata"]["annotations"][kFlavorAnnotation] = flavor;
  change.patch["spec"]["suspend"] = false;
  // Kueue, were it to come back, would suspend what it has not let run itself.
  if (!LabelOf(*job, kKueueQueueLabel).empty()) change.patch["metadata"]["labels"][kKueueQueueLabel] = nullptr;
  const json& selector = Member(*job, {"spec", "template", "spec", "nodeSelector"});
  const std::set<std::string> former = FlavorLabelsOf(*job);
  json changed = json::object();
  for (const std::string& key : former) changed[key] = nullptr;
  std::vector<std::string> ours;
  for (const auto& each : queues.flavors) {
    if (each.name != flavor) continue;
    for (const auto& [key, value] : each.node_labels) {
      if (!former.contains(key) && Member(selector, {key.c_str()}) == value) continue;  // he has said so himself
      changed[key] = value;
      ours.push_back(key);
    }
  }
  if (!changed.empty()) change.patch["spec"]["template"]["spec"]["nodeSelector"] = std::move(changed);
  if (!ours.empty() || !former.empty()) {
    change.patch["metadata"]["annotations"][kFlavorLabelsAnnotation] = ours.empty() ? json() : json(Join(ours, ","));
  }
  return change;
}

JobChange HandOver(const SharedObject& job, const std::string& queue) {
  JobChange change{JobChange::What::kHandOver, job, Seen(*job), fmt::format("handed to Kueue's queue '{}'", queue)};
  change.patch["metadata"]["labels"][kKueueQueueLabel] = queue;
  return change;
}

JobChange Suspend(const Entry& entry, std::string why) {
  JobChange change{JobChange::What::kSuspend, entry.job, Seen(*entry.job), std::move(why)};
  change.patch["metadata"]["annotations"][kPreemptedAnnotation] = std::to_string(entry.workload.times_preempted + 1);
  change.patch["spec"]["suspend"] = true;
  return change;
}

scheduling::Queues WithOurs(scheduling::Queues queues) {
  const auto named = [](const auto& queue) { return queue.name == kDefaultQueue; };
  if (std::ranges::none_of(queues.cluster_queues, named))
    scheduling::AddUnlimitedQueue(kDefaultQueue, kWholeCluster, &queues);
  scheduling::AddUnlimitedQueue(kOtherPods, kOtherPods, &queues);
  return queues;
}

class Admission {
 public:
  Admission(const AdmissionSnapshot& snapshot, Instant now)
      : snapshot_(snapshot), now_(now), queues_(WithOurs(snapshot.queues)) {}

  Result<AdmissionPlan> Plan() {
    Sort();
    std::set<std::string> labels;
    for (const Entry& entry : entries_) {
      for (const auto& [key, value] : entry.workload.pod.selector) labels.insert(key);
    }
    for (const auto& flavor : queues_.flavors) {
      for (const auto& [key, value] : flavor.node_labels) labels.insert(key);
    }
    const NodeRoom room = RoomOf(snapshot_.by_nodes ? snapshot_.nodes : Objects{}, labels);
    KEELSON_ASSIGN_OR_RETURN(const auto planner, scheduling::Planner::Make(room.cluster, queues_, {}));
    Adopt(*planner, room);
    for (const Entry& entry : entries_) {
      if (!entry.suspended) continue;
      const Status taken = planner->Submit(entry.workload);
      if (!taken) plan_.waiting[entry.workload.id] = "cannot run: it " + taken.error().message;
    }
    Decide(*planner);
    return std::move(plan_);
  }

 private:
  // A step of a pipeline does once its attempt is written.
  static bool KnowsWhatToDo(const json& job) {
    return LabelOf(job, kStepKindLabel).empty() || !AnnotationOf(job, kAttemptAnnotation).empty();
  }

  void LeaveToKueue(const SharedObject& job, const std::string& id) {
    if (Member(*job, {"spec", "suspend"}) != true) return;
    const std::string queue = LabelOf(*job, kKueueQueueLabel);
    if (!queue.empty()) {
      plan_.waiting[id] = fmt::format("waits in Kueue's queue '{}'; its Workload says for what", queue);
    } else if (!KnowsWhatToDo(*job)) {
      plan_.waiting[id] = kUntold;
    } else {
      plan_.changes.push_back(HandOver(job, LabelOf(*job, kQueueLabel)));
    }
  }

  // Jobs that stand in line or run, with their pods; all other pods are others'.
  void Sort() {
    std::map<std::string, std::size_t> by_uid;
    for (const SharedObject& job : snapshot_.jobs) {
      if (HasEnded(*job)) continue;
      const std::string id = JobId(*job);
      if (snapshot_.by_kueue) {
        LeaveToKueue(job, id);
        continue;
      }
      std::string name = LabelOf(*job, kQueueLabel);
      if (snapshot_.queues.cluster_queues.empty()) name = kDefaultQueue;
      auto queue = scheduling::FindClusterQueue(queues_, NamespaceOf(*job), name);
      if (!queue) {
        plan_.waiting[id] = queue.error().message;
        continue;
      }
      if (!KnowsWhatToDo(*job)) {
        plan_.waiting[id] = kUntold;
        continue;
      }
      entries_.push_back(EntryOf(job, *std::move(queue)));
      by_uid[TextAt(*job, {"metadata", "uid"})] = entries_.size() - 1;
    }
    for (const SharedObject& pod : snapshot_.pods) {
      const auto job = by_uid.find(OwnerOf(*pod));
      const bool leaves = pod->at("metadata").contains("deletionTimestamp");
      if (job != by_uid.end() && !entries_[job->second].suspended && !leaves) {
        const std::string phase = TextAt(*pod, {"status", "phase"});
        if (phase != "Succeeded" && phase != "Failed") entries_[job->second].pods.push_back(pod);
      } else if (Occupies(*pod)) {
        others_.push_back(pod);
      }
    }
  }

  void Adopt(scheduling::Planner& planner, const NodeRoom& room) {
    Places places(room);
    std::map<std::string, scheduling::Running> running;
    for (const SharedObject& pod : others_) {
      scheduling::Workload workload;
      workload.id = "pod " + NamespaceOf(*pod) + "/" + NameOf(*pod);
      workload.queue = kOtherPods;
      workload.workload_class = scheduling::WorkloadClass::kSystem;
      workload.pod = ShapeOf(Member(*pod, {"spec"}));
      workload.preemptible = false;
      const auto place = places.On(NodeOf(*pod), workload.pod);
      if (!place) continue;
      static_cast<void>(planner.Adopt({std::move(workload), kOtherPods, {*place}, now_, {}, {}, {}}));
    }
    for (const Entry& entry : entries_) {
      if (entry.suspended) continue;
      scheduling::Running& each = running[entry.workload.id];
      each.workload = entry.workload;
      each.flavor = FlavorOf(planner, entry);
      each.started = TimeAt(*entry.job, {"status", "startTime"});
      for (const SharedObject& pod : entry.pods) {
        if (const auto place = places.On(NodeOf(*pod), entry.workload.pod)) each.places.push_back(*place);
      }
    }
    // What was let run and has no node yet holds the room that it was let run for.
    for (const Entry& entry : entries_) {
      if (entry.suspended) continue;
      scheduling::Running& each = running[entry.workload.id];
      while (static_cast<int>(each.places.size()) < entry.workload.pods) {
        auto place = room.cluster.nodes.empty() ? PodPlace{} : places.Somewhere(entry.workload.pod);
        if (!place) break;
        each.places.push_back(*std::move(place));
      }
      const auto since = HomelessSince(entry);
      if (since && now_ - *since >= kPlacePatience) {
        plan_.changes.push_back(
            Suspend(entry, "gave its place back: for " + FormatDuration(kPlacePatience) + " no node took its pods"));
      }
      const Status adopted = planner.Adopt(std::move(each));
      if (!adopted) plan_.waiting[entry.workload.id] = "runs beside its queue: it " + adopted.error().message;
    }
  }

  static std::string FlavorOf(const scheduling::Planner& planner, const Entry& entry) {
    const scheduling::QuotaTree& tree = planner.pool().tree();
    std::string said = AnnotationOf(*entry.job, kFlavorAnnotation);
    if (tree.FindFlavor(said) >= 0) return said;
    const auto& flavors = tree.flavors_of(tree.FindQueue(entry.workload.queue));
    return flavors.empty() ? "" : tree.flavor(static_cast<std::size_t>(flavors.front()));
  }

  void Decide(scheduling::Planner& planner) {
    std::map<std::string, const Entry*> by_id;
    for (const Entry& entry : entries_) by_id[entry.workload.id] = &entry;
    for (const scheduling::Decision& decision : planner.Plan(now_)) {
      const auto found = by_id.find(decision.id);
      if (found == by_id.end()) continue;
      if (decision.kind == scheduling::Decision::Kind::kStart) {
        plan_.changes.push_back(Release(found->second->job, decision.flavor, queues_));
      } else {
        plan_.changes.push_back(Suspend(*found->second, fmt::format("makes room for {}", decision.for_whom)));
      }
    }
    for (const Entry& entry : entries_) {
      if (const auto why = planner.Why(entry.workload.id)) plan_.waiting[entry.workload.id] = *why;
    }
  }

  const AdmissionSnapshot& snapshot_;
  const Instant now_;
  const scheduling::Queues queues_;
  std::vector<Entry> entries_;
  Objects others_;
  AdmissionPlan plan_;
};

}  // namespace

std::string JobId(const json& job) {
  return NamespaceOf(job) + "/" + NameOf(job);
}

Result<AdmissionPlan> PlanAdmission(const AdmissionSnapshot& snapshot, Instant now) {
  return Admission(snapshot, now).Plan();
}

}  // namespace keelson::kubernetes
